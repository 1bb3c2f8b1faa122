"""A comparison that is done, and what both forms of its report say."""

import dataclasses

# What stands above the tables.
HOW_TO_READ = (
    "Both sides of a row ran in turn on the same cores, with the same model, initial weights and data; a ratio is that "
    "of two runs of one round. Shown are the median and, in brackets, the least and the greatest of all rounds: above "
    "1 this project is better. Charts have a logarithmic axis: a dot is the median, a line goes from the least to the "
    "greatest, a diamond is the project's own goal. A hollow dot is a row that is lost."
)
ABOUT_COMMANDS = (
    "At the root of a checkout, each with OMP_NUM_THREADS=1; peers/bin/python is the Python of the peers. taskset "
    "gives both sides of a row the same cores."
)


@dataclasses.dataclass(frozen=True)
class Report:
    title: str
    # The command that made it.
    command: str
    # Name and value of what a reader has to know of machine and versions.
    facts: dict
    tables: list

    @property
    def rows(self):
        return [(table, row) for table in self.tables for row in table.rows]

    @property
    def summary(self):
        lost = sum(row.is_lost for _, row in self.rows)
        failed = sum(bool(row.problem) for _, row in self.rows)
        text = f"{len(self.rows)} rows, {lost} of them lost"
        return text + (f", {failed} without a figure" if failed else "") + "."


def number(value):
    """With three digits, or all of those before the point."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(row):
    if row.problem:
        return ""
    return f"{ratio(row.ratio.median)} ({ratio(row.ratio.least)} to {ratio(row.ratio.greatest)})"


def difference(row):
    """Of the losses, which need not be there."""
    return "" if row.difference is None else "none" if row.difference == 0 else f"{row.difference:.1g}"


def goal(row):
    return "" if row.goal is None else f"{row.goal:g}"


def values_on_axis(table):
    compared = [row for row in table.rows if not row.problem]
    return [value for row in compared for value in [row.ratio.least, row.ratio.greatest, row.goal or 1]]
