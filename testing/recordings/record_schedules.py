"""Records the trajectories of PyTorch's learning-rate schedulers.

Writes accelerate/optim/testdata/schedules.json, which schedulers_test.cc compares step by step with
the schedulers of this project. Recorded with Python 3.11, PyTorch 2.11.0 (CPU) and, for the two
schedules with a warm-up, transformers 5.23.0. To run, from the root of the repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.11.0 numpy
    /tmp/venv/bin/pip install --no-deps transformers==5.23.0
    /tmp/venv/bin/python testing/recordings/record_schedules.py

The file holds "torch" and "transformers", the versions, and "cases", a list of:

    name       unique
    scheduler  LambdaLR, StepLR, LinearDecay, CosineDecay, OneCycle or ReduceLROnPlateau
    optimizer  sgd (momentum 0.9) or adamw (betas 0.9 and 0.999)
    lrs        the initial rate of each param group
    options    under this project's names; those absent have the default. For LambdaLR,
               "functions" names one function for all groups, or one for each
    metrics    ReduceLROnPlateau only: what each step was given; null stands for a NaN
    edits      optional: after the step of this number, these rates were set by hand
    rates      after construction and after each step, the rate of each group
    momenta    OneCycle with cycle_momentum only: the momentum, or beta 1, at the same times
    ends       true where one step more was an error
"""

import ast
import functools
import importlib.util
import json
import math
import pathlib
import random
import warnings

import torch
from torch.optim import lr_scheduler

OUT = pathlib.Path(__file__).parents[2] / "accelerate/optim/testdata/schedules.json"
TRANSFORMERS = "5.23.0"

SGD = {"optimizer": "sgd", "lrs": [0.1, 0.023]}
ADAMW = {"optimizer": "adamw", "lrs": [1e-3, 3e-4]}

FUNCTIONS = {
    "power": lambda step: 0.95**step,
    "inverse": lambda step: 1.0 / (1.0 + step),
    "sqrt": lambda step: math.sqrt(step + 0.5),
}


def warmup_functions():
    """The two factor functions of transformers/optimization.py.

    Taken from the source file, as importing the package needs much else.
    """
    package = pathlib.Path(importlib.util.find_spec("transformers").origin).parent
    version = (package / "__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    assert version == TRANSFORMERS, version
    wanted = {
        "_get_linear_schedule_with_warmup_lr_lambda",
        "_get_cosine_schedule_with_warmup_lr_lambda",
    }
    tree = ast.parse((package / "optimization.py").read_text())
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    scope = {"math": math}
    exec(compile(tree, "optimization.py", "exec"), scope)
    return [scope[name] for name in sorted(wanted)]


COSINE, LINEAR = warmup_functions()


def make_optimizer(case):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in case["lrs"]]
    if case["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    return torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.999))


def make_scheduler(case, optimizer):
    options = dict(case["options"])
    kind = case["scheduler"]
    if kind == "LambdaLR":
        functions = [FUNCTIONS[name] for name in options["functions"]]
        return lr_scheduler.LambdaLR(optimizer, functions if len(functions) > 1 else functions[0])
    if kind == "StepLR":
        return lr_scheduler.StepLR(optimizer, **options)
    if kind in ("LinearDecay", "CosineDecay"):
        arguments = {
            "num_warmup_steps": options.get("warmup_steps", 0),
            "num_training_steps": options["total_steps"],
        }
        if kind == "CosineDecay":
            arguments["num_cycles"] = options.get("num_cycles", 0.5)
        function = LINEAR if kind == "LinearDecay" else COSINE
        return lr_scheduler.LambdaLR(optimizer, functools.partial(function, **arguments))
    if kind == "OneCycle":
        if "anneal" in options:
            options["anneal_strategy"] = options.pop("anneal").replace("cosine", "cos")
        return lr_scheduler.OneCycleLR(optimizer, **options)
    return lr_scheduler.ReduceLROnPlateau(optimizer, **options)


def momenta(optimizer):
    return [g["betas"][0] if "betas" in g else g["momentum"] for g in optimizer.param_groups]


def record(case, steps):
    optimizer = make_optimizer(case)
    scheduler = make_scheduler(case, optimizer)
    cycles = case["scheduler"] == "OneCycle" and case["options"].get("cycle_momentum", True)
    edits = case.get("edits", {})
    rates, moments = [], []
    for step in range(steps + 1):
        if step and "metrics" in case:
            metric = case["metrics"][step - 1]
            scheduler.step(math.nan if metric is None else metric)
        elif step:
            scheduler.step()
        assert scheduler.last_epoch == step
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
        moments.append(momenta(optimizer))
        for group, lr in zip(optimizer.param_groups, edits.get(str(step), [])):
            group["lr"] = lr
    case = {**case, "rates": rates}
    if cycles:
        case["momenta"] = moments
    if case["scheduler"] == "OneCycle":
        try:
            scheduler.step()
            raise AssertionError("OneCycleLR went beyond its end")
        except ValueError:
            case["ends"] = True
    return case


def metric_series():
    rng = random.Random(7)
    noisy = [round(2.0 * 0.9**i + 0.3 * rng.random(), 4) for i in range(45)]
    stairs = [1.0, 1.0, 1.0, 0.99995, 0.99985, 0.99985, 0.9, 0.9, 0.9, 0.9, 0.8999, 0.89, 0.89]
    negative = [-1.0, -1.00005, -1.2, -1.1, -1.3, -1.3, -1.3, -1.3, -2.0, -2.0, -2.0, -2.0]
    return noisy, stairs + [0.89] * 14, negative + [-2.0] * 8


def cases():
    def case(kind, name, base, steps, options, **more):
        yield record({"name": name, "scheduler": kind, **base, "options": options, **more}, steps)

    yield from case("LambdaLR", "lambda_one_for_all", SGD, 20, {"functions": ["power"]})
    yield from case("LambdaLR", "lambda_each", ADAMW, 20, {"functions": ["inverse", "sqrt"]})
    yield from case("LambdaLR", "lambda_edited", SGD, 10, {"functions": ["sqrt", "power"]},
                    edits={"4": [7.0, 8.0]})  # fmt: skip

    yield from case("StepLR", "step_default_gamma", SGD, 14, {"step_size": 3})
    yield from case("StepLR", "step_every", ADAMW, 20, {"step_size": 1, "gamma": 0.9})
    yield from case("StepLR", "step_growing", ADAMW, 20, {"step_size": 7, "gamma": 1.7})
    yield from case("StepLR", "step_edited", SGD, 20, {"step_size": 4, "gamma": 0.3},
                    edits={"5": [0.7, 0.11], "8": [0.013, 3.0]})  # fmt: skip

    for kind, short in (("LinearDecay", "linear"), ("CosineDecay", "cosine")):
        for warmup, total, steps in (
            (0, 12, 14), (5, 20, 23), (1, 1, 3), (0, 1, 3), (7, 7, 9), (9, 4, 12), (3, 37, 40),
        ):  # fmt: skip
            options = {"warmup_steps": warmup, "total_steps": total}
            name = f"{short}_{warmup}_of_{total}"
            yield from case(kind, name, SGD if warmup % 2 else ADAMW, steps, options)
        yield from case(kind, f"{short}_no_warmup_given", SGD, 9, {"total_steps": 8})
    for cycles in (1.0, 0.3, 2.5, 0.0):
        options = {"warmup_steps": 4, "total_steps": 24, "num_cycles": cycles}
        yield from case("CosineDecay", f"cosine_cycles_{cycles}", ADAMW, 26, options)

    one_cycle = [
        ("defaults", SGD, {"max_lr": 0.1, "total_steps": 30}),
        ("each_group", ADAMW, {"max_lr": [0.01, 0.002], "total_steps": 25}),
        ("linear", SGD, {"max_lr": [0.3, 0.1], "total_steps": 20, "anneal": "linear"}),
        ("three_phase", SGD, {"max_lr": 0.5, "total_steps": 33, "three_phase": True}),
        ("three_phase_linear", ADAMW, {"max_lr": 0.02, "total_steps": 24, "three_phase": True,
                                       "anneal": "linear", "pct_start": 0.4}),
        ("three_phase_late", ADAMW, {"max_lr": 0.02, "total_steps": 15, "three_phase": True,
                                     "pct_start": 0.7}),
        ("no_momentum", SGD, {"max_lr": 0.1, "total_steps": 16, "cycle_momentum": False}),
        ("momentum_each", SGD, {"max_lr": 0.1, "total_steps": 18, "base_momentum": [0.8, 0.7],
                                "max_momentum": [0.9, 0.99]}),
        ("betas_each", ADAMW, {"max_lr": 0.1, "total_steps": 18, "base_momentum": [0.8, 0.7],
                               "max_momentum": 0.97, "div_factor": 10.0,
                               "final_div_factor": 50.0}),
        ("no_rise", SGD, {"max_lr": 0.1, "total_steps": 12, "pct_start": 0.0}),
        ("half", ADAMW, {"max_lr": 0.1, "total_steps": 10, "pct_start": 0.5}),
        ("one_step", SGD, {"max_lr": 0.1, "total_steps": 1}),
        ("two_steps", ADAMW, {"max_lr": 0.1, "total_steps": 2}),
        ("three_steps", SGD, {"max_lr": 0.1, "total_steps": 3, "anneal": "linear"}),
    ]  # fmt: skip
    for name, base, options in one_cycle:
        yield from case("OneCycle", f"one_cycle_{name}", base, options["total_steps"], options)

    noisy, stairs, negative = metric_series()
    rising = [round(1.0 - m / 3.0, 4) for m in noisy]
    broken = [1.0, None, None, 0.5, None, None, None, 0.4, 0.4, None, 0.4, 0.39]
    plateau = [
        ("defaults", SGD, noisy, {}),
        ("impatient", ADAMW, stairs, {"patience": 0, "factor": 0.5}),
        ("patient", SGD, stairs, {"patience": 2, "factor": 0.3}),
        ("cooldown", SGD, noisy, {"patience": 1, "cooldown": 3, "factor": 0.5}),
        ("min_lr", SGD, stairs, {"patience": 0, "factor": 0.4, "min_lr": 0.005}),
        ("min_lr_each", ADAMW, stairs, {"patience": 1, "factor": 0.2, "min_lr": [1e-4, 2e-5]}),
        ("absolute", SGD, noisy, {"threshold_mode": "abs", "threshold": 0.05, "patience": 2}),
        ("relative", SGD, noisy, {"threshold": 0.05, "patience": 2, "cooldown": 1}),
        ("eps", SGD, stairs, {"patience": 0, "factor": 0.5, "eps": 0.002}),
        ("max", ADAMW, rising, {"mode": "max", "patience": 1, "factor": 0.7, "cooldown": 2}),
        ("max_absolute", SGD, rising, {"mode": "max", "patience": 2, "factor": 0.6,
                                       "threshold": 0.02, "threshold_mode": "abs"}),
        ("negative", SGD, negative, {"patience": 1, "factor": 0.5}),
        ("negative_max", ADAMW, negative, {"mode": "max", "patience": 2, "threshold": 0.1}),
        ("nan", SGD, broken, {"patience": 1, "factor": 0.5}),
        ("zero_factor", SGD, stairs, {"patience": 3, "factor": 0.0}),
    ]  # fmt: skip
    for name, base, metrics, options in plateau:
        kind = "ReduceLROnPlateau"
        yield from case(kind, f"plateau_{name}", base, len(metrics), options, metrics=metrics)
    options = {"patience": 1, "factor": 0.5}
    yield from case("ReduceLROnPlateau", "plateau_edited", SGD, 20, options,
                    metrics=[1.0] * 20, edits={"6": [0.9, 0.8]})  # fmt: skip


def main():
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    warnings.simplefilter("ignore")  # no optimizer step is taken
    recorded = list(cases())
    assert len({case["name"] for case in recorded}) == len(recorded)
    lines = []
    for case in recorded:
        fields = (f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'), allow_nan=False)}"
                  for k, v in case.items())  # fmt: skip
        lines.append("{" + ",\n ".join(fields) + "}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(
        '{"torch": "2.11.0", "transformers": "%s", "cases": [\n%s\n]}\n'
        % (TRANSFORMERS, ",\n".join(lines))
    )
    print(f"{OUT}: {len(recorded)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
