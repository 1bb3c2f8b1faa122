#!/usr/bin/env python3
"""Programs under Open MPI's mpirun, on one host and on two, which the test makes of this machine."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import private_machine

MY_MODEL = str(pathlib.Path("train/my_model").resolve())
TRAINED = "test accuracy 0."
SECOND_ADDRESS = "10.11.12.2"


class MpirunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        holder, there = private_machine.second_host("node2", SECOND_ADDRESS)
        cls.addClassCleanup(holder.communicate)
        # What mpirun takes for ssh: it gets the host, and then the words of a command.
        agent = cls.folder / "agent"
        agent.write_text(f'#!/bin/sh\nshift\nexec {" ".join(there)} sh -c "$*"\n')
        agent.chmod(0o755)
        os.environ["PATH"] = str(pathlib.Path("launcher").resolve()) + ":" + os.environ["PATH"]
        settings = {
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_plm_rsh_agent": str(agent),
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "HF_HOME": folder.name,
            # Open MPI 5 has another name for each of these, and needs a home.
            "PRTE_MCA_plm_ssh_agent": str(agent),
            "PRTE_MCA_rmaps_default_mapping_policy": ":OVERSUBSCRIBE",
            "HOME": os.environ.get("HOME", folder.name),
            "OMP_NUM_THREADS": "1",
        }
        os.environ.update(settings)

    def run_command(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)

    def hostfile(self, *hosts):
        path = self.folder / "hosts"
        path.write_text("".join(f"{host}\n" if " " in host else f"{host} slots=2\n" for host in hosts))
        return str(path)

    def check_trained(self, end, hosts=1):
        """The first process of each host says so, in the same words: they have trained one model."""
        self.assertEqual(end.returncode, 0, end.stdout + end.stderr)
        lines = [line[line.index(TRAINED) :] for line in end.stdout.splitlines() if TRAINED in line]
        self.assertEqual(len(lines), hosts, end.stdout + end.stderr)
        self.assertEqual(len(set(lines)), 1, end.stdout)

    def test_a_bare_program_trains_on_all_processes(self):
        self.check_trained(self.run_command("mpirun", "-n", "2", MY_MODEL, "--epochs=1"))

    def test_a_bare_program_trains_on_two_hosts(self):
        across = ["mpirun", "--hostfile", self.hostfile("node1", "node2"), "--npernode", "1", "-n", "2"]
        self.check_trained(self.run_command(*across, MY_MODEL, "--epochs=1"), hosts=2)

    def test_hosts_may_have_different_numbers_of_slots(self):
        across = ["mpirun", "--hostfile", self.hostfile("node1 slots=1", "node2 slots=3"), "-n", "4"]
        self.check_trained(self.run_command(*across, MY_MODEL, "--epochs=1"), hosts=2)

    def test_launchers_may_have_different_numbers_of_processes(self):
        across = ["mpirun", "--hostfile", self.hostfile("node1", "node2"), "--npernode", "1", "-n", "2"]
        launch = "accelerate launch --cpu --nproc_per_node=$((1 + 2 * OMPI_COMM_WORLD_RANK))"
        words = [*across, "-x", "PATH", "sh", "-c", f"{launch} {MY_MODEL} --epochs=1"]
        self.check_trained(self.run_command(*words), hosts=2)

    def test_a_launcher_on_each_host_starts_the_processes_there(self):
        across = ["mpirun", "--hostfile", self.hostfile("node1", "node2"), "--npernode", "1", "-n", "2"]
        launch = ["-x", "PATH", "accelerate", "launch", "--cpu", "--num_processes=4"]
        self.check_trained(self.run_command(*across, *launch, MY_MODEL, "--epochs=1"), hosts=2)

    def test_rank_0_says_so_where_the_others_would_not_find_it(self):
        def across(*options):
            # From a hostfile mpirun would take its own host first.
            program = [*options, MY_MODEL, "--epochs=1"]
            first, second = (["-n", "1", "--host", host, *program] for host in ("node2", "node1"))
            return ["mpirun", *first, ":", *second]

        end = self.run_command(*across())
        self.assertNotEqual(end.returncode, 0)
        self.assertIn("rank 0 is on another host than mpirun", end.stderr)
        self.check_trained(self.run_command(*across("-x", "MASTER_ADDR=node2")), hosts=2)

    def test_launchers_do_not_multiply_processes(self):
        end = self.run_command("mpirun", "-n", "2", "accelerate", "launch", "--cpu", "true")
        self.assertNotEqual(end.returncode, 0)
        self.assertIn("mpirun has started 2 processes on this host", end.stderr)

    def test_a_launch_through_mpirun_trains(self):
        hosts = self.hostfile("node1")
        launch = ["accelerate", "launch", "--cpu", "--num_processes=2", "--mpirun_hostfile", hosts]
        self.check_trained(self.run_command(*launch, MY_MODEL, "--epochs=1"))

    def test_a_launch_through_mpirun_fills_hosts_that_differ(self):
        hosts = self.hostfile("node1 slots=1", "node2 slots=2")
        launch = ["accelerate", "launch", "--cpu", "--num_machines=2", "--main_process_ip=node1"]
        launch += ["--num_processes=3", "--mpirun_hostfile", hosts]
        self.check_trained(self.run_command(*launch, MY_MODEL, "--epochs=1"), hosts=2)

        end = self.run_command(*launch[:-1], self.hostfile("node1", "node2"), "true")
        self.assertEqual(end.returncode, 2)
        self.assertIn("cannot be divided among 2 machines, and", end.stderr)

    def test_a_launch_through_mpirun_does_not_let_hosts_look_for_rank_0_at_home(self):
        hosts = self.hostfile("node1 slots=1", "node2 slots=3")
        launch = ["accelerate", "launch", "--cpu", "--num_processes=4", "--mpirun_hostfile", hosts]
        end = self.run_command(*launch, MY_MODEL, "--epochs=1")
        self.assertEqual(end.returncode, 2)
        self.assertIn("pass --num_machines=2 and --main_process_ip=NAME", end.stderr)

    def test_the_printed_line_trains_on_two_hosts(self):
        self.hostfile("node1", "node2")
        flags = ["--cpu", "--num_machines=2", "--num_processes=4"]
        line = self.run_command("accelerate", "launch", "--print", "mpi", *flags, MY_MODEL, "--epochs=1")
        self.assertEqual(line.returncode, 0, line.stderr)
        self.check_trained(self.run_command("sh", "-c", line.stdout), hosts=2)


if __name__ == "__main__":
    private_machine.enter({"node1": private_machine.ADDRESS, "node2": SECOND_ADDRESS}, ["mpirun"])
    unittest.main()
