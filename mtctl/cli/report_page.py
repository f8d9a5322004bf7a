"""Floor 4. A report as one HTML page: no script, nothing to load, light and dark, fit for mail and for CI artefacts."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from mtctl.core.words import count, lasting, moment, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.services.board import CalendarCell, TableLine
    from mtctl.services.reporting import Report, Took

_STYLE = """
:root { color-scheme: light dark; --ok: #1a6b30; --bad: #c21d26; --late: #8a5a00; --run: #0860c9; --dim: #57606a;
  --line: #d0d7de; --ground: #ffffff; --ink: #1f2328; }
@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; --bad: #ff6a63; --late: #e3a12f; --run: #58a6ff;
  --dim: #9aa4af; --line: #3d444d; --ground: #0d1117; --ink: #e6edf3; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  background: var(--ground); color: var(--ink); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.ok { color: var(--ok); } .bad { color: var(--bad); font-weight: 600; } .late { color: var(--late); }
.run { color: var(--run); }
.big { display: flex; gap: 2rem; flex-wrap: wrap; } .big div { font-size: 1.6rem; } .big small { display: block;
  font-size: .8rem; color: var(--dim); }
pre { font: 13px/1.25 ui-monospace, monospace; margin: .3rem 0; } svg { vertical-align: middle; }
"""
_KIND = {
    "fresh": "ok",
    "success": "ok",
    "failing": "bad",
    "failed": "bad",
    "late": "late",
    "stale": "late",
    "missing": "late",
    "running": "run",
}
_SIGN = {"fresh": "•", "stale": "!", "missing": "·", "running": "▶", "failed": "✘"}
_WORD_SIGN = {"fresh": "✔", "failing": "✘", "late": "!", "never": "·", "running": "▶"}


def page(report: Report) -> str:
    """Return the whole page."""
    parts = [
        f"<h1>{escape(report.project)}</h1>",
        f'<p class="dim">{moment(report.since)} to {moment(report.at)} · {count(report.looked_at)} instances</p>',
        _numbers(report),
        "<h2>Tables</h2>",
        _tables(report.tables),
        "<h2>Failures</h2>",
        _failures(report),
        "<h2>Durations</h2>",
        _durations(report.durations),
        "<h2>Intervals</h2>",
        "".join(_calendar(name, cells) for name, cells in report.calendars) or "<p>No table has intervals.</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="generator" content="mtctl">'
        f"<title>{escape(report.project)}: report</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _numbers(report: Report) -> str:
    states = [_state(line) for line in report.tables]
    pairs = [
        (len(states), "tables"),
        (states.count("fresh"), "fresh"),
        (states.count("late") + states.count("never"), "late"),
        (states.count("failing"), "failing"),
        (len(report.failures), "failed instances"),
    ]
    numbers = "".join(f"<div>{number:,}<small>{word}</small></div>" for number, word in pairs)
    return f'<div class="big">{numbers}</div>'


def _state(line: TableLine) -> str:
    return "running" if line.status.running else line.status.health.value


def _tables(lines: Sequence[TableLine]) -> str:
    rows = []
    for line in lines:
        status, state = line.status, _state(line)
        trouble = (status.last_error or "").splitlines()[0] if state == "failing" and status.last_error else ""
        trouble = trouble or (f"stale {status.stale}: {status.why}" if status.stale else "")
        trouble = trouble or (f"missing {status.missing}" if status.missing else "")
        rows.append(
            (
                escape(status.table),
                f'<span class="{_KIND.get(state, "dim")}">{_WORD_SIGN.get(state, "·")} {state}</span>',
                f"{status.fresh:,} of {status.wanted:,}",
                count(status.rows),
                size(status.bytes),
                moment(status.last_success_at),
                escape(trouble),
            )
        )
    return _grid(("table", "state", "fresh", "rows", "bytes", "refreshed", "trouble"), rows, right={2, 3, 4})


def _failures(report: Report) -> str:
    if not report.failures:
        return '<p class="ok">✔ none</p>'
    rows = [
        (
            escape(row.ulid),
            escape(row.title),
            escape(str(row.trigger)),
            moment(row.created_at),
            escape(", ".join(f"{number} {state}" for state, number in row.tasks)),
            f"<code>mtctl instance show {escape(row.ulid)}</code>",
        )
        for row in report.failures
    ]
    return _grid(("instance", "what", "trigger", "when", "tasks", "more"), rows)


def _durations(durations: Sequence[Took]) -> str:
    if not durations:
        return "<p>Nothing ended in these days.</p>"
    rows = [
        (
            escape(took.title),
            count(took.good),
            f'<span class="bad">{took.bad:,}</span>' if took.bad else "0",
            lasting(took.median),
            lasting(took.greatest),
            _bars(took.times),
        )
        for took in durations[:100]
    ]
    return _grid(("what", "well", "badly", "median", "greatest", "last ones"), rows, right={1, 2, 3, 4})


def _bars(times: Sequence[float]) -> str:
    """Return a small drawing of durations, oldest first."""
    most = max(times) or 1.0
    bars = "".join(
        f'<rect x="{at * 4}" y="{20 - max(1, round(one / most * 20))}" width="3" '
        f'height="{max(1, round(one / most * 20))}"/>'
        for at, one in enumerate(times)
    )
    return (
        f'<svg width="{len(times) * 4}" height="20" fill="currentColor" role="img" '
        f'aria-label="{len(times)} durations, at most {lasting(most)}">{bars}</svg>'
    )


def _calendar(name: str, cells: Sequence[CalendarCell]) -> str:
    """Return one sign an interval, a line a month (a day where intervals are hours)."""
    if not cells:
        return ""
    per_line = 10 if "T" in cells[0].label else 7
    lines = []
    for label, group in groupby(cells, key=lambda cell: cell.label[:per_line]):
        signs = "".join(
            f'<span class="{_KIND.get(state, "dim")}">{_SIGN.get(state, "·") * len(list(same))}</span>'
            for state, same in groupby(group, key=lambda cell: cell.state)
        )
        lines.append(f"{escape(label):<12}{signs}")
    return f"<h3>{escape(name)}</h3><pre>" + "\n".join(lines) + "</pre>"


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[int] | None = None) -> str:
    aligned = right or set()
    head = "".join(f"<th{_right(at, aligned)}>{text}</th>" for at, text in enumerate(heads))
    cells = ("".join(f"<td{_right(at, aligned)}>{cell}</td>" for at, cell in enumerate(row)) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _right(at: int, right: set[int]) -> str:
    return ' class="n"' if at in right else ""
