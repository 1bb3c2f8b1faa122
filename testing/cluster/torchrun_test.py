#!/usr/bin/env python3
"""Programs under Python's torchrun, which is looked for in TORCHRUN and on the PATH."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

MY_MODEL = str(pathlib.Path("train/my_model").resolve())
ACCELERATE = str(pathlib.Path("launcher/accelerate").resolve())
TORCHRUN = os.environ.get("TORCHRUN") or shutil.which("torchrun")
TRAINED = "test accuracy 0."

# In the first attempt rank 1 fails when all have met, which it sees by what rank 0 prints. In the second it comes
# last, so that rank 0 is the first to look at what the agent's store has.
FAIL_ONCE = """#!/bin/sh
if [ $TORCHELASTIC_RESTART_COUNT = 0 ]; then
  if [ $RANK = 0 ]; then exec {model} --epochs=100000 > {folder}/printed; fi
  {model} --epochs=100000 &
  until grep -q epoch {folder}/printed; do sleep 0.1; done
  kill -9 $!
  exit 9
fi
if [ $RANK = 0 ]; then touch {folder}/begun; else until [ -e {folder}/begun ]; do sleep 0.1; done; sleep 1; fi
exec {model} --epochs=1
"""

# The process of the first node fails at once, while that of the second waits for it. So the first agent counts a
# restart, and the second none: its process starts again because another node has.
FAIL_ON_ONE_NODE = """#!/bin/sh
if [ $NODE = first ] && [ ! -e {folder}/failed ]; then touch {folder}/failed; exit 9; fi
exec {model} --epochs=1
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class TorchrunTest(unittest.TestCase):
    def run_command(self, *arguments):
        # One store for all attempts: that of --standalone is another in each.
        command = [TORCHRUN, "--no-python", "--nproc-per-node=2", f"--master-port={free_port()}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_program_trains(self):
        end = self.run_command(MY_MODEL, "--epochs=1")
        self.assertEqual(end.returncode, 0, end.stderr)
        self.assertEqual(end.stdout.count(TRAINED), 1, end.stdout)

    def test_a_program_trains_after_a_restart(self):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "fail_once"
            script.write_text(FAIL_ONCE.format(model=MY_MODEL, folder=folder))
            script.chmod(0o755)
            end = self.run_command("--max-restarts=1", str(script))
        self.assertEqual(end.returncode, 0, end.stderr)
        self.assertEqual(end.stdout.count(TRAINED), 1, end.stdout)
        # As it would be with a process of the first attempt.
        self.assertNotIn("cannot share memory", end.stderr)

    def test_nodes_that_count_their_restarts_differently_meet_again(self):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "fail_on_one_node"
            script.write_text(FAIL_ON_ONE_NODE.format(model=MY_MODEL, folder=folder))
            script.chmod(0o755)
            command = [TORCHRUN, "--no-python", "--nnodes=2", "--nproc-per-node=1", "--max-restarts=3",
                       "--rdzv-backend=c10d", "--rdzv-id=two_nodes", f"--rdzv-endpoint=127.0.0.1:{free_port()}",
                       "--local-addr=127.0.0.1", str(script)]
            agents = [subprocess.Popen(command, env={**os.environ, "NODE": node}, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True) for node in ("first", "second")]
            ends = [agent.communicate() for agent in agents]
        for agent, (output, errors) in zip(agents, ends):
            self.assertEqual(agent.returncode, 0, errors)
            self.assertEqual(output.count(TRAINED), 1, output)
        self.assertEqual(ends[0][0], ends[1][0], "they have trained one model")

    def test_a_launcher_does_not_multiply_processes(self):
        end = self.run_command(ACCELERATE, "launch", "--cpu", "--num_processes=2", "true")
        self.assertNotEqual(end.returncode, 0)
        self.assertIn("each of which would start processes of its own", end.stderr)


if __name__ == "__main__":
    if TORCHRUN is None:
        print("SKIPPED: there is no torchrun; bazel test --test_env=TORCHRUN=PATH names one")
        sys.exit(0)
    os.environ["OMP_NUM_THREADS"] = "1"
    unittest.main()
