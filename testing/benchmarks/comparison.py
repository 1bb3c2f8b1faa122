"""What is compared, and what came of it: values that workloads.py makes and that the reports show."""

import dataclasses
import re
import statistics
from typing import Callable, Optional

import rounds

# How many of the losses that a program prints are compared; later ones drift apart by rounding alone.
COMPARED_LOSSES = 20


@dataclasses.dataclass(frozen=True)
class Program:
    # As it is typed at the root of a checkout.
    command: list
    # Whether its losses are those of the workload's first program.
    does_the_same: bool = True


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two programs of a workload."""

    own: str
    peer: str
    # The ratio that the project aims at.
    goal: Optional[float] = None
    # Below this the row is behind. Less than 1 where several processes are compared with one.
    par: float = 1.0


@dataclasses.dataclass(frozen=True)
class Figure:
    """A number that each run of a workload gives, and the pairs that are compared by it."""

    title: str
    unit: str
    pairs: list
    # From a rounds.Run; raises rounds.Failure where it is missing.
    read: Callable
    less_is_better: bool = False
    # What a ratio says, and what it is called below 1.
    better: str = "as fast"
    worse: str = "slower"
    # A program whose figure of the same round is taken off.
    baseline: Optional[str] = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Workload:
    # What --only names.
    key: str
    title: str
    programs: dict
    figures: list
    # How many cores all of a program's processes get.
    cores: int = 1
    # How far losses may be from those of the first program, as a share of them; None where there are none.
    tolerance: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Row:
    own: str
    peer: str
    goal: Optional[float] = None
    par: float = 1.0
    # Medians.
    own_value: Optional[float] = None
    peer_value: Optional[float] = None
    ratio: Optional[rounds.Spread] = None
    # The greatest difference of the losses of the two, as a share of them.
    difference: Optional[float] = None
    # Why there is nothing to compare.
    problem: str = ""

    @property
    def is_behind(self):
        return not self.problem and self.ratio.median < self.par

    @property
    def misses_goal(self):
        return not self.problem and self.goal is not None and self.ratio.median < self.goal

    @property
    def is_of_scaling(self):
        """Whether several processes are compared with one."""
        return self.par < 1


@dataclasses.dataclass(frozen=True)
class Table:
    title: str
    unit: str
    better: str
    worse: str
    rows: list
    # By the name of a program.
    commands: dict
    note: str = ""


def losses_in(output):
    found = re.findall(r"^(?:epoch \d+ )?loss(?:es)? ([^,\n]+)$", output, re.MULTILINE)
    return [float(word) for line in found for word in line.split()][:COMPARED_LOSSES]


def greatest_difference(own, other):
    """Of two lists of losses, as a share; infinite where they cannot be compared."""
    if len(own) != len(other) or not own:
        return float("inf")
    shares = [abs(one - another) / max(abs(another), 1e-12) for one, another in zip(own, other)]
    # Not max(), which passes over what is no number.
    return float("inf") if any(share != share for share in shares) else max(shares)


def difference_of(workload, measured, pair):
    if workload.tolerance is None or not all(workload.programs[name].does_the_same for name in [pair.own, pair.peer]):
        return None
    runs = zip(measured.of[pair.own], measured.of[pair.peer])
    return max(greatest_difference(losses_in(own.output), losses_in(peer.output)) for own, peer in runs)


def row_of(workload, figure, measured, values, pair):
    row = Row(pair.own, pair.peer, pair.goal, pair.par)
    failed = [name for name in [pair.own, pair.peer, figure.baseline] if name in measured.failures]
    if failed:
        return dataclasses.replace(row, problem=f"failed: {measured.failures[failed[0]]}")
    own, peer = values[pair.own], values[pair.peer]
    if min(own + peer) <= 0:
        problem = f"failed: takes no longer than {figure.baseline}; the machine is too noisy"
        return dataclasses.replace(row, problem=problem)
    difference = difference_of(workload, measured, pair)
    return dataclasses.replace(
        row,
        own_value=statistics.median(own),
        peer_value=statistics.median(peer),
        ratio=rounds.Spread.of_ratios(*((peer, own) if figure.less_is_better else (own, peer))),
        difference=difference,
        problem="" if difference is None or difference <= workload.tolerance
        else f"other work: losses differ by {difference:.2g} of them",
    )


def table_of(workload, figure, measured, shown_commands):
    values = {
        name: [figure.read(run) for run in runs]
        for name, runs in measured.of.items() if name not in measured.failures
    }
    if figure.baseline in values:
        base = values[figure.baseline]
        values = {name: [value - less for value, less in zip(those, base)] for name, those in values.items()}
    named = {name for pair in figure.pairs for name in [pair.own, pair.peer]} | {figure.baseline}
    return Table(
        figure.title,
        figure.unit,
        figure.better,
        figure.worse,
        [row_of(workload, figure, measured, values, pair) for pair in figure.pairs],
        {name: command for name, command in shown_commands.items() if name in named},
        figure.note,
    )
