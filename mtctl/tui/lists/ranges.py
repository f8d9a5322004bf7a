"""Floor 4. Refreshes of many intervals, however they came about: how much is done, what runs, how long it takes yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_label
from mtctl.core.table_calendar import calendar_of
from mtctl.core.words import count, lasting, many
from mtctl.services.ranges import seconds_left
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.ages import age
from mtctl.tui.lists.windowed import WindowedList, instance_window

if TYPE_CHECKING:
    from mtctl.app import App
    from mtctl.core.listing import Filter
    from mtctl.core.model import Instant
    from mtctl.ports.ranges import IntervalCounts, RangeRow
    from mtctl.tui.drawn.lines import Asked

_BAR = 10

HEADS = (
    ColumnHead(key="id", title="ID", width=10),
    ColumnHead(key="title", title="WHAT", width=0),
    ColumnHead(key="range", title="RANGE", width=22, rank=3),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="done", title="DONE", width=_BAR, rank=1),
    ColumnHead(key="intervals", title="INTERVALS", width=13, right=True),
    ColumnHead(key="batches", title="BATCHES", width=9, rank=4),
    ColumnHead(key="duration", title="TOOK", width=7, right=True, rank=2),
    ColumnHead(key="left", title="LEFT", width=7, right=True, rank=2),
    ColumnHead(key="started", title="STARTED", width=8, right=True, rank=5),
    ColumnHead(key="rows", title="ROWS", width=11, right=True, rank=6),
)


class RangeList(WindowedList):
    """The ranges."""

    name = "ranges"
    heads = HEADS
    order = "id"

    def lines(self, app: App, asked: Asked) -> tuple[Line, ...]:
        """Read a window."""
        now = app.board.now()
        return tuple(range_line(row, now) for row in app.board.ranges.rows(instance_window(asked)))

    def total(self, app: App, wanted: Filter) -> int:
        """Count what passes a filter."""
        return app.board.ranges.total(wanted)


def range_line(row: RangeRow, now: Instant) -> Line:
    """Return the line of a range. Verbs take it for the instance that it is; opened, it shows its matrix."""
    took = None if row.started_at is None else ((row.ended_at or now) - row.started_at) / 1e6
    rest = seconds_left(row)
    return Line(
        kind="instance",
        key=row.ulid,
        cells=(
            Cell(row.ulid[-10:]),
            Cell(row.title),
            Cell(span_text(row), "muted"),
            Cell(row.state.value, state=row.state.value),
            Cell("", parts=bar(row.counts, _BAR)),
            Cell(f"{row.counts.done + row.counts.skipped:,}/{row.counts.total:,}"),
            Cell("", parts=_batches(row)),
            Cell(lasting(took)),
            Cell("" if rest is None else f"~{lasting(rest)}", "muted"),
            Cell(age(row.started_at or row.created_at, now), "muted"),
            Cell(count(row.rows) if row.rows else ""),
        ),
        facts={
            "screen": "range",
            "title": row.title,
            "state": row.state.value,
            "workflow": row.workflow,
            "trouble": _trouble(row),
        },
    )


def span_text(row: RangeRow) -> str:
    """Return the first and the last interval of a range, both named; empty where no table has any."""
    calendar = calendar_of(row.finest) if row.finest is not None else None
    if row.span is None or calendar is None:
        return ""
    first, last = show_label(row.span.start, calendar), show_label(row.span.end - 1, calendar)
    return first if first == last else f"{first}..{last}"


def bar(counts: IntervalCounts, width: int) -> tuple[tuple[str, str], ...]:
    """Return a bar of signs in the tones of their states; whatever there is of a state is seen, be it little."""
    shares = (
        ("•", "success", counts.done),
        ("↷", "muted", counts.skipped),
        ("✘", "failed", counts.failed),
        ("⊘", "muted", counts.cancelled),
        ("▶", "running", counts.running),
        ("◌", "pending", counts.waiting),
    )
    there = [share for share in shares if share[2]]
    if not there:
        return ()
    sizes = [max(1, number * width // counts.total) for _, _, number in there]
    at = max(range(len(there)), key=lambda one: there[one][2])
    sizes[at] += width - sum(sizes)
    return tuple((sign * size, tone) for (sign, tone, _), size in zip(there, sizes, strict=True))


def _batches(row: RangeRow) -> tuple[tuple[str, str], ...]:
    """Return the batches that run and wait, of those that have not ended."""
    parts = []
    if row.running_batches:
        parts.append((f"▶{row.running_batches:,} ", "running"))
    if row.waiting_batches:
        parts.append((f"◌{row.waiting_batches:,}", "pending"))
    return tuple(parts) or ((f"{row.batches:,}", "muted"),)


def _trouble(row: RangeRow) -> str:
    failed, cancelled = row.counts.failed, row.counts.cancelled
    if not failed and not cancelled:
        return ""
    parts = [f"{many(failed, 'interval')} failed"] if failed else []
    parts += [f"{many(cancelled, 'interval')} cancelled"] if cancelled else []
    return f"{row.title}: {', '.join(parts)} of {row.counts.total:,}"
