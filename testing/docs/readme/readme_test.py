#!/usr/bin/env python3
"""readme_test.py PROGRAM README FILE...: each FILE stands in the README as it is, and PROGRAM trains on two processes."""

import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, "testing/docs")
import markdown_blocks  # noqa: E402

PROGRAM, README, *FILES = sys.argv[1:]


class Readme(unittest.TestCase):
    def test_shows_files_as_they_are(self):
        blocks = [block.text for block in markdown_blocks.blocks(pathlib.Path(README).read_text())]
        for file in FILES:
            with self.subTest(file=file):
                self.assertIn(pathlib.Path(file).read_text(), blocks)

    def test_shows_a_program_that_trains(self):
        run = subprocess.run([PROGRAM, "--cpu", "--num_processes=2"], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        losses = [float(loss) for loss in re.findall(r"^epoch \d+ loss (.*)$", run.stdout, re.MULTILINE)]
        self.assertEqual(len(losses), 10, run.stdout)
        self.assertLess(losses[-1], losses[0] / 3)


if __name__ == "__main__":
    sys.exit(unittest.main(argv=sys.argv[:1]))
