#!/usr/bin/env python3
"""However an installation ends, nothing stays that keeps services of later packages from starting.

It runs ./bazelw with a dpkg-query that knows no package and an apt-get that only waits, and with the file of the policy in
the test's own folder.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

BAZELW = pathlib.Path("bazelw")
LISTS = pathlib.Path("third_party/debian")
POLICY = "/usr/sbin/policy-rc.d"
OURS = "#!/bin/sh\n# bazelw made this, and removes it\nexit 101\n"
THEIRS = "#!/bin/sh\nexit 104\n"


class Installation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.policy = self.folder / "policy"
        # Says on its output that it runs, and then waits; by exec, as a shell that is just starting a process may keep a
        # signal from both.
        self.command("apt-get", 'case "$*" in *install*) echo waits >&3; exec sleep 600 ;; esac')
        self.command("dpkg-query", "exit 1")
        self.command("id", "echo 0")
        self.command("bazel", "exit 0")
        self.command("bazelw", BAZELW.read_text().split("\n", 1)[1])
        lists = self.folder / LISTS
        lists.mkdir(parents=True)
        for each in LISTS.iterdir():
            (lists / each.name).write_text(each.read_text().replace(POLICY, str(self.policy)))

    def command(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text + "\n")
        path.chmod(0o755)

    def interrupt(self, number):
        reading, writing = os.pipe()
        run = subprocess.Popen(
            ["sh", "-c", 'exec 3>&"$0"; exec "$@"', str(writing), self.folder / "bazelw", "build", "//..."],
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"}, pass_fds=[writing],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in (signal.SIGHUP, signal.SIGINT)])
        os.close(writing)
        with os.fdopen(reading) as events:
            self.assertEqual(events.readline(), "waits\n")
            during = self.policy.read_text()
            os.killpg(run.pid, number)
            # Ends when the last process of the installation has ended.
            self.assertEqual(events.read(), "")
        run.wait()
        return during

    def test_leaves_no_policy_when_interrupted(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                self.assertEqual(self.interrupt(number), OURS)
                self.assertFalse(self.policy.exists())

    def test_removes_what_a_power_cut_left(self):
        self.policy.write_text(OURS)
        self.assertEqual(self.interrupt(signal.SIGTERM), OURS)
        self.assertFalse(self.policy.exists())

    def test_leaves_the_policy_of_the_machine(self):
        self.policy.write_text(THEIRS)
        self.assertEqual(self.interrupt(signal.SIGTERM), THEIRS)
        self.assertEqual(self.policy.read_text(), THEIRS)


if __name__ == "__main__":
    known = subprocess.run(["./bazelw", "--packages", "build"], capture_output=True, check=False)
    if known.returncode != 0:
        print("skipped: the packages of this system are not known")
        sys.exit()
    sys.exit(unittest.main())
