#!/usr/bin/env python3
"""Compares training loops of this project with their peers: each is run in turn, one thread each, for several rounds.

    bazel build //testing/benchmarks:mlp_loops //train:char_gpt
    python3 -m venv peers && peers/bin/pip install torch==2.11.0 accelerate==1.15.0 numpy
    testing/benchmarks/compare.py mlp --python peers/bin/python
    testing/benchmarks/compare.py gpt --python peers/bin/python --mixed_precision bf16

mlp: 64-256-10, batch 32, AdamW, loader included; against loops by hand in C++, plain PyTorch and Hugging Face
Accelerate, each as its users would write it. gpt: train/char_gpt at its usual size, against Hugging Face Accelerate.
Prints the median speed of each loop, and how much faster this project is: the median, least and greatest ratio of two
runs in the same round. Without --python the Python loops are left out.
"""

import argparse
import os
import pathlib
import statistics

import rounds

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "testing/benchmarks"


def mlp_loops(options):
    program = [ROOT / "bazel-bin/testing/benchmarks/mlp_loops", "--cpu", f"--steps={options.steps or 4000}"]
    loops = {
        "this project": program + ["--loop=accelerate"],
        "by hand, `_fused_adamw_` on the list": program + ["--loop=fused_list"],
        "plain LibTorch": program + ["--loop=libtorch"],
    }
    if options.python:
        peer = [options.python, HERE / "mlp_peer.py"]
        loops["plain PyTorch, fused AdamW"] = peer + ["pytorch", str(options.steps or 4000)]
        loops["Hugging Face Accelerate"] = peer + ["accelerate", str(options.steps or 4000)]
    return loops, "steps/s"


def gpt_loops(options):
    steps = options.steps or 60
    text = ROOT / "train/testdata/char_gpt_text.txt"
    loops = {
        "this project": [
            ROOT / "bazel-bin/train/char_gpt", f"--data={text}", f"--steps={2 * steps}", f"--log_every={steps}",
            "--sample=0", "--noshuffle", "--cpu", f"--mixed_precision={options.mixed_precision}",
        ],
    }
    if options.python:
        peer = [options.python, HERE / "gpt_peer.py", str(steps), options.mixed_precision]
        loops["Hugging Face Accelerate"] = peer
    return loops, "tokens/s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=["mlp", "gpt"])
    parser.add_argument("--python", help="a Python with torch and accelerate")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, help="that are timed")
    parser.add_argument("--mixed_precision", default="no", help="of gpt: no or bf16")
    options = parser.parse_args()

    loops, unit = (mlp_loops if options.workload == "mlp" else gpt_loops)(options)
    found = {name: [] for name in loops}
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    for _ in range(options.rounds):
        for name, command in loops.items():
            found[name].append(rounds.speed_in(rounds.output_of(command, environment), unit))
    print(f"| loop | {unit} | this project is faster by |\n| --- | --- | --- |")
    for name, values in found.items():
        print(f"| {name} | {statistics.median(values):.0f} | {rounds.ratio(found['this project'], values)} |")


main()
