"""A comparison that is done, and what both forms of its report say."""

import dataclasses
import json
import re

import comparison
import rounds

CAPTURED = "this project, captured"

METHOD = (
    "Both sides of a row ran in turn on the same cores, with the same model, initial weights and data. A ratio "
    "compares two runs of the same round; above 1× this project is better."
)
# The marks of a chart, by the names of their kinds.
LEGEND = {
    "own": "this project, the median",
    "captured": "with captured steps",
    "spread": "least to greatest of all rounds",
    "goal": "the project's own goal",
    "slower": "slower; of several processes, below their goal",
}
ABOUT_LOSSES = "Δ loss: how far the losses of the two sides differ at most, as a share of them."
ABOUT_COMMANDS = (
    "At the root of a checkout, each with OMP_NUM_THREADS=1; peers/bin/python is the Python of the peers. taskset "
    "gives both sides of a row the same cores."
)
# Where a page of HTML holds all figures.
DATA = '<script type="application/json" id="figures">', "</script>"


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
        """Sentences."""
        others = [(table, row) for table, row in self.rows if not row.is_of_scaling and not row.problem]
        slower = [(table, row) for table, row in others if row.is_behind]
        failed = sum(bool(row.problem) for _, row in self.rows)
        text = f"This project is ahead in {len(others) - len(slower)} of {len(others)} comparisons with other software."
        for worse in dict.fromkeys(table.worse for table, _ in slower):
            named = "; ".join(
                f"{ratio(row.ratio.median)} {row.peer} ({'captured, ' * row.own.startswith(CAPTURED)}{table.title})"
                for table, row in slower if table.worse == worse
            )
            text += f" {worse.capitalize()}: {named}."
        scaling = [row for _, row in self.rows if row.is_of_scaling and not row.problem]
        if scaling:
            values = [row.ratio.median for row in scaling]
            met = sum(not row.misses_goal for row in scaling)
            text += (
                f" Each of several processes runs at {ratio(min(values))} to {ratio(max(values))} the speed of one "
                f"alone; {met} of {len(scaling)} rows meet their goal of {min(row.par for row in scaling):g}×."
            )
        return text + (f" {failed} without a figure." if failed else "")

    @property
    def overview(self):
        """By the title of a table: its rows against the first peer."""
        found = {}
        for table in self.tables:
            rows = [row for row in table.rows if not row.problem and not row.is_of_scaling]
            first = {}
            for row in rows:
                first.setdefault(row.own, row)
            if first:
                found[table.title] = list(first.values())
        return found


def to_json(report):
    # Within a page of HTML, where no end of an element may be in it.
    return json.dumps(dataclasses.asdict(report), ensure_ascii=False).replace("</", "<\\/")


def from_json(text):
    def row(made):
        ratio = made["ratio"] and rounds.Spread(**made["ratio"])
        return comparison.Row(**{**made, "ratio": ratio})

    made = json.loads(text)
    tables = [comparison.Table(**{**table, "rows": [row(each) for each in table["rows"]]}) for table in made["tables"]]
    return Report(**{**made, "tables": tables})


def from_page(page):
    """The figures of a page of HTML, to draw it anew."""
    begin, end = map(re.escape, DATA)
    found = re.search(f"{begin}(.*?){end}", page, re.DOTALL)
    return found and from_json(found[1])


def new_sentences(note, before):
    """Those that were not in the note before."""
    return " ".join(sentence for sentence in re.split(r"(?<=\.) ", note) if sentence not in before)


def number(value):
    """With three digits, or all of those before the point."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain_ratio(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value):
    return f"{plain_ratio(value)}×"


def spread(row):
    if row.problem:
        return ""
    return f"{ratio(row.ratio.median)} ({plain_ratio(row.ratio.least)} to {plain_ratio(row.ratio.greatest)})"


def difference(row):
    """Of the losses, which need not be there."""
    return "" if row.difference is None else "none" if row.difference == 0 else f"{row.difference:.1g}"


def goal(row):
    return "" if row.goal is None else f"{row.goal:g}×"


def verdict(table, row):
    if row.problem:
        return row.problem
    met = "" if row.goal is None else "goal missed" if row.misses_goal else "goal met"
    behind = table.worse if row.is_behind and not row.is_of_scaling else ""
    return ", ".join(word for word in [behind, met] if word)


def kind(row):
    """The mark of a row in charts: a name of LEGEND."""
    return "slower" if row.is_behind else "captured" if row.own.startswith(CAPTURED) else "own"


def values_on_axis(rows):
    return [value for row in rows if not row.problem for value in [row.ratio.least, row.ratio.greatest, row.goal or 1]]
