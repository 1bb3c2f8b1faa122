#!/usr/bin/env python3
"""docs/porting.md shows plain.cc whole, what `diff -u` says of plain.cc and ported.cc, and runs of lines of the
programs beside this test.

    testing/docs/porting/page_test.py          from the root of the tree
"""

import pathlib
import subprocess
import sys
import textwrap
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, "testing/docs")
import markdown_blocks  # noqa: E402

PAGE = pathlib.Path("docs/porting.md")
PROGRAMS = pathlib.Path("testing/docs/porting")


def blocks(language):
    return markdown_blocks.blocks(PAGE.read_text(), language)


def source(name):
    return (PROGRAMS / name).read_text()


def shows(block, text):
    """Whether the block is a run of lines of the text, however far these are indented."""
    wanted = block.splitlines()
    lines = text.splitlines()
    return any(textwrap.dedent("\n".join(lines[at:at + len(wanted)])) == "\n".join(wanted)
               for at in range(len(lines)) if lines[at].strip() == wanted[0].strip())


class Page(unittest.TestCase):
    def test_shows_the_plain_program_whole(self):
        self.assertIn(source("plain.cc"), [block.text for block in blocks("cpp")])

    def test_shows_the_difference(self):
        command = ["diff", "-u", "--suppress-blank-empty", "--label", "plain.cc", "--label", "ported.cc",
                   PROGRAMS / "plain.cc", PROGRAMS / "ported.cc"]
        difference = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(difference.returncode, 1, difference.stderr)
        self.assertEqual([difference.stdout], [block.text for block in blocks("diff")])

    def test_shows_code_of_the_programs(self):
        programs = [source(path.name) for path in sorted(PROGRAMS.glob("*.cc")) if path.stem != "programs_test"]
        for block in blocks("cpp"):
            with self.subTest(line=block.line):
                self.assertTrue(any(shows(block.text, text) for text in programs),
                                f"{PAGE}:{block.line}: no program in {PROGRAMS} has these lines:\n{block.text}")


if __name__ == "__main__":
    sys.exit(unittest.main())
