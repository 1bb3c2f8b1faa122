"""Runs programs that measure themselves in turn, for several rounds, and compares those of one round."""

import re
import statistics
import subprocess


class Failure(Exception):
    """A program that did not measure anything; says why."""


def output_of(command, environment):
    end = subprocess.run(command, env=environment, capture_output=True, text=True)
    if end.returncode != 0:
        lines = (end.stderr.strip() or end.stdout.strip() or "it said nothing").splitlines()
        raise Failure(f"ended with code {end.returncode}: {lines[-1]}")
    return end.stdout


def speed_in(output, unit):
    """The number before the last mention of the unit."""
    return float(output[: output.rindex(unit)].split()[-1])


def first_loss_in(output):
    found = re.search(r"first loss (\S+?),?\s", output)
    return float(found[1]) if found else None


def ratio(own, other):
    """How much faster: the median, least and greatest ratio of two runs in the same round."""
    ratios = [one / another for one, another in zip(own, other)]
    median = statistics.median(ratios)
    return f"{median:.2f} ({min(ratios):.2f} to {max(ratios):.2f})" + (", lost" if median < 1 else "")
