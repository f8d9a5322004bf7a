"""Floor 4. The schedule: what fires next, and in which of the next 24 hours."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.schedule import tally
from mtctl.core.schedule_words import words
from mtctl.core.words import lasting, moment
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.drawn.palette import look_of
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.core.schedule import Schedule
    from mtctl.services.reports.schedules import Timer
    from mtctl.tui.drawn.lines import Asked, Page
    from mtctl.tui.lists.whole import Entry

HOURS = 24
"""How many hours a line shows; the first one is the hour that it is now."""

SIGNS = "·1234+"
"""How many fires there are in an hour: none, so many, more than four."""

_HOUR = 3_600_000_000
_STRIP = 5
_HEADS = (
    ColumnHead(key="next", title="NEXT", width=20),
    ColumnHead(key="left", title="LEFT", width=9, right=True, rank=1),
    ColumnHead(key="name", title="WHAT", width=0),
    ColumnHead(key="schedule", title="SCHEDULE", width=18, rank=4),
    ColumnHead(key="state", title="STATE", width=11, rank=3),
    ColumnHead(key="hours", title="NOW   +6h   +12h  +18h", width=HOURS, rank=2),
    ColumnHead(key="last", title="LAST", width=20, rank=5),
    ColumnHead(key="zone", title="ZONE", width=16, rank=6),
)


class ScheduleList(WholeList):
    """The schedules; the hours of those lines only are worked out that are seen."""

    def __init__(self) -> None:
        """Have read nothing yet."""
        super().__init__("schedule", _HEADS, _entries)

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a part of the list."""
        page, now = super().page(app, asked, mark), app.board.now()
        return replace(page, lines=tuple(_told(line, now - now % _HOUR) for line in page.lines))


def _entries(app: App) -> Iterable[Entry]:
    now = app.board.now()
    hour = now - now % _HOUR
    for timer in app.workflows.schedules.timers(within=None, everything=True):
        yield _entry(timer, hour)


def _entry(timer: Timer, hour: Instant) -> Entry:
    fires = timer.next_at is not None
    shown = Line(
        kind="workflow",
        key=timer.name,
        cells=(
            Cell(moment(timer.next_at)) if fires else _silent(timer.state),
            Cell(_left(timer.left)),
            Cell(timer.name),
            Cell(timer.schedule),
            Cell(timer.state, state=timer.state),
            Cell(""),
            Cell(moment(timer.last_at), "muted"),
            Cell(timer.zone, "muted"),
        ),
        facts={
            "state": timer.state,
            "table": timer.table is not None,
            "rule": timer.rule,
            "fires": fires,
        },
    )
    text = f"{timer.name} {timer.schedule} {timer.zone}"
    listed = Listed(text=text, state=timer.state, workflow=timer.name, table=timer.table or "")
    order = {
        "next": timer.next_at,
        "left": timer.next_at,
        "name": timer.name,
        "schedule": timer.schedule,
        "state": timer.state,
        "hours": (lambda: sum(_hours(_plain(timer.rule, hour), hour))) if fires else None,
        "last": timer.last_at,
        "zone": timer.zone,
    }
    return shown, listed, order


def _silent(state: str) -> Cell:
    """Return why there is no next fire; the column is one of times, which words of a state do not make narrow."""
    look = look_of(state)
    return Cell(state, parts=((f"{look.glyph} {state}", look.tone),))


def _left(seconds: float | None) -> str:
    """Return how long it is until a fire; one that nobody has made an instance of yet is due."""
    if seconds is None:
        return ""
    return f"in {lasting(seconds)}" if seconds > 0 else "due"


def _told(line: Line, start: int) -> Line:
    """Add the hours and the schedule in words: what is worked out for the lines that are seen."""
    rule = line.facts["rule"]
    facts = {**line.facts, "title": f"{words(rule)}, {rule.zone}"}
    if not line.facts["fires"]:
        return replace(line, facts=facts)
    runs = groupby(_hours(_plain(rule, start), start))
    parts = tuple((SIGNS[count] * len(list(hours)), "pending" if count else "muted") for count, hours in runs)
    return replace(line, cells=(*line.cells[:_STRIP], Cell("", parts=parts), *line.cells[_STRIP + 1 :]), facts=facts)


@lru_cache(4096)
def _hours(rule: Schedule, start: int) -> tuple[int, ...]:
    """Return how many fires there are in each hour; kept for the hour, and for everything with the same rule."""
    return tally(rule, start, _HOUR, HOURS, most=len(SIGNS) - 1)


def _plain(rule: Schedule, start: int) -> Schedule:
    """Return a rule without what changes nothing in these hours, so that as many as can be share their fires."""
    is_cron = not rule.text.lower().startswith("every")
    begun = is_cron and rule.start is not None and rule.start <= start
    lasting_on = rule.end is not None and rule.end >= start + HOURS * _HOUR
    return replace(
        rule, jitter=0, start=None if begun else rule.start, end=None if lasting_on else rule.end
    )
