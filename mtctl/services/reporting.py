"""Floor 3. What a report of the last days says: how everything is, what failed, how long things took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Filter, parse_filter
from mtctl.core.values import frozen
from mtctl.ports.board import InstanceWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Instant
    from mtctl.ports.work import InstanceRow
    from mtctl.services.board import Boards, CalendarCell, TableLine

DAY = 86_400_000_000
PAGE = 500
MOST = 20_000
"""How many instances are looked through at most, the newest first."""

FAILURES = 200
"""How many failures are told at most."""


@frozen
class Took:
    """How long the instances of one title took: how many ended well and badly, median and greatest in seconds."""

    title: str
    good: int
    bad: int
    median: float
    greatest: float
    times: tuple[float, ...]


@frozen
class Report:
    """Everything of one report; `looked_at` instances lie within the days."""

    project: str
    since: Instant
    at: Instant
    tables: tuple[TableLine, ...]
    calendars: tuple[tuple[str, tuple[CalendarCell, ...]], ...]
    durations: tuple[Took, ...]
    failures: tuple[InstanceRow, ...]
    looked_at: int


def report(boards: Boards, project: str, days: int) -> Report:
    """Read what a report of the last `days` days says."""
    now = boards.now()
    since = now - days * DAY
    rows = _instances(boards, Filter(), since)
    tables = boards.tables()
    with_intervals = [line.status.table for line in tables if line.status.grain]
    return Report(
        project=project,
        since=since,
        at=now,
        tables=tables,
        calendars=tuple((name, boards.calendar(name)) for name in with_intervals),
        durations=_durations(rows),
        failures=tuple(_instances(boards, parse_filter("state:failed"), since)[:FAILURES]),
        looked_at=len(rows),
    )


def _instances(boards: Boards, wanted: Filter, since: Instant) -> list[InstanceRow]:
    """Return the instances that were made since an instant, the newest first."""
    found: list[InstanceRow] = []
    while len(found) < MOST:
        page = boards.instances(InstanceWindow(wanted=wanted, offset=len(found), limit=PAGE))
        young = [row for row in page if row.created_at >= since]
        found += young
        if len(young) < PAGE:
            break
    return found


def _durations(rows: Sequence[InstanceRow]) -> tuple[Took, ...]:
    """Return how long things took, by title, what took longest in all first."""
    by_title: dict[str, list[InstanceRow]] = {}
    for row in reversed(rows):
        if row.started_at is not None and row.ended_at is not None:
            by_title.setdefault(row.workflow or row.title, []).append(row)
    found = []
    for title, ended in by_title.items():
        times = [((row.ended_at or 0) - (row.started_at or 0)) / 1e6 for row in ended]
        good = sum(1 for row in ended if row.state.value == "success")
        found.append(
            Took(
                title=title,
                good=good,
                bad=len(ended) - good,
                median=sorted(times)[len(times) // 2],
                greatest=max(times),
                times=tuple(times[-60:]),
            )
        )
    return tuple(sorted(found, key=lambda took: -took.median * (took.good + took.bad)))
