#!/usr/bin/env python3
"""Compares the loops of mlp_loops.cc and mlp_peer.py, each run in turn, over several rounds.

    bazel build //testing/benchmarks:mlp_loops
    python3 -m venv peers && peers/bin/pip install torch==2.11.0 accelerate==1.15.0 numpy
    testing/benchmarks/compare_mlp.py --python peers/bin/python

Prints for each loop the median of its steps per second, and the median, least and greatest of the accelerated
loop's ratio to it in the same round.
"""

import argparse
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parent.parent / "bazel-bin/testing/benchmarks/mlp_loops"


def steps_per_second(command):
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    words = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return float(words[words.index("steps_per_s") + 1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="a Python with torch and accelerate; without it the Python loops are left out")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()

    loops = {
        "this project": [PROGRAM, "--loop=accelerate", f"--steps={options.steps}"],
        "by hand, _fused_adamw_ on the list": [PROGRAM, "--loop=fused_list", f"--steps={options.steps}"],
        "plain LibTorch": [PROGRAM, "--loop=libtorch", f"--steps={options.steps}"],
    }
    if options.python:
        peer = [options.python, HERE / "mlp_peer.py"]
        loops["plain PyTorch, fused AdamW"] = peer + ["pytorch", str(options.steps)]
        loops["Python Accelerate"] = peer + ["accelerate", str(options.steps)]

    found = {name: [] for name in loops}
    for _ in range(options.rounds):
        for name, command in loops.items():
            found[name].append(steps_per_second(command))
    own = found["this project"]
    print(f"| loop | steps/s | this project is faster by |\n| --- | --- | --- |")
    for name, values in found.items():
        ratios = [a / b for a, b in zip(own, values)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {statistics.median(values):.0f} | {spread} |")


main()
