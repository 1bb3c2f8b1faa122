#!/usr/bin/env python3
"""Measures what a change of one line of a program costs to build, and what the headers have of it.

    testing/benchmarks/compile_time.py

Compiles the program's source, and each header by itself, with the program's own command, and links the program. Prints
the processor time of each (the least of some rounds, as others may use the machine too) and the lines that the compiler
sees after preprocessing.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ["ATen/core/Tensor.h", "torch/nn/module.h", "torch/data/datasets/base.h", "torch/torch.h",
           "accelerate/engine/session.h", "accelerate/core/accelerator.h", "accelerate/main/main.h",
           "accelerate/accelerate.h"]


def bazel(*arguments):
    return subprocess.run(["bazel", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def command_of(mnemonic, target):
    """The words of the one action of that kind which makes the program itself."""
    found = json.loads(bazel("aquery", "--output=jsonproto", f'mnemonic("{mnemonic}", {target})'))
    return found["actions"][0]["arguments"]


def compile_command(command, source, *more):
    """The same for another source, with what it writes thrown away."""
    words = []
    skip = False
    for word in command:
        if not skip and word not in ("-MD", "-c", "-o", "-MF") and not word.startswith("-frandom-seed"):
            words.append(word)
        skip = word in ("-c", "-o", "-MF")
    return [*words, *more, source]


def processor_seconds(command, folder):
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def lines_of(command, folder):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout.count(b"\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="//train:my_model", help="a program of one source")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--headers", nargs="*", default=HEADERS)
    options = parser.parse_args()

    # What is compiled and linked here lies where Bazel has put it for this.
    bazel("build", options.target)
    folder = bazel("info", "execution_root").strip()
    command = command_of("CppCompile", options.target)
    link = command_of("CppLink", options.target)

    def print_row(name, seconds, lines):
        print(f"| {name} | {seconds:.1f} | {lines} |", flush=True)

    def measure(words):
        return min(processor_seconds(words, folder) for _ in range(options.rounds))

    print("| what | seconds of a processor | lines |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        for header in options.headers:
            source = pathlib.Path(temporary, "one_header.cc")
            source.write_text(f"#include <{header}>\n")
            print_row(f"`{header}` alone",
                      measure(compile_command(command, str(source), "-I.", "-c", "-o", os.devnull)),
                      lines_of(compile_command(command, str(source), "-I.", "-E", "-P"), folder))
        source = command[command.index("-c") + 1]
        print_row(f"`{source}`",
                  measure(compile_command(command, source, "-c", "-o", os.devnull)),
                  lines_of(compile_command(command, source, "-E", "-P"), folder))
        # Bazel names each word, and the file that holds them all as well; the program that is there stays.
        words = [word for word in link if not word.startswith("@")]
        words[words.index("-o") + 1] = str(pathlib.Path(temporary, "program"))
        print_row("linking it", measure(words), "")


main()
