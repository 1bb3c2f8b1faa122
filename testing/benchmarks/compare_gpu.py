#!/usr/bin/env python3
"""Compares training on one GPU with Python: each program is run in turn with the others, for several rounds.

    bazel build --config=cuda //testing/benchmarks:all
    python3 -m venv peers && peers/bin/pip install torch==2.11.0 accelerate==1.15.0 numpy
    peers/bin/python testing/benchmarks/compare_gpu.py [mlp] [gpt] [tail] [--rounds=5] [--small]

mlp: 64-256-10, batch 32, AdamW in fp32, batches sliced from data on the device. gpt: GPT-2 with 124 M parameters in
bf16, 8 sequences of 1024 random tokens. tail: what follows a backward pass in fp16 (check for an overflow, unscaling,
norm, clipping, AdamW, zeroing) for 124 M and for 1 B parameters. Every AdamW of Python is the fused one.

Prints a table for each: the median speed of each program, and how much faster this project is than it, as the median,
least and greatest ratio of two runs in the same round; a row that is lost says so. Programs that do the same must begin
with the same loss. With --device=cpu it is a trial of this script, with tiny sizes, that measures nothing of interest.
"""

import argparse
import dataclasses
import os
import pathlib
import statistics
import sys
import tempfile

import rounds

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parents[1] / "bazel-bin/testing/benchmarks"
# Beside this script in the archive of //testing:gpu_bundle.
PROGRAMS = BUILT if BUILT.exists() else HERE

GPT_124M = {"vocabulary": 50257, "layers": 12, "heads": 12, "width": 768, "block": 1024, "batch_size": 8}
GPT_1B = dict(GPT_124M, layers=18, heads=16, width=2048)
GPT_SMALL = {"vocabulary": 4096, "layers": 4, "heads": 4, "width": 256, "block": 256, "batch_size": 16}
GPT_TINY = {"vocabulary": 64, "layers": 1, "heads": 2, "width": 16, "block": 16, "batch_size": 2}

# The gradient is read for the norm and again for the update, which reads and writes parameter and two moments.
TAIL_BYTES_PER_PARAMETER = 32


@dataclasses.dataclass
class Comparison:
    title: str
    unit: str
    # How far first losses may be from one another, as a share.
    tolerance: float
    own: dict
    peers: dict
    # Of memory in a unit of speed; 0 where that is not the limit.
    bytes: int = 0


def flags(values):
    return [f"--{name}={value}" for name, value in values.items()]


def own(options, program, **values):
    return [PROGRAMS / program, "--num_processes=1", *(["--cpu"] if options.device == "cpu" else []), *flags(values)]


def peer(script, *arguments):
    return [sys.executable, HERE / script, *arguments]


def compare_mlp(options):
    steps = options.steps or (4000 if options.device == "cuda" else 100)

    def mlp_peer(loop):
        return peer("mlp_peer.py", *flags(dict(loop=loop, steps=steps, device=options.device)))

    loops = {"this project": own(options, "mlp_loops", loop="sliced", steps=steps)}
    peers = {
        "Python Accelerate": mlp_peer("sliced"),
        '`torch.compile(mode="reduce-overhead")`': mlp_peer("compile"),
    }
    if options.device == "cuda":
        loops["this project, captured"] = own(options, "mlp_loops", loop="sliced", capture=True, steps=steps)
        peers["`torch.cuda.graph` of the whole step"] = mlp_peer("graph")
    yield Comparison("MLP 64-256-10, batch 32, AdamW, fp32", "steps/s", 1e-4, loops, peers)


def compare_gpt(options):
    sizes = GPT_TINY if options.device == "cpu" else GPT_SMALL if options.small else GPT_124M
    values = dict(sizes, steps=options.steps or (20 if options.device == "cuda" else 3), mixed_precision="bf16")
    loops = {"this project": own(options, "gpt_loops", **values)}
    if options.device == "cuda":
        loops["this project, captured"] = own(options, "gpt_loops", capture=True, **values)
    peers = {
        "Python Accelerate": peer("gpt_loops_peer.py", *flags(dict(values, device=options.device, loop="eager"))),
        "Python Accelerate, `torch.compile`": peer(
            "gpt_loops_peer.py", *flags(dict(values, device=options.device, loop="compile"))
        ),
    }
    title = "GPT-2, {layers} layers of {width}, {batch_size} sequences of {block} tokens, bf16".format(**sizes)
    yield Comparison(title, "tokens/s", 1e-2, loops, peers)


def compare_tail(options):
    sizes = [GPT_TINY] if options.device == "cpu" else [GPT_SMALL] if options.small else [GPT_124M, GPT_1B]
    for size in sizes:
        values = {name: size[name] for name in ["vocabulary", "layers", "width", "block"]}
        counted = rounds.run(peer("optimizer_tail_peer.py", "--count", *flags(values)), os.environ).output
        values["steps"] = options.steps or (100 if options.device == "cuda" else 5)
        peers = {
            "GradScaler, `clip_grad_norm_`, `AdamW(fused=True)`": peer(
                "optimizer_tail_peer.py", *flags(dict(values, device=options.device))
            )
        }
        yield Comparison(
            f"Check, unscale, norm, clip, AdamW and zero, {int(counted) / 1e6:.4g} M parameters", "steps/s", 1e-4,
            {"this project": own(options, "optimizer_tail", **values)}, peers, int(counted) * TAIL_BYTES_PER_PARAMETER,
        )


COMPARISONS = {"mlp": compare_mlp, "gpt": compare_gpt, "tail": compare_tail}


def find_gpu():
    """Its name and its memory's bytes a second; from a process that ends, so that this one holds no memory there."""
    code = (
        "import torch; torch.cuda.is_available() or exit('no GPU here: torch.cuda.is_available() is false'); "
        "p = torch.cuda.get_device_properties(0); "
        # At both edges of the clock, which is in kHz.
        "print(p.name, 2 * p.memory_clock_rate * 1000 * p.memory_bus_width / 8, sep=chr(10))"
    )
    try:
        name, bandwidth = rounds.run([sys.executable, "-c", code], os.environ).output.splitlines()
    except rounds.Failure as failure:
        sys.exit(f"compare_gpu: {failure}; run it on a machine with a GPU, or try the script with --device=cpu")
    return name, float(bandwidth)


def compare(comparison, options, environment, bandwidth=0):
    """Prints the table; False when a program failed or did other work."""
    measured = rounds.measure(
        {**comparison.own, **comparison.peers}, options.rounds, environment,
        check=lambda name, run: rounds.speed_in(run.output, comparison.unit),
    )
    failures = {name: f"failed: {why}" for name, why in measured.failures.items()}
    speeds, losses = {}, {}
    for name, runs in measured.of.items():
        if name not in failures:
            speeds[name] = [rounds.speed_in(run.output, comparison.unit) for run in runs]
            losses[name] = rounds.first_loss_in(runs[-1].output)
    expected = losses.get("this project")
    moves = comparison.bytes / bandwidth if bandwidth else 0
    columns = ["program", comparison.unit] + (["of the memory bandwidth"] if moves else [])
    columns += [f"{name} is faster by" for name in comparison.own]
    print(f"\n{comparison.title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name in measured.of:
        if name not in failures and expected is not None:
            if abs(losses[name] - expected) > comparison.tolerance * abs(expected):
                failures[name] = f"other work: its first loss is {losses[name]}, and this project's is {expected}"
        if name in failures:
            print(f"| {name} | {failures[name]} |" + " |" * (len(columns) - 2), flush=True)
            continue
        median = statistics.median(speeds[name])
        cells = [name, f"{median:.4g}"] + ([f"{median * moves:.0%}"] if moves else [])
        for each in comparison.own:
            comparable = name in comparison.peers and each not in failures
            cells.append(rounds.ratio(speeds[each], speeds[name]) if comparable else "")
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{options.rounds} rounds; first losses within {comparison.tolerance:g} of one another.", flush=True)
    return not failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(COMPARISONS)}; all unless given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="that are timed")
    parser.add_argument("--small", action="store_true", help="a GPT with 4 layers of 256, for gpt and tail")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options = parser.parse_args()
    unknown = set(options.workloads) - set(COMPARISONS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; use {', '.join(COMPARISONS)}")

    name, bandwidth = find_gpu() if options.device == "cuda" else ("CPU", 0)
    print(f"On {name}.", flush=True)
    good = True
    with tempfile.TemporaryDirectory() as home:
        # Without the config file of whoever runs this.
        environment = dict(os.environ, HF_HOME=home)
        for workload in options.workloads or COMPARISONS:
            for comparison in COMPARISONS[workload](options):
                good = compare(comparison, options, environment, bandwidth) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
