"""A report as one page of HTML that loads nothing. Places in its charts are shares of the width: they fit a phone."""

import html
import itertools
import pathlib
import re

import report
from log_axis import LogAxis

# Of the width, so that dots and numbers at the ends are whole.
MARGIN = 3
HEIGHT = 22
STYLE = "html_report.css"
# Around the place of a mark.
MARKS = {
    "own": '<circle r="5.5"/>',
    "captured": '<rect x="-5" y="-5" width="10" height="10"/>',
    "slower": '<circle r="5"/>',
    "goal": '<path d="M0-7 5 0 0 7-5 0z"/>',
}


def text(words):
    """Escaped, with `code` as such."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))


def place(axis, value):
    return f"{MARGIN + (100 - 2 * MARGIN) * axis.place(value):.2f}%"


def mark(kind, x, title=""):
    title = f"<title>{html.escape(title)}</title>" if title else ""
    return f'<svg class="{kind}" x="{x}" y="{HEIGHT // 2}" overflow="visible">{MARKS[kind]}{title}</svg>'


def vertical(axis, value, top, bottom):
    x = place(axis, value)
    return f'<line class="{"one" if value == 1 else "tick"}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'


def scale(axis):
    ticks = "".join(
        f'<text x="{place(axis, tick)}" y="12">{tick:g}×</text>{vertical(axis, tick, 17, 22)}' for tick in axis.ticks()
    )
    return f'<svg class="scale" height="22" aria-hidden="true">{ticks}</svg>'


def marks_of_row(axis, row):
    kind = report.kind(row)
    least, median, greatest = (place(axis, value) for value in [row.ratio.least, row.ratio.median, row.ratio.greatest])
    goal = "" if row.goal is None else mark("goal", place(axis, row.goal), f"goal {report.goal(row)}")
    spread = f'<line class="spread {kind}" x1="{least}" x2="{greatest}" y1="{HEIGHT // 2}" y2="{HEIGHT // 2}"/>'
    return goal + spread + mark(kind, median, report.spread(row))


def bar(axis, rows):
    grid = "".join(vertical(axis, tick, 0, HEIGHT) for tick in axis.ticks())
    label = html.escape("; ".join(report.spread(row) for row in rows))
    marks = "".join(marks_of_row(axis, row) for row in rows)
    return f'<svg class="bar" height="{HEIGHT}" role="img" aria-label="{label}">{grid}{marks}</svg>'


def overview(comparison):
    rows = [row for rows in comparison.overview.values() for row in rows]
    if not rows:
        return ""
    axis = LogAxis(report.values_on_axis(rows))
    peers = {row.peer.split(", ")[0] for row in rows}
    caption = f"Against {peers.pop()}" if len(peers) == 1 else "Against the first of the other sides"
    shown = "".join(
        f'<li><p class="name">{text(title)}</p>{bar(axis, rows)}<p class="ratio">'
        + " ".join(f'<b class="{report.kind(row)}">{report.ratio(row.ratio.median)}</b>' for row in rows) + "</p></li>"
        for title, rows in comparison.overview.items()
    )
    return (
        f'<section class="overview"><h2>{text(caption)}</h2><ol><li class="scales"><span></span>{scale(axis)}</li>'
        f"{shown}</ol>{legend()}</section>"
    )


def legend():
    def swatch(kind):
        if kind == "spread":
            drawn = f'<line class="spread own" x1="2" x2="20" y1="{HEIGHT // 2}" y2="{HEIGHT // 2}"/>'
        else:
            drawn = mark(kind, "11")
        return f'<svg class="swatch" width="22" height="{HEIGHT}" aria-hidden="true">{drawn}</svg>'

    shown = "".join(f"<li>{swatch(kind)}{text(meaning)}</li>" for kind, meaning in report.LEGEND.items())
    return f'<ul class="legend">{shown}</ul>'


def row_of_chart(axis, table, row):
    if row.problem:
        return f'<li class="problem"><p class="name">{text(row.peer)}</p><p class="why">{text(row.problem)}</p></li>'
    losses = report.difference(row)
    values = " · ".join(
        [f"{report.number(row.peer_value)} {table.unit}"]
        + ([f"Δ\N{NO-BREAK SPACE}loss {losses}"] if losses else [])
    )
    kind, verdict = report.kind(row), report.verdict(table, row).replace("goal", f"goal {report.goal(row)}")
    met = " missed" if row.misses_goal else ""
    shown = f'<span class="verdict{met}">{text(verdict)}</span>' if verdict else ""
    return (
        f'<li class="{kind}"><p class="name">{text(row.peer)}</p>{bar(axis, [row])}'
        f'<p class="ratio"><b class="{kind}">{report.ratio(row.ratio.median)}</b> '
        f"<span>{report.plain_ratio(row.ratio.least)} to {report.plain_ratio(row.ratio.greatest)}</span> {shown}</p>"
        f'<p class="values">{values}</p></li>'
    )


def group(axis, table, own, rows):
    values = {report.number(row.own_value) for row in rows if not row.problem}
    value = f" <span>{', '.join(sorted(values))} {table.unit}</span>" if values else ""
    shown = "".join(row_of_chart(axis, table, row) for row in rows)
    return f'<h3>{text(own)}{value}</h3><ol aria-label="{html.escape(own)}">{shown}</ol>'


def section(table, before=""):
    """`before` is the note of the section above."""
    axis = LogAxis(report.values_on_axis(table.rows))
    by_own = itertools.groupby(table.rows, lambda row: row.own)
    groups = "".join(group(axis, table, own, list(rows)) for own, rows in by_own)
    chart = ""
    if any(not row.problem for row in table.rows):
        chart = f'<div class="scales"><p class="unit">times {text(table.better)}</p>{scale(axis)}</div>'
    note = report.new_sentences(table.note, before)
    commands = "".join(
        f"<dt>{text(name)}</dt><dd><code>{html.escape(command)}</code></dd>" for name, command in table.commands.items()
    )
    return (
        f"<section><h2>{text(table.title)}</h2>"
        + (f'<p class="note">{text(note)}</p>' if note else "")
        + f"{chart}{groups}<details><summary>Commands</summary><dl>{commands}</dl></details></section>"
    )


def write(comparison, folder=pathlib.Path(__file__).parent):
    """The whole page. `folder` holds the style sheet, which is put into it."""
    facts = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in comparison.facts.items())
    notes = ["", *(table.note for table in comparison.tables)]
    sections = "".join(section(table, before) for table, before in zip(comparison.tables, notes))
    verdict, _, more = comparison.summary.partition(". ")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(comparison.title)}</title><style>{(folder / STYLE).read_text()}</style></head><body>"
        f'<header><h1>{text(comparison.title)}</h1><p class="summary">{text(verdict.rstrip("."))}.</p>'
        + (f"<p>{text(more)}</p>" if more else "")
        + f"</header><main>{overview(comparison)}{sections}</main>"
        f"<footer><h2>How it was measured</h2><p>{text(report.METHOD)} {text(report.ABOUT_LOSSES)}</p><dl>{facts}"
        f"<dt>made by</dt><dd><code>{html.escape(comparison.command)}</code></dd></dl>"
        f"<p>Commands: {text(report.ABOUT_COMMANDS)}</p></footer>"
        f"{report.DATA[0]}{report.to_json(comparison)}{report.DATA[1]}</body></html>\n"
    )
