#!/usr/bin/env python3
"""Compares training on the CPU with what people use today, and writes a report as Markdown and as a page of HTML.

    bazel run //testing/benchmarks:compare                              # everything; the peers are installed once
    bazel run //testing/benchmarks:compare -- --only=mlp,start --pairs=7
    bazel run //testing/benchmarks:compare -- --out=docs/benchmarks --name=cpu
    bazel run //testing/benchmarks:compare -- --redraw=docs/benchmarks/cpu.html   # without a run
    bazel run //testing/benchmarks:compare -- --list

with the LibTorch that the peers have: --repo_env=LIBTORCH_VERSION=2.11 after `run`.

Each workload's programs run in turn, for several rounds, on the same cores, from the same weights and data; the losses
of both sides must agree. What fails is shown as failed, and the rest goes on. `torch.compile` needs a C++ compiler and
Python's headers.
"""

import argparse
import datetime
import os
import pathlib
import re
import shlex
import sys
import tempfile
import time

import comparison
import html_report
import machine
import markdown_report
import peers
import report
import rounds
import workloads

# Where Bazel puts the built programs, the scripts and their data.
ROOT = pathlib.Path(f"{os.path.abspath(__file__)}.runfiles/accelerate")
LEAST_PAIRS = 5
# What the library says once, and up to where in the code it says it.
REFUSED_CAPTURE = r"this step is not captured and runs as it is[^(\n]*[^(\s]"


def parse(words):
    parser = argparse.ArgumentParser(
        prog="compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    keys = ",".join(workloads.KEYS)
    parser.add_argument("--only", default="", metavar="KEYS", help=f"some of {keys}")
    parser.add_argument("--pairs", type=int, default=LEAST_PAIRS, help=f"rounds, at least {LEAST_PAIRS}")
    parser.add_argument("--quick", action="store_true", help="a trial: few steps, any number of pairs, nothing to keep")
    parser.add_argument("--list", action="store_true", help="only list the workloads and their commands")
    parser.add_argument("--env", type=pathlib.Path, metavar="FOLDER", help=f"of the peers; {peers.default_folder()}")
    parser.add_argument("--python", type=pathlib.Path, help="a Python with the peers, in the place of --env")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."), metavar="FOLDER", help="for the report")
    parser.add_argument("--name", default="comparison", help="of the report's two files")
    parser.add_argument("--redraw", type=pathlib.Path, metavar="PAGE.html", help="only write the report of a page anew")
    parser.add_argument("--libtorch", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(words)

    options.only = [key for key in options.only.split(",") if key]
    unknown = [key for key in options.only if key not in workloads.KEYS]
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}; use some of {keys}")
    least = 1 if options.quick else LEAST_PAIRS
    if options.pairs < least:
        why = f"--pairs={options.pairs} tells nothing of the spread"
        parser.error(f"{why}; use {least} or more, or --quick for a trial")
    if options.python and options.env:
        parser.error("--python and --env both name the peers' Python; use one of them")
    # What paths mean to whoever typed them, also under `bazel run`.
    typed_in = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    options.out = typed_in / options.out
    options.redraw = options.redraw and typed_in / options.redraw
    # Not resolved: the link in an environment's bin is what makes it one.
    options.python = options.python and (typed_in / options.python).absolute()
    options.env = (typed_in / options.env).absolute() if options.env else peers.default_folder()
    if pathlib.Path(options.name).name != options.name:
        parser.error(f"--name={options.name} is no name of a file; --out takes the folder")
    return options


def say(line):
    """On the standard error: the output is where the report lies."""
    print(line, file=sys.stderr, flush=True)


def pinned(command, cores):
    available = sorted(os.sched_getaffinity(0))
    # The last ones: the first has most of the system's own work.
    return ["taskset", "--cpu-list", ",".join(map(str, available[-cores:])), *command]


def real(command, python):
    def found(word):
        if word == workloads.PYTHON:
            return str(python)
        return str(ROOT / word.removeprefix("bazel-bin/")) if word.startswith("bazel-bin/") else word

    return [found(word) for word in command]


def environment(home):
    """Without the config file and the Python packages of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # The last, so that torch.compile compiles once, and not in each round.
    return dict(kept, OMP_NUM_THREADS="1", HF_HOME=home, TORCHINDUCTOR_CACHE_DIR=f"{home}/torchinductor")


def check(workload, name, run):
    for figure in workload.figures:
        if any(name in [pair.own, pair.peer] for pair in figure.pairs):
            figure.read(run)
    if "--capture" in workload.programs[name].command:
        refused = re.search(REFUSED_CAPTURE, run.errors)
        if refused:
            raise rounds.Failure(refused[0])


def measure(workload, options, python, home):
    programs = {name: pinned(program.command, workload.cores) for name, program in workload.programs.items()}
    measured = rounds.measure(
        {name: real(command, python) for name, command in programs.items()},
        options.pairs,
        environment(home),
        folder=ROOT,
        check=lambda name, run: check(workload, name, run),
        tell=lambda name: say(f"  {name}"),
    )
    shown = {name: shlex.join(map(str, command)) for name, command in programs.items()}
    return [comparison.table_of(workload, figure, measured, shown) for figure in workload.figures]


def list_workloads(options):
    for workload in workloads.chosen(options.only, options.quick):
        print(f"{workload.key}: {workload.title}")
        for name, program in workload.programs.items():
            print(f"  {name}: {shlex.join(program.command)}")


def write(done, folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    page = f"{name}.html"
    for file, text in {f"{name}.md": markdown_report.write(done, page), page: html_report.write(done)}.items():
        (folder / file).write_text(text)
        print(folder / file)
    print(done.summary)


def redraw(page):
    """Both files of a report, from the figures in the page of one of them."""
    try:
        done = report.from_page(page.read_text())
    except OSError as error:
        sys.exit(f"compare: {error}")
    if done is None:
        sys.exit(f"compare: {page} holds no figures; give the page of HTML that compare has written")
    write(done, page.parent, page.stem)


def main():
    options = parse(sys.argv[1:])
    if options.list:
        return list_workloads(options)
    if options.redraw:
        return redraw(options.redraw)
    if not ROOT.exists():
        sys.exit("compare: the programs are not there; use `bazel run //testing/benchmarks:compare`, which builds them")
    begin = time.monotonic()
    facts = machine.facts()
    try:
        requirements = ROOT / "testing/benchmarks/peers.txt"
        python = options.python or peers.make(options.env, requirements, say)
        facts["peers"] = peers.versions(python)
        peers.refuse_another_torch(facts["peers"], options.libtorch)
    except peers.Refusal as refusal:
        sys.exit(f"compare: {refusal}")
    facts["this project"] = ", ".join(
        part for part in [
            f"LibTorch {options.libtorch}" if options.libtorch else "",
            machine.commit(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ROOT)) or "",
        ] if part
    )
    tables = []
    chosen = workloads.chosen(options.only, options.quick)
    with tempfile.TemporaryDirectory() as home:
        for number, workload in enumerate(chosen, 1):
            say(f"{workload.title}: {number} of {len(chosen)} workloads, after {time.monotonic() - begin:.0f} s")
            tables += measure(workload, options, python, home)
    facts["date"] = datetime.date.today().isoformat()
    facts["rounds"] = f"{options.pairs}, in {(time.monotonic() - begin) / 60:.0f} minutes"
    title = "Training on a CPU, compared" + (" (a trial, not to be kept)" if options.quick else "")
    words = [word for word in sys.argv[1:] if not word.startswith("--libtorch=")]
    version = [f"--repo_env=LIBTORCH_VERSION={options.libtorch}"] if options.libtorch else []
    command = shlex.join(["bazel", "run", *version, "//testing/benchmarks:compare", *(["--", *words] if words else [])])
    write(report.Report(title, command, facts, tables), options.out, options.name)


if __name__ == "__main__":
    main()
