#!/usr/bin/env python3
"""Runs this bundle's GPU tests and benchmarks, without Bazel, against the LibTorch of an installed Python torch.

    ./run                            # every test; a line for each says how many cases passed, failed, were skipped
    ./run cuda_test my_model_bf16    # some of them
    ./run --benchmarks               # every benchmark, into files headed by the command, the device and the date
    ./run --sanitize                 # tests of kernels under compute-sanitizer's memcheck and racecheck
    ./run --compare mlp --rounds=7   # testing/benchmarks/compare_gpu.py with all the words that follow

Everything that a program writes is kept in a file of the folder --output. The torch is that of the python3 which runs
this script. Ends with 1 when something failed, and otherwise with 77 when a program had all of its cases skipped.
"""

import argparse
import collections
import datetime
import functools
import importlib.metadata
import importlib.util
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
from xml.etree import ElementTree

BUNDLE = pathlib.Path(__file__).resolve().parent
CONTENTS = json.loads((BUNDLE / "contents.json").read_text())
TREE = BUNDLE / "runfiles" / CONTENTS["workspace"]
PRECISIONS = ["no", "fp16", "bf16"]
SKIPPED = 77

Outcome = collections.namedtuple("Outcome", "passed failed skipped remarks")


def refuse(sentence):
    sys.exit(f"run: {sentence}")


def torch_folder():
    wanted = CONTENTS["torch"]
    remedy = f"install it with `{sys.executable} -m pip install torch=={wanted}`, or run me with a python3 that has it"
    try:
        package = importlib.metadata.distribution("torch")
    except importlib.metadata.PackageNotFoundError:
        refuse(f"these programs need the LibTorch of torch {wanted}, and {sys.executable} has none; {remedy}")
    if package.version.split("+")[0] != wanted:
        refuse(f"these programs need torch {wanted}, and {sys.executable} has {package.version}; {remedy}")
    return pathlib.Path(package.locate_file("torch"))


def environment():
    folders = [BUNDLE / "lib", torch_folder() / "lib"]
    nvidia = importlib.util.find_spec("nvidia")
    for site in nvidia.submodule_search_locations if nvidia else []:
        folders.extend(sorted(pathlib.Path(site).glob("*/lib")))
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return dict(
        os.environ,
        LD_LIBRARY_PATH=":".join(map(str, folders)) + (f":{inherited}" if inherited else ""),
        RUNFILES_DIR=str(BUNDLE / "runfiles"),
    )


def check_libraries(program, variables):
    """Before anything runs: a torch for another CUDA has the right version and the wrong libraries."""
    linked = subprocess.run(["ldd", TREE / program], env=variables, capture_output=True, text=True).stdout
    missing = [line.split()[0] for line in linked.splitlines() if "not found" in line]
    if missing:
        refuse(
            f"{program} loads {', '.join(missing)}, in neither torch nor the nvidia packages of {sys.executable}; "
            f"install torch {CONTENTS['torch']} for CUDA 13 as PyPI has it"
        )


def find_gpu():
    """Name and driver of the first GPU that programs may use, or None."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        query.append(f"--id={visible.split(',')[0]}")
    try:
        found = subprocess.run(query, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    if found.returncode != 0 or not found.stdout.strip():
        return None
    name, driver = found.stdout.splitlines()[0].split(", ")
    return f"{name}, driver {driver}"


class Runner:
    def __init__(self, options):
        self.variables = environment()
        self.output = pathlib.Path(options.output).resolve()
        self.timeout = options.timeout
        self.output.mkdir(parents=True, exist_ok=True)

    def log(self, name):
        return self.output / f"{name}.txt"

    def run(self, name, command, header="", **variables):
        """Writes what the command says to a file, and returns its exit code and remarks on how it ended."""
        with open(self.log(name), "w") as log:
            log.write(header)
            log.flush()
            try:
                code = subprocess.run(
                    command, cwd=TREE, env=dict(self.variables, **variables), stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, timeout=self.timeout,
                ).returncode
            except subprocess.TimeoutExpired:
                return 1, [f"stopped after {self.timeout} s; --timeout gives it longer"]
        return code, [f"ended with code {code}; see {log.name}"] if code else []

    def run_test(self, test, tool="", wrapper=(), **variables):
        name = f"{test}_{tool}" if tool else test
        report = self.output / f"{name}.xml"
        report.unlink(missing_ok=True)
        variables.update(CONTENTS["test_environment"][test])
        command = [*wrapper, f"./{CONTENTS['tests'][test]}", f"--gtest_output=xml:{report}"]
        code, remarks = self.run(name, command, **variables)
        counts = collections.Counter()
        reasons = collections.Counter()
        for case in ElementTree.parse(report).iter("testcase") if report.exists() else []:
            skip = case.find("skipped")
            counts["failed" if case.find("failure") is not None else "passed" if skip is None else "skipped"] += 1
            if skip is not None:
                # Where, on a line of its own, and why.
                reasons[skip.get("message", "").strip().splitlines()[-1]] += 1
        # A program may as well crash, or a sanitizer find something, where no case failed.
        failed = max(counts["failed"], 1 if code else 0)
        remarks += [f"{count} skipped: {reason}" for reason, count in reasons.items()]
        return Outcome(counts["passed"], failed, counts["skipped"], remarks)

    def run_example(self, name, program, flags):
        code, remarks = self.run(name, [f"./{program}", *flags])
        return Outcome(int(code == 0), int(code != 0), 0, remarks)


def chosen(jobs, names):
    unknown = [name for name in names if name not in jobs]
    if unknown:
        refuse(f"there is no {', '.join(unknown)} here; use {', '.join(jobs)}")
    return {name: job for name, job in jobs.items() if not names or name in names}


def report(outcomes):
    total = Outcome(0, 0, 0, [])
    words = set()
    for name, outcome in outcomes:
        passed, failed, skipped, remarks = outcome
        word = "FAILED" if failed else "passed" if not skipped else "PARTLY" if passed else "SKIPPED"
        words.add(word)
        print(f"{word:8}{name:32}{passed:5} passed {failed:4} failed {skipped:4} skipped", flush=True)
        for remark in remarks:
            print(f"{'':8}{remark}", flush=True)
        total = Outcome(*(sum(pair) for pair in zip(total[:3], outcome[:3])), [])
    print(f"in all: {total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    if total.skipped:
        print("what was skipped has not been shown to work")
    return 1 if "FAILED" in words else SKIPPED if "SKIPPED" in words else 0


def run_tests(runner, names):
    gpu = find_gpu()
    print(f"GPU: {gpu or 'none'}", flush=True)

    def example(name, program, flags):
        # Without a GPU it would train on the CPU, which shows nothing here.
        return runner.run_example(name, program, flags) if gpu else Outcome(0, 0, 1, ["nvidia-smi shows no GPU"])

    jobs = {name: functools.partial(runner.run_test, name) for name in CONTENTS["tests"]}
    for name, program in CONTENTS["examples"].items():
        for precision, flag in itertools.product(PRECISIONS, ["", *CONTENTS["example_flags"][name]]):
            variant = "_".join([name] + [word for word in [precision, flag] if word not in ["no", ""]])
            flags = [f"--mixed_precision={precision}"] + ([f"--{flag}"] if flag else [])
            jobs[variant] = functools.partial(example, variant, program, flags)
    return report((name, job()) for name, job in chosen(jobs, names).items())


def run_sanitizer(runner, names):
    places = [os.environ.get("PATH", ""), os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/bin"]
    sanitizer = shutil.which("compute-sanitizer", path=":".join(places))
    if not sanitizer:
        refuse("compute-sanitizer is neither on the PATH nor in CUDA_HOME/bin; install the CUDA toolkit's sanitizer")

    def outcomes():
        for name in chosen(CONTENTS["sanitized"], names):
            for tool in ["memcheck", "racecheck"]:
                # Without a GPU nothing starts CUDA. Each tensor gets memory of its own, so that its bounds are known.
                wrapper = [sanitizer, f"--tool={tool}", "--error-exitcode=9", "--require-cuda-init=no"]
                yield f"{name}_{tool}", runner.run_test(name, tool, wrapper, PYTORCH_NO_CUDA_MEMORY_CACHING="1")

    return report(outcomes())


def header(words, gpu):
    command = " ".join(["./run", *words])
    return f"command: {command}\ndevice: {gpu}\ndate: {datetime.date.today()}\ntorch: {CONTENTS['torch']}\n\n"


def run_benchmarks(runner, names):
    gpu = find_gpu()
    if not gpu:
        refuse("nvidia-smi shows no GPU, so that there is nothing to measure")
    failed = 0
    for name, program in chosen(CONTENTS["benchmarks"], names).items():
        code, remarks = runner.run(name, [f"./{program}"], header(["--benchmarks", name], gpu))
        failed += code != 0
        print(f"{'FAILED' if code else 'done':8}{name}: {'; '.join(remarks) or runner.log(name)}", flush=True)
    return 1 if failed else 0


def compare(runner, words):
    script = TREE / "testing/benchmarks/compare_gpu.py"
    log = runner.output / "compare_gpu.md"
    with open(log, "w") as file:
        file.write(header(["--compare", *words], find_gpu() or "none"))
        process = subprocess.Popen(
            [sys.executable, script, *words], env=runner.variables, stdout=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            print(line, end="", flush=True)
            file.write(line)
    return process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--benchmarks", dest="mode", action="store_const", const=run_benchmarks, default=run_tests)
    mode.add_argument("--sanitize", dest="mode", action="store_const", const=run_sanitizer)
    mode.add_argument("--compare", dest="mode", action="store_const", const=compare)
    parser.add_argument("--output", default="gpu_results", help="the folder for what programs write (gpu_results)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one program (1800)")
    parser.add_argument("names", nargs="*", help="run only these")
    words = sys.argv[1:]
    own = words.index("--compare") + 1 if "--compare" in words else len(words)
    options = parser.parse_args(words[:own])

    runner = Runner(options)
    for programs in (CONTENTS[each] for each in ["tests", "examples", "benchmarks", "programs"]):
        for program in programs.values():
            check_libraries(program, runner.variables)
    return options.mode(runner, options.names + words[own:])


if __name__ == "__main__":
    sys.exit(main())
