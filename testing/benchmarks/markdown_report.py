"""A report in Markdown: a table and a chart of characters for each figure."""

import textwrap

import report
from log_axis import LogAxis

WIDTH = 48


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
        cells[column(row.goal)] = "◇"
    cells[column(row.ratio.median)] = "○" if row.is_lost else "●"
    return "".join(cells)


def chart_of_table(table):
    axis = LogAxis(report.values_on_axis(table))
    labels = [plain(f"{row.own} : {row.peer}") for row in table.rows]
    margin = max(map(len, labels))
    heading = [" "] * (WIDTH + 6)
    for tick in axis.ticks():
        begin = round(axis.place(tick) * (WIDTH - 1))
        if begin == 0 or heading[begin - 1] == " ":
            heading[begin : begin + len(f"{tick:g}")] = f"{tick:g}"
    lines = [" " * margin + "  " + "".join(heading).rstrip()]
    for label, row in zip(labels, table.rows):
        if row.problem:
            lines.append(f"{label:{margin}}  {plain(row.problem)}")
        else:
            mark = " LOST" if row.is_lost else ""
            lines.append(f"{label:{margin}}  {chart_line(axis, row)} {report.ratio(row.ratio.median)}{mark}")
    return "```text\n" + "\n".join(lines) + "\n```\n"


def cell(text):
    return text.replace("|", "\\|")


def verdict(row):
    """Its first word leaps to the eye where there is something wrong."""
    if row.problem or row.is_lost:
        return f"**{cell(row.verdict)}**"
    return row.verdict


def table_of_rows(table):
    columns = ["this side", "other side", table.unit, "other's", table.better, "goal", "", "losses differ by"]
    lines = [f"| {' | '.join(columns)} |", "| --- | --- | ---: | ---: | --- | --- | --- | --- |"]
    for row in table.rows:
        values = [report.number(row.own_value), report.number(row.peer_value), report.spread(row), report.goal(row)]
        cells = [cell(row.own), cell(row.peer), *values, verdict(row), report.difference(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def commands_of(table):
    lines = [f"# {plain(name)}\n{command}" for name, command in table.commands.items()]
    return "```sh\n" + "\n".join(lines) + "\n```\n"


def write(comparison):
    """The whole text."""
    parts = [
        f"# {comparison.title}\n",
        f"**{comparison.summary}**\n",
        paragraph(f"Made by `{comparison.command}`. {report.HOW_TO_READ}"),
        "| | |\n| --- | --- |\n" + "".join(f"| {name} | {cell(value)} |\n" for name, value in comparison.facts.items()),
    ]
    for table in comparison.tables:
        parts += [f"## {table.title}\n"] + ([paragraph(table.note)] if table.note else [])
        parts += [table_of_rows(table), chart_of_table(table)]
    parts += ["## Commands\n", paragraph(report.ABOUT_COMMANDS)]
    for table in comparison.tables:
        parts += [f"{table.title}:\n", commands_of(table)]
    return "\n".join(parts)
