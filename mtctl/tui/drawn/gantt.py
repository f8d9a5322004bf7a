"""Floor 4. Tasks on a time line: when each was queued, when its attempts ran, and which of them failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import count, lasting
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Instant
    from mtctl.ports.near import NearTask, Try
    from mtctl.services.near import TaskPart
    from mtctl.tui.drawn.grid import Grid

QUEUED, RUNNING, FAILED = "░", "█", "x"
"""What a bar is made of."""

_ASCII = {QUEUED: ".", RUNNING: "#", FAILED: "x"}
_LEAST = 12
_STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800),
    *(86400, 172800, 604800),
)
"""Between the marks of the scale, in seconds."""

_LABEL = 8
_TONES: Mapping[str | None, str] = {
    None: "running",
    "success": "success",
    "failed": "failed",
    "timed_out": "failed",
    "lost": "failed",
}


def heads(width: int, axis: str = "") -> tuple[ColumnHead, ...]:
    """Return the columns for a terminal of so many cells; the last one holds the bars, under the axis."""
    return (
        ColumnHead(key="task", title="TASK", width=max(12, min(28, width // 4)), sortable=False),
        ColumnHead(key="interval", title="INTERVAL", width=24, sortable=False, rank=3),
        ColumnHead(key="state", title="STATE", width=11, sortable=False),
        ColumnHead(key="tries", title="TRY", width=5, right=True, sortable=False, rank=2),
        ColumnHead(key="rows", title="ROWS", width=9, right=True, sortable=False, rank=2),
        ColumnHead(key="took", title="TOOK", width=8, right=True, sortable=False, rank=1),
        ColumnHead(key="bar", title=axis or "WHEN", width=0, sortable=False),
    )


def span(part: TaskPart) -> tuple[Instant, Instant]:
    """Return the time that is drawn: from the making of the instance to its end, or to now."""
    row = part.near.row
    return row.created_at, max(row.ended_at or part.now, row.created_at + 1)


def axis(part: TaskPart, width: int) -> str:
    """Return the scale in so many cells: marks at whole seconds, minutes or hours since the beginning."""
    begin, end = span(part)
    seconds = (end - begin) / 1e6
    fewest = next((step for step in _STEPS if seconds / step * _LABEL <= width), _STEPS[-1])
    text, at = "", 0.0
    while True:
        place = round(at / seconds * width) if seconds else 0
        label = _short(at)
        if place + len(label) > width:
            return text
        text = text.ljust(place) + label if place >= len(text) else text
        at += fewest


def page(part: TaskPart, width: int, *, plain: bool) -> Page:
    """Return the lines of a part of the tasks, with bars of so many cells."""
    lines = tuple(_line(task, part, width, plain=plain) for task in part.tasks)
    return Page(total=part.total, offset=part.offset, lines=lines)


def legend(*, plain: bool) -> str:
    """Return what the signs mean."""
    signs = ((QUEUED, "queued"), (RUNNING, "an attempt"), (FAILED, "failed"))
    return "  ".join(f"{_ASCII[sign] if plain else sign} {word}" for sign, word in signs)


def bar_width(grid: Grid) -> int:
    """Return how many cells the bars have; some at least, while nothing is laid out yet."""
    placed = grid.pen.placed(max(grid.size.width, 1), dense=False)
    return max([_LEAST, *(column.width for column in placed if column.head.key == "bar")])


def _line(task: NearTask, part: TaskPart, width: int, *, plain: bool) -> Line:
    row = task.row
    instance = part.near.row
    return Line(
        kind="task",
        key=f"{instance.ulid}/{row.name}",
        cells=(
            Cell(row.name),
            Cell(part.labels.get(row.task_id, ""), "muted"),
            Cell(row.state.value, state=row.state.value),
            Cell(f"{row.tries}/{row.max_tries}"),
            Cell(count(row.rows) if row.rows is not None else ""),
            Cell(lasting(row.seconds)),
            Cell("", parts=bars(task, part, width, plain=plain)),
        ),
        facts={
            "task_id": row.task_id,
            "state": row.state.value,
            "trouble": row.error or row.why,
            "instances": f"workflow:{instance.workflow}" if instance.workflow else "",
        },
    )


def bars(task: NearTask, part: TaskPart, width: int, *, plain: bool) -> tuple[tuple[str, str], ...]:
    """Return the bar of a task in pieces with their tones: waiting before each attempt, then the attempt."""
    begin, end = span(part)
    canvas: list[tuple[str, str]] = [(" ", "")] * width

    def place(instant: Instant) -> int:
        return max(0, min(width, (instant - begin) * width // (end - begin)))

    def draw(sign: str, tone: str, since: Instant, until: Instant, *, least: int = 0) -> None:
        low = min(place(since), width - least)
        for at in range(low, max(place(until), low + least)):
            canvas[at] = (sign, tone)

    waiting = task.ready_at
    for one in task.tries:
        if begin <= waiting < one.started_at:
            draw(QUEUED, "pending", waiting, one.started_at)
        draw(RUNNING, _TONES.get(one.outcome, "muted"), one.started_at, one.ended_at or part.now, least=1)
        if _TONES.get(one.outcome) == "failed":
            canvas[_last(one, place, width)] = (FAILED, "failed")
        waiting = one.ended_at or part.now
    if task.row.state.value == "pending":
        draw(QUEUED, "pending", max(waiting, begin), part.now)
    return _joined([(_ASCII.get(sign, sign), tone) for sign, tone in canvas] if plain else canvas)


def _last(one: Try, place: object, width: int) -> int:
    """Return the cell of an attempt's end."""
    at: int = place(one.ended_at)  # type: ignore[operator]
    low: int = place(one.started_at)  # type: ignore[operator]
    return min(width - 1, max(at - 1, low))


def _joined(canvas: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Join neighbours of one tone."""
    pieces: list[tuple[str, str]] = []
    for sign, tone in canvas:
        if pieces and pieces[-1][1] == tone:
            pieces[-1] = (pieces[-1][0] + sign, tone)
        else:
            pieces.append((sign, tone))
    return tuple(pieces)


def _short(seconds: float) -> str:
    whole = round(seconds)
    if abs(seconds - whole) > 1e-6:
        return f"{seconds:.2g}s"
    if whole < 120:
        return f"{whole}s"
    if whole < 7200:
        return f"{whole // 60}m" + (f"{whole % 60:02d}" if whole % 60 else "")
    return f"{whole // 3600}h" + (f"{whole % 3600 // 60:02d}" if whole % 3600 else "")
