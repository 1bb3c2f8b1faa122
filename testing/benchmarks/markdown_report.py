"""A report in Markdown: a table and a chart of characters for each figure."""

import textwrap

import report
from log_axis import LogAxis

WIDTH = 48
# Of the kinds in report.LEGEND.
SIGNS = {"own": "●", "captured": "■", "spread": "─", "goal": "◇", "slower": "○"}


def paragraph(text):
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def plain(text):
    """Without Markdown's marks, for a block of code."""
    return text.replace("`", "")


def chart_line(axis, row):
    def column(value):
        return round(axis.place(value) * (WIDTH - 1))

    cells = [" "] * WIDTH
    first, last = column(row.ratio.least), column(row.ratio.greatest)
    cells[first : last + 1] = "─" * (last + 1 - first)
    cells[column(1)] = "┼" if first <= column(1) <= last else "┊"
    if row.goal is not None:
        cells[column(row.goal)] = SIGNS["goal"]
    cells[column(row.ratio.median)] = SIGNS[report.kind(row)]
    return "".join(cells)


def chart(labels, rows):
    """A line for each row."""
    axis = LogAxis(report.values_on_axis(rows))
    margin = max(map(len, labels))
    heading = [" "] * (WIDTH + 6)
    for tick in axis.ticks():
        begin, shown = round(axis.place(tick) * (WIDTH - 1)), f"{tick:g}×"
        if begin == 0 or heading[begin - 1] == " ":
            heading[begin : begin + len(shown)] = shown
    lines = [" " * margin + "  " + "".join(heading).rstrip()]
    for label, row in zip(labels, rows):
        shown = plain(row.problem) if row.problem else f"{chart_line(axis, row)} {report.ratio(row.ratio.median)}"
        lines.append(f"{label:{margin}}  {shown}")
    return "```text\n" + "\n".join(lines) + "\n```\n"


def chart_of_table(table):
    return chart([plain(f"{row.own} : {row.peer}") for row in table.rows], table.rows)


def overview(comparison):
    found = [(title, row) for title, rows in comparison.overview.items() for row in rows]
    if not found:
        return []
    titles = [""] + [title for title, _ in found]
    labels = ["" if title == before else plain(title) for before, (title, _) in zip(titles, found)]
    peer = found[0][1].peer.split(", ")[0]
    legend = ", ".join(f"{SIGNS[kind]} {meaning}" for kind, meaning in report.LEGEND.items())
    return [f"Against {peer}:\n", chart(labels, [row for _, row in found]), paragraph(f"{legend}.")]


def cell(text):
    return text.replace("|", "\\|")


def verdict(table, row):
    """Leaps to the eye where there is something wrong."""
    words = cell(report.verdict(table, row))
    return f"**{words}**" if row.problem or row.is_behind else words


def table_of_rows(table):
    columns = ["this side", "other side", table.unit, "other's", f"times {table.better}", "goal", "verdict", "Δ loss"]
    lines = [f"| {' | '.join(columns)} |", "| --- | --- | ---: | ---: | --- | --- | --- | --- |"]
    for row in table.rows:
        values = [report.number(row.own_value), report.number(row.peer_value), report.spread(row), report.goal(row)]
        cells = [cell(row.own), cell(row.peer), *values, verdict(table, row), report.difference(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def commands_of(table):
    lines = [f"# {plain(name)}\n{command}" for name, command in table.commands.items()]
    return "```sh\n" + "\n".join(lines) + "\n```\n"


def write(comparison, page):
    """The whole text. `page` is the name of the page of HTML beside it."""
    parts = [f"# {comparison.title}\n", paragraph(f"**{comparison.summary}**")]
    parts += [f"With charts to look at: [{page}]({page}).\n", *overview(comparison)]
    before = ""
    for table in comparison.tables:
        note = report.new_sentences(table.note, before)
        before = table.note
        parts += [f"## {table.title}\n"] + ([paragraph(note)] if note else [])
        parts += [table_of_rows(table), chart_of_table(table)]
    parts += [
        "## How it was measured\n",
        paragraph(f"{report.METHOD} {report.ABOUT_LOSSES} Made by `{comparison.command}`."),
        "| | |\n| --- | --- |\n" + "".join(f"| {name} | {cell(value)} |\n" for name, value in comparison.facts.items()),
    ]
    parts += ["## Commands\n", paragraph(report.ABOUT_COMMANDS)]
    for table in comparison.tables:
        parts += [f"{table.title}:\n", commands_of(table)]
    return "\n".join(parts)
