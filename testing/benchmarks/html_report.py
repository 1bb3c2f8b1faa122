"""A report as one page of HTML that loads nothing. Places in its charts are shares of the width: they fit a phone."""

import html
import pathlib
import re

import report
from log_axis import LogAxis

# Of the width, so that dots and numbers at the ends are whole.
MARGIN = 3
STYLE = "html_report.css"


def text(words):
    """Escaped, with `code` as such."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))


def place(axis, value):
    return MARGIN + (100 - 2 * MARGIN) * axis.place(value)


def axis_of_chart(axis):
    ticks = "".join(
        f'<text x="{place(axis, tick):.2f}%" y="12">{tick:g}</text>'
        f'<line class="{"one" if tick == 1 else "tick"}" x1="{place(axis, tick):.2f}%" x2="{place(axis, tick):.2f}%" '
        'y1="17" y2="22"/>'
        for tick in axis.ticks()
    )
    return f'<svg class="axis" height="22" aria-hidden="true">{ticks}</svg>'


def bar(axis, row):
    least, median, greatest, one = (
        f"{place(axis, value):.2f}%" for value in [row.ratio.least, row.ratio.median, row.ratio.greatest, 1]
    )
    grid = "".join(
        f'<line class="tick" x1="{place(axis, tick):.2f}%" x2="{place(axis, tick):.2f}%" y1="0" y2="24"/>'
        for tick in axis.ticks() if tick != 1
    )
    goal = ""
    if row.goal is not None:
        goal = (
            f'<svg class="goal" x="{place(axis, row.goal):.2f}%" y="12" overflow="visible">'
            f'<path d="M0-7 5 0 0 7-5 0z"><title>goal {row.goal:g}</title></path></svg>'
        )
    label = html.escape(f"{report.spread(row)}{', lost' if row.is_lost else ''}")
    return (
        f'<svg class="bar" height="24" role="img" aria-label="{label}">{grid}'
        f'<line class="one" x1="{one}" x2="{one}" y1="0" y2="24"/>{goal}'
        f'<line class="spread" x1="{least}" x2="{greatest}" y1="12" y2="12"/>'
        f'<circle cx="{median}" cy="12" r="5.5"/></svg>'
    )


def row_of_chart(axis, table, row):
    sides = f'<span class="own">{text(row.own)}</span> <span class="against">against</span> {text(row.peer)}'
    if row.problem:
        return (
            f'<li class="problem"><p class="sides">{sides}</p><p class="why">{text(row.problem)}</p></li>'
        )
    losses = report.difference(row)
    values = " · ".join(
        [f"{report.number(row.own_value)} against {report.number(row.peer_value)} {table.unit}"]
        + ([f"goal {report.goal(row)}"] if row.goal is not None else [])
        + ([f"losses differ by {losses}"] if losses else [])
    )
    kind = "lost" if row.is_lost else "missed" if row.misses_goal else "won"
    mark = f'<b class="mark">{text(row.verdict)}</b>' if row.verdict else ""
    return (
        f'<li class="{kind}"><p class="sides">{sides}</p>'
        f'<p class="ratio"><b>{report.ratio(row.ratio.median)}</b> '
        f"<span>({report.ratio(row.ratio.least)} to {report.ratio(row.ratio.greatest)})</span> {mark}</p>"
        f'{bar(axis, row)}<p class="values">{values}</p></li>'
    )


def section(table):
    axis = LogAxis(report.values_on_axis(table))
    rows = "".join(row_of_chart(axis, table, row) for row in table.rows)
    chart = axis_of_chart(axis) if any(not row.problem for row in table.rows) else ""
    commands = "".join(
        f"<dt>{text(name)}</dt><dd><code>{html.escape(command)}</code></dd>" for name, command in table.commands.items()
    )
    return (
        f"<section><h2>{text(table.title)}</h2>"
        + (f"<p>{text(table.note)}</p>" if table.note else "")
        + f'<p class="unit">{text(table.better)}, logarithmic</p>{chart}<ol>{rows}</ol>'
        + f"<details><summary>Commands</summary><dl>{commands}</dl></details></section>"
    )


def write(comparison, folder=pathlib.Path(__file__).parent):
    """The whole page. `folder` holds the style sheet, which is put into it."""
    facts = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in comparison.facts.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(comparison.title)}</title><style>{(folder / STYLE).read_text()}</style></head><body>"
        f"<header><h1>{text(comparison.title)}</h1><p class=\"summary\">{text(comparison.summary)}</p>"
        f"<p>{text(report.HOW_TO_READ)}</p><dl>{facts}<dt>made by</dt>"
        f"<dd><code>{html.escape(comparison.command)}</code></dd></dl></header>"
        f"<main>{''.join(map(section, comparison.tables))}</main>"
        f"<footer><p>{text(report.ABOUT_COMMANDS)}</p></footer></body></html>\n"
    )
