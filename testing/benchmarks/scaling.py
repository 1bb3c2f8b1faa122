#!/usr/bin/env python3
"""Measures what grows with the number of processes and machines from the command to the first step, and models from it
how long that takes with numbers that this machine cannot have.

    bazel run //testing/benchmarks:scaling                    # up to 64 processes, and the model up to 1,024 ranks
    bazel run //testing/benchmarks:scaling -- --most=16

Processor time is measured, not elapsed time: on a real cluster each machine has its own cores, and here all share
these. Prints Markdown.
"""

import argparse
import dataclasses
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(f"{os.path.abspath(__file__)}.runfiles/accelerate")
PROGRAM = str(ROOT / "testing/benchmarks/first_step")
# With all told, so that it has nothing to remark upon.
LAUNCH = [str(ROOT / "launcher/accelerate"), "launch", "--cpu", "--mixed_precision=no", "--dynamo_backend=no"]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def processor_seconds(commands, environments):
    """Starts all at once; what each took, with all that it started and waited for."""
    running = [
        subprocess.Popen(command, env=dict(os.environ, **more), stdout=subprocess.DEVNULL)
        for command, more in zip(commands, environments)
    ]
    seconds = []
    for process in running:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"scaling: {' '.join(process.args)} ended with {process.returncode}")
        seconds.append(usage.ru_utime + usage.ru_stime)
    return seconds


def of_launcher(processes):
    """Of one machine: the plan, and starting and watching processes that do nothing."""
    return processor_seconds([[*LAUNCH, "--num_machines=1", f"--num_processes={processes}", "true"]], [{}])[0]


def of_coordinator(machines):
    """Of machine 0's launcher, which coordinates the others, with one process that does nothing on each."""
    flags = [f"--num_machines={machines}", "--main_process_ip=127.0.0.1", f"--main_process_port={free_port()}"]
    commands = [
        [*LAUNCH, f"--num_processes={machines}", *flags, f"--machine_rank={rank}", "true"]
        for rank in range(machines)
    ]
    return processor_seconds(commands, [{}] * machines)[0]


def of_ranks(ranks):
    """Of rank 0, which holds the store, and of each of the others: all up to the end of the first step."""
    port = str(free_port())
    environments = [
        {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(ranks),
         "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for rank in range(ranks)
    ]
    first, *others = processor_seconds([[PROGRAM, "--cpu"]] * ranks, environments)
    return first, sum(others) / len(others) if others else first


def line_through(points):
    """Intercept and slope of the least squares line."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return mean_y - slope * mean_x, slope


@dataclasses.dataclass
class Model:
    """Seconds of a processor: fixed, and for each of what they grow with."""

    launcher: float
    for_process: float  # Of a machine, in its launcher.
    for_machine: float  # Of the job, in the coordinator.
    rank: float
    for_rank: float  # Of the job, in each rank.
    store_for_rank: float  # Of the job, in rank 0 alone.

    def seconds(self, machines, processes, cores):
        """From the command on each machine to the end of the first step; without the network's delays."""
        ranks = machines * processes
        launch = self.launcher + self.for_process * processes + self.for_machine * (machines - 1)
        start = (self.rank + self.for_rank * ranks) * processes / min(processes, cores)
        return launch, start, self.store_for_rank * ranks


def least(measure, argument, rounds):
    """Of some rounds, since what else runs here can only add to it."""
    return min(measure(argument) for _ in range(rounds))


def milliseconds(seconds):
    return f"{1000 * seconds:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=64, help="processes, and machines")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", HF_HOME=tempfile.mkdtemp())

    print("Milliseconds of a processor:\n")
    print("| number | launcher of so many processes | launcher 0 of so many machines | rank 0 of so many | others |")
    print("| --- | --- | --- | --- | --- |")
    counts = [2**k for k in range(1, options.most.bit_length())]
    launchers, coordinators, firsts, others = [], [], [], []
    begin = time.monotonic()
    for count in counts:
        launchers.append((count, least(of_launcher, count, options.rounds)))
        coordinators.append((count, least(of_coordinator, count, options.rounds)))
        first, other = least(of_ranks, count, options.rounds)
        firsts.append((count, first))
        others.append((count, other))
        row = [launchers[-1][1], coordinators[-1][1], first, other]
        print(f"| {count} | {' | '.join(map(milliseconds, row))} |", flush=True)

    launcher, for_process = line_through(launchers)
    _, for_machine = line_through(coordinators)
    rank, for_rank = line_through(others)
    _, store_for_rank = line_through([(count, first - other) for (count, first), (_, other) in zip(firsts, others)])
    model = Model(launcher, for_process, for_machine, rank, for_rank, store_for_rank)
    print("\nThe model, in milliseconds of a processor:\n\n| what | |\n| --- | --- |")
    for field in dataclasses.fields(model):
        print(f"| `{field.name}` | {1000 * getattr(model, field.name):.3f} |")
    print("\nFrom the command to the first step, in milliseconds, with 8 processes and 8 cores a machine:\n")
    print("| machines | ranks | launchers | ranks' own | store | sum |\n| --- | --- | --- | --- | --- | --- |")
    for machines in [1, 2, 8, 32, 128]:
        parts = model.seconds(machines, processes=8, cores=8)
        print(f"| {machines} | {8 * machines} | {' | '.join(map(milliseconds, [*parts, sum(parts)]))} |")
    print(f"\nMeasured in {time.monotonic() - begin:.0f} s.")


if __name__ == "__main__":
    main()
