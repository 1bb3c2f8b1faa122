"""A SLURM of two nodes on this machine, for a test that has it for itself (private_machine.py).

    cluster = SlurmCluster(folder)
    cluster.start()
    cluster.run("srun", "-N2", "hostname")
"""

import os
import pathlib
import subprocess
import time

NODES = ["node1", "node2"]
TOOLS = ["munged", "slurmctld", "slurmd", "srun", "sbatch", "sinfo", "scancel", "scontrol"]

# Without control groups, which a machine may not give to a test, and with more cores than it may have.
_CONFIG = """
ClusterName=test
SlurmctldHost=node1(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
MpiDefault=none
NodeName=node1 NodeHostname=node1 NodeAddr=127.0.0.1 Port=17001 CPUs=4
NodeName=node2 NodeHostname=node1 NodeAddr=127.0.0.1 Port=17002 CPUs=4
PartitionName=all Nodes=ALL Default=YES State=UP
"""


class SlurmCluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.daemons = []

    def start(self):
        # munged trusts no folder that others may write to.
        self.folder.chmod(0o755)
        (self.folder / "slurm.conf").write_text(_CONFIG.format(folder=self.folder))
        os.environ["SLURM_CONF"] = str(self.folder / "slurm.conf")
        for name in ["state", "spool-node1", "spool-node2"]:
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
        paths = [f"--{option}={self.folder / name}" for option, name in files.items()]
        self._daemon("munged", "--foreground", f"--key-file={key}", *paths)
        self._wait_for("munged", lambda: (self.folder / "munge.socket").exists())
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self._daemon("slurmd", "-D", "-N", node)
        self._wait_for("two idle nodes", lambda: self.run("sinfo", "-h", "-o", "%T %D").stdout == "idle 2\n")

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait()

    def run(self, *command, **options):
        # Of a job that never starts, the test's own time-out makes an end.
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    def _daemon(self, *command):
        with open(self.folder / "daemons.log", "a", encoding="utf-8") as log:
            self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _wait_for(self, what, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"no {what}:\n" + (self.folder / "daemons.log").read_text())
            time.sleep(0.1)
