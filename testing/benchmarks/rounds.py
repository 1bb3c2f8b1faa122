"""Runs programs that measure themselves in turn, for several rounds, and compares those of one round.

    runs = measure({"ours": ["./ours"], "theirs": ["./theirs"]}, rounds=5, environment=os.environ)
    Spread.of_ratios([speed_in(run.output, "steps/s") for run in runs.of["ours"]], ...)
"""

import dataclasses
import os
import re
import signal
import statistics
import subprocess
import tempfile
import threading
import time

# Seconds in which a program ends of itself, and after which it has to.
LIMIT, GRACE = 600, 10


class Failure(Exception):
    """A program that did not measure anything; says why."""


@dataclasses.dataclass
class Run:
    # Seconds from the start of the command to each line of its standard output, and to its end.
    lines: list
    seconds: float
    errors: str = ""

    @property
    def output(self):
        return "\n".join(text for _, text in self.lines)


@dataclasses.dataclass
class Measured:
    # By program: what those of its runs gave that came to their end, round by round.
    of: dict
    # By program: why one of its runs failed, after which it was left out.
    failures: dict


@dataclasses.dataclass(frozen=True)
class Spread:
    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def of_ratios(cls, own, other):
        """How much faster, where both are speeds: by the runs of the same round."""
        return cls.of([one / another for one, another in zip(own, other)])


def last_line_in(text):
    """The last that says something: launchers end in rules of dashes and in their own frames."""
    lines = [line.strip().lstrip("| ").removeprefix("error: ") for line in text.splitlines()]
    return next((line for line in reversed(lines) if re.search(r"\w", line)), "")


def stop(process):
    """The process and all that it started, which a launcher gets the time to stop itself."""
    for number in [signal.SIGTERM, signal.SIGKILL]:
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def run(command, environment, folder=None, limit=LIMIT):
    begin = time.perf_counter()
    lines = []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, start_new_session=True,
        )
        timer = threading.Timer(limit, stop, [process])
        timer.start()
        try:
            for line in process.stdout:
                lines.append((time.perf_counter() - begin, line.rstrip("\n")))
            code = process.wait()
            seconds = time.perf_counter() - begin
        finally:
            timer.cancel()
            if process.poll() is None:
                stop(process)
        errors.seek(0)
        ended = Run(lines, seconds, errors.read())
    if seconds > limit:
        raise Failure(f"stopped after {limit} s")
    if code != 0:
        raise Failure(last_line_in(ended.errors) or last_line_in(ended.output) or f"ended with code {code} in silence")
    return ended


def measure(commands, rounds, environment, folder=None, check=lambda name, run: None, tell=lambda name: None):
    """Runs all commands, then all again. `check` raises Failure for a run that does not count; `tell` hears which is
    next."""
    measured = Measured({name: [] for name in commands}, {})
    for _ in range(rounds):
        for name, command in commands.items():
            if name in measured.failures:
                continue
            tell(name)
            try:
                ended = run(command, environment, folder)
                check(name, ended)
                measured.of[name].append(ended)
            except (Failure, OSError) as failure:
                measured.failures[name] = str(failure)
    return measured


def speed_in(output, unit):
    """The number before the last mention of the unit."""
    before, found, _ = output.rpartition(unit)
    if not found:
        raise Failure(f"printed no {unit}: {last_line_in(output) or 'nothing at all'}")
    return float(before.split()[-1])


def first_loss_in(output):
    found = re.search(r"first loss ([^\s,]+)", output)
    return float(found[1]) if found else None


def ratio(own, other):
    """How much faster, for a table, with what is lost."""
    spread = Spread.of_ratios(own, other)
    lost = ", lost" if spread.median < 1 else ""
    return f"{spread.median:.2f} ({spread.least:.2f} to {spread.greatest:.2f}){lost}"
