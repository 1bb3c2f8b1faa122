#!/usr/bin/env python3
"""An environment is made once for the same packages, and only where nobody keeps something else."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path("testing/python_environment").resolve()))
import python_environment


class PythonEnvironmentTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / "env"
        self.requirements = pathlib.Path(folder.name) / "requirements.txt"
        self.requirements.write_text("tool==1\n")
        self.commands = []

    def install(self, command):
        self.commands.append(command)
        if "venv" in command:
            (self.folder / "bin").mkdir(parents=True)
            (self.folder / "pyvenv.cfg").touch()
        elif "interrupted" in self.requirements.read_text():
            raise KeyboardInterrupt

    def make(self):
        self.commands.clear()
        tell = lambda line: None
        return python_environment.make(self.folder, self.requirements, "a tool", tell, self.install)

    def test_installs_once(self):
        self.assertEqual(self.make(), self.folder / "bin/python")
        self.assertEqual(len(self.commands), 2)
        self.make()
        self.assertEqual(self.commands, [])

    def test_installs_anew_for_other_versions(self):
        self.make()
        self.requirements.write_text("tool==2\n")
        self.make()
        self.assertEqual(len(self.commands), 2)

    def test_takes_no_interrupted_environment_for_a_whole_one(self):
        self.requirements.write_text("interrupted\n")
        for _ in range(2):
            with self.assertRaises(KeyboardInterrupt):
                self.make()
        self.requirements.write_text("tool==1\n")
        self.make()
        self.assertEqual(len(self.commands), 2)

    def test_removes_nothing_that_is_not_its_own(self):
        self.folder.mkdir()
        (self.folder / "letters").touch()
        with self.assertRaisesRegex(python_environment.Refusal, "holds something else.*name another folder with --env"):
            self.make()
        self.assertTrue((self.folder / "letters").exists())


if __name__ == "__main__":
    sys.exit(unittest.main())
