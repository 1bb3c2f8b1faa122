#!/usr/bin/env python3
"""Measures what launchers add to the time that a program takes: this project's, and Python's `accelerate launch`.

    bazel build //launcher:accelerate
    python3 -m venv peers && peers/bin/pip install torch==2.11.0 accelerate==1.15.0
    testing/benchmarks/compare_launch.py --python peers/bin/python

Runs `true` by itself, through each launcher in one process, and through each in two, in turn, for several rounds. Prints
the median time of each, and what the launcher adds: the median, least and greatest difference to `true` by itself in the
same round. Python's launcher starts two processes only for GPUs, whether there are any or not.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def launches(options):
    own = [ROOT / "bazel-bin/launcher/accelerate", "launch", "--num_machines=1", "--cpu"]
    commands = {
        "`true` by itself": ["true"],
        "this project, 1 process": own + ["--num_processes=1", "true"],
        "this project, 2 processes": own + ["--num_processes=2", "true"],
    }
    if options.python:
        peer = [options.python, "-m", "accelerate.commands.launch", "--no_python"]
        commands["Python, 1 process"] = peer + ["--cpu", "--num_processes=1", "true"]
        commands["Python, 2 processes"] = peer + ["--multi_gpu", "--num_processes=2", "true"]
    return commands


def milliseconds(command, environment):
    begin = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return 1000 * (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="a Python with torch and accelerate")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()

    commands = launches(options)
    found = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as home:
        # Without the config file of whoever runs this.
        environment = dict(os.environ, HF_HOME=home)
        for _ in range(options.rounds):
            for name, command in commands.items():
                found[name].append(milliseconds(command, environment))
    print("| command | ms | added ms |\n| --- | --- | --- |")
    for name, values in found.items():
        added = [value - alone for value, alone in zip(values, found["`true` by itself"])]
        spread = f"{statistics.median(added):.1f} ({min(added):.1f} to {max(added):.1f})"
        print(f"| {name} | {statistics.median(values):.1f} | {spread} |")


main()
