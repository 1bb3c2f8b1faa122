"""Records PyTorch's gradient scaler over series of overflows.

Writes accelerate/precision/testdata/grad_scaler.json: what torch.amp.GradScaler("cpu") did to a
real SGD on real parameters whose gradients were set to finite values, inf, -inf or NaN. Recorded
with Python 3.11 and PyTorch 2.11.0 (CPU). To run, from the root of the repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install torch==2.11.0 numpy
    /tmp/venv/bin/python testing/recordings/record_grad_scaler.py

The file holds "torch", the version, and three lists; every case has a unique "name", "init_scale",
"growth_factor", "backoff_factor" and "growth_interval". Steps count from 0; scales are fp32 values
and follow the update of their step.

"cases", every step written out:
    overflow        a string, "1" where a gradient of the step was not finite, else "0"
    skipped         a string, "1" where optimizer.step() was not called (the parameter stayed)
    scale           a list, one per step
    growth_tracker  a list, one per step

"compact", for long series:
    steps           their number
    overflow_steps  the steps with an overflow, which are also those skipped
    changes         [step, scale, growth_tracker] of each step after which the scale was not what it
                    was before, or the tracker not one more than before. All other steps keep the
                    scale and add one to the tracker, which begins with 0

"two_optimizers", two optimizers under one scaler: as "cases", but "overflow" and "skipped" are
lists of two strings, one per optimizer.
"""

import json
import math
import pathlib
import random

import torch

OUT = pathlib.Path(__file__).parents[2] / "accelerate/precision/testdata/grad_scaler.json"
BAD = (math.inf, math.nan, -math.inf)


class Subject:
    """An SGD with two parameters, which says whether it was stepped."""

    def __init__(self):
        self.params = [torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2, 2))]
        self.optimizer = torch.optim.SGD(self.params, lr=1.0)
        self.calls = 0
        self.optimizer.register_step_post_hook(self._count)

    def _count(self, *_):
        self.calls += 1

    def set_grads(self, bad):
        # Scaled by nothing, so that no scale makes an overflow that the case does not name.
        for param in self.params:
            param.grad = torch.ones_like(param)
        if bad is not None:
            self.params[1].grad[1, 0] = bad

    def step(self, scaler):
        """True if the scaler skipped the step, by the calls and by the parameters alike."""
        calls = self.calls
        scaler.step(self.optimizer)
        skipped = self.calls == calls
        with torch.no_grad():
            for param in self.params:
                assert torch.all((param == 0) == skipped)
                param.zero_()
        return skipped


def run(settings, overflows):
    """Steps once per row of `overflows`, which has one boolean per optimizer."""
    scaler = torch.amp.GradScaler("cpu", **settings)
    subjects = [Subject() for _ in overflows[0]]
    scales, trackers, skips = [], [], []
    for step, row in enumerate(overflows):
        scaler.scale(torch.zeros(()))  # makes the scale tensor, which is made on first use
        for subject, overflow in zip(subjects, row):
            subject.set_grads(BAD[step % 3] if overflow else None)
        skips.append([subject.step(scaler) for subject in subjects])
        scaler.update()
        scales.append(scaler.get_scale())
        trackers.append(scaler._get_growth_tracker())
    return scales, trackers, skips


def bits(values):
    return "".join("1" if value else "0" for value in values)


def settings_of(init_scale, growth_factor, backoff_factor, growth_interval):
    return {
        "init_scale": float(init_scale),
        "growth_factor": float(growth_factor),
        "backoff_factor": float(backoff_factor),
        "growth_interval": growth_interval,
    }


def patterns(interval, steps=44):
    """Overflow patterns around a growth interval."""
    rng = random.Random(20 + interval)
    yield "fine", [False] * steps
    yield "alternating", [i % 2 == 1 for i in range(steps)]
    yield "runs", [(i // 5) % 3 == 1 for i in range(steps)]
    # The step that would have made the scale grow, the one before it and the one after it.
    yield "on_growth", [i % interval == interval - 1 for i in range(steps)]
    yield "before_growth", [i == max(0, interval - 2) for i in range(steps)]
    yield "after_growth", [i == interval for i in range(steps)]
    yield "random", [rng.random() < 0.2 for _ in range(steps)]


def full_cases():
    for settings in (
        settings_of(65536, 2.0, 0.5, 4),
        settings_of(1024, 1.5, 0.75, 7),
        settings_of(3.7, 1.1, 0.3, 1),
        settings_of(128, 4.0, 0.25, 10),
    ):
        for name, overflow in patterns(settings["growth_interval"]):
            yield f"{name}_interval_{settings['growth_interval']}", settings, overflow
    # Growth stops before fp32 infinity; backing off goes through subnormal numbers to zero.
    yield "largest", settings_of(2.0**122, 2.0, 0.5, 2), [i == 30 for i in range(44)]
    yield "smallest", settings_of(2.0**-118, 2.0, 0.25, 3), [i % 8 != 5 or i > 8 for i in range(44)]
    yield "all_overflow", settings_of(65536, 2.0, 0.5, 5), [True] * 40


def compact_case(name, settings, overflow):
    scales, trackers, skips = run(settings, [[value] for value in overflow])
    assert [skip for (skip,) in skips] == overflow
    changes = []
    before = (settings["init_scale"], 0)
    for step, now in enumerate(zip(scales, trackers)):
        if now != (before[0], before[1] + 1):
            changes.append([step, *now])
        before = now
    overflow_steps = [step for step, value in enumerate(overflow) if value]
    return {"name": name, **settings, "steps": len(overflow), "overflow_steps": overflow_steps,
            "changes": changes}  # fmt: skip


def main():
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    full = []
    for name, settings, overflow in full_cases():
        scales, trackers, skips = run(settings, [[value] for value in overflow])
        skipped = [skip for (skip,) in skips]
        full.append({"name": name, **settings, "overflow": bits(overflow),
                     "skipped": bits(skipped), "scale": scales,
                     "growth_tracker": trackers})  # fmt: skip

    defaults = settings_of(65536, 2.0, 0.5, 2000)
    rng = random.Random(5)
    # The steps 1001 to 3000 would be the 2000 without an overflow, but the last of them has one.
    start = {0, 1, 2, 1000, 3000, 5001, 5002}
    compact = [
        compact_case("defaults_fine", defaults, [False] * 4100),
        compact_case("defaults_overflows", defaults, [i in start for i in range(7100)]),
        compact_case("random", settings_of(65536, 2.0, 0.5, 100),
                     [rng.random() < 0.006 for _ in range(3000)]),
    ]  # fmt: skip

    two = []
    rows = [[rng.random() < 0.15, rng.random() < 0.15] for _ in range(48)]
    for settings in (settings_of(65536, 2.0, 0.5, 3), settings_of(512, 3.0, 0.2, 5)):
        scales, trackers, skips = run(settings, rows)
        two.append({"name": f"two_interval_{settings['growth_interval']}", **settings,
                    "overflow": [bits(column) for column in zip(*rows)],
                    "skipped": [bits(column) for column in zip(*skips)],
                    "scale": scales, "growth_tracker": trackers})  # fmt: skip

    parts = []
    for key, cases in (("cases", full), ("compact", compact), ("two_optimizers", two)):
        lines = [json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases]
        parts.append(f'"{key}": [\n' + ",\n".join(lines) + "\n]")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text('{"torch": "2.11.0",\n' + ",\n".join(parts) + "}\n")
    print(f"{OUT}: {len(full) + len(compact) + len(two)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
