#!/usr/bin/env python3
"""Programs under a real SLURM of two nodes, which the test starts on this machine."""

import os
import pathlib
import tempfile
import time
import unittest

import private_machine
import slurm_cluster

MY_MODEL = str(pathlib.Path("train/my_model").resolve())
TRAINED = "test accuracy 0."
PLACE = "echo $RANK of $WORLD_SIZE, $LOCAL_RANK of $LOCAL_WORLD_SIZE on $GROUP_RANK at $MASTER_ADDR:$MASTER_PORT"

# Rank 0 looks out for the warning, and rank 1 does not.
WAIT_FOR_WARNING = """
import os, signal, time
if os.environ["RANK"] == "0":
    # print() must not interrupt another one.
    signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"warned\\n"))
print("ready", flush=True)
while True:
    time.sleep(1000)
"""


class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A socket's path must be short.
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.cluster = slurm_cluster.SlurmCluster(folder.name)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        os.environ["PATH"] = str(pathlib.Path("launcher").resolve()) + ":" + os.environ["PATH"]
        os.environ["HF_HOME"] = folder.name
        os.environ["OMP_NUM_THREADS"] = "1"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_command(self, *command):
        end = self.cluster.run(*command)
        self.assertEqual(end.returncode, 0, end.stdout + end.stderr)
        return end

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def submit(self, script):
        """What the script has written when it has ended."""
        output = self.folder / "output"
        self.run_command("sbatch", "--wait", "-o", str(output), self.file("script", script))
        return output.read_text()

    def test_a_bare_program_trains_on_all_tasks_of_a_step(self):
        end = self.run_command("srun", "-N2", "-n4", MY_MODEL, "--epochs=1")
        self.check_trained_together(end.stdout)

    def test_nodes_may_have_different_numbers_of_tasks(self):
        end = self.run_command("srun", "-N2", "-n3", "--distribution=block", MY_MODEL, "--epochs=1")
        self.check_trained_together(end.stdout)

    def test_nodes_may_have_different_numbers_of_processes(self):
        launch = "accelerate launch --cpu --nproc_per_node=$((3 - 2 * SLURM_PROCID))"
        end = self.run_command("srun", "-N2", "--ntasks-per-node=1", "sh", "-c", f"{launch} {MY_MODEL} --epochs=1")
        self.check_trained_together(end.stdout)

    def test_a_bare_program_with_one_task_is_alone(self):
        end = self.run_command("srun", "-N1", "-n1", MY_MODEL, "--epochs=1", "--num_processes=2")
        self.assertEqual(end.stdout.count(TRAINED), 1, end.stdout)

    def test_a_launcher_on_each_node_starts_the_processes_there(self):
        launch = ["srun", "-N2", "--ntasks-per-node=1", "accelerate", "launch", "--cpu", "--num_processes=4"]
        places = self.run_command(*launch, "--", "sh", "-c", PLACE).stdout.splitlines()
        # All meet at the same port of the first node.
        meeting = places[0].rpartition(" at ")[2]
        self.assertRegex(meeting, r"^node1:\d+$")
        expected = [f"{rank} of 4, {rank % 2} of 2 on {rank // 2} at {meeting}" for rank in range(4)]
        self.assertEqual(sorted(places), expected)
        self.check_trained_together(self.run_command(*launch, MY_MODEL, "--epochs=1").stdout)

    def test_launchers_do_not_multiply_processes(self):
        end = self.cluster.run("srun", "-N1", "-n2", "accelerate", "launch", "--cpu", "--num_processes=2", "true")
        self.assertNotEqual(end.returncode, 0)
        self.assertIn("srun has started 2 tasks on 1 node, each of which would start", end.stderr)

    def test_a_batch_script_is_no_task(self):
        output = self.submit(
            "#!/bin/sh\n#SBATCH --ntasks=2\n"
            f"accelerate launch --cpu --num_processes=2 {MY_MODEL} --epochs=1\n"
            f"{MY_MODEL} --epochs=1\n"
        )
        self.assertEqual(output.count(TRAINED), 2, output)

    def test_the_printed_script_trains_on_all_nodes(self):
        flags = ["--cpu", "--num_machines=2", "--num_processes=4", "--mixed_precision=bf16"]
        script = self.run_command("accelerate", "launch", "--print", "slurm", *flags, MY_MODEL, "--epochs=1").stdout
        output = self.submit(script)
        self.check_trained_together(output)

    def check_trained_together(self, output):
        """The first process of each of the two nodes says so, in the same words: they have trained one model."""
        lines = [line for line in output.splitlines() if TRAINED in line]
        self.assertEqual(len(lines), 2, output)
        self.assertEqual(lines[0], lines[1])

    def test_a_warning_reaches_the_ranks_and_ends_nobody(self):
        program = self.file("program.py", WAIT_FOR_WARNING)
        launch = ["accelerate", "launch", "--print", "slurm", "--cpu", "--num_processes=2", program]
        script = self.file("script", self.run_command(*launch).stdout)
        output = self.folder / "output"
        job = self.run_command("sbatch", "--parsable", "-o", str(output), script).stdout.strip()
        self.wait_for(output, lambda text: text.count("ready") == 2)
        self.run_command("scancel", "--signal=USR1", job)
        self.wait_for(output, lambda text: "warned" in text)
        state = self.run_command("squeue", "-h", "-j", job, "-o", "%T").stdout
        self.assertEqual(state, "RUNNING\n", output.read_text())
        self.run_command("scancel", job)

    def test_a_run_goes_on_when_its_job_is_requeued(self):
        flags = ["--epochs=60", "--report_ranks"]
        unbroken = self.run_command("srun", "-N2", "-n2", MY_MODEL, *flags).stdout
        run = self.folder / "run"
        program = " ".join(["srun", MY_MODEL, *flags, f"--checkpoints={run}", "--save_every=20"])
        script = self.file("script", f"#!/bin/sh\n{program}\n")
        output = self.folder / "output"
        options = ["--parsable", "--requeue", "--open-mode=append", "-N2", "-n2", "-o", str(output)]
        job = self.run_command("sbatch", *options, script).stdout.strip()
        self.eventually(lambda: any(run.glob("checkpoint_*/commit.json")))
        self.run_command("scontrol", "requeue", job)
        self.eventually(lambda: self.has_begun_again(job))
        self.wait_for(output, lambda text: text.count(TRAINED) == 2)
        self.assertIn(f"resumed from {run}/checkpoint_", output.read_text())
        self.assertEqual(self.digests(output.read_text()), self.digests(unbroken))

    def has_begun_again(self, job):
        # SLURM would let it wait for two minutes.
        self.cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        shown = self.run_command("scontrol", "show", "job", job).stdout
        return "Restarts=1" in shown and "JobState=PENDING" not in shown and "JobState=COMPLETING" not in shown

    def digests(self, output):
        return sorted(line for line in output.splitlines() if " digest " in line)

    def eventually(self, condition):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

    def wait_for(self, file, condition):
        end = time.monotonic() + 60
        while not (file.exists() and condition(file.read_text())):
            self.assertLess(time.monotonic(), end, file.read_text() if file.exists() else "nothing was written")
            time.sleep(0.1)


if __name__ == "__main__":
    private_machine.enter(dict.fromkeys(slurm_cluster.NODES, private_machine.ADDRESS), slurm_cluster.TOOLS)
    unittest.main()
