"""The calendar of a table: which intervals stand in which line, the cursor, the choice of two ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from textual.app import App, ComposeResult

from mtctl.core.axis import axis_of
from mtctl.core.calendar import Calendar, show_label
from mtctl.core.interval import Grain
from mtctl.core.times import parse_interval
from mtctl.services.board import CalendarCell
from mtctl.tui.drawn.calendar import CalendarStrip, _lay_out
from mtctl.tui.drawn.cell_styles import ruler
from mtctl.tui.drawn.drawing import Looks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot


def _cells(grain: Grain, during: str, zone: str = "UTC") -> tuple[CalendarCell, ...]:
    calendar = Calendar(grain, zone)
    span = parse_interval(during, calendar)
    return tuple(
        CalendarCell(label=show_label(one.start, calendar), start=one.start, end=one.end, state="fresh", why="")
        for one in calendar.intervals(span.start, span.end)
    )


@pytest.mark.parametrize(
    ("grain", "during", "lines", "first", "last"),
    [
        (Grain.DAY, "2013-02-27/2013-03-04", ["2013-02", "2013-03"], (26, 27), (0, 1, 2)),
        (Grain.HOUR, "2013-02-27T22/2013-02-28T02", ["2013-02-27", "2013-02-28"], (22, 23), (0, 1)),
        (Grain.MINUTE, "2013-02-27T22:58/2013-02-27T23:01", ["2013-02-27T22", "2013-02-27T23"], (58, 59), (0,)),
        (Grain.WEEK, "2013-12-16/2014-01-06", ["2013"], (0, 1, 2), (0, 1, 2)),
        (Grain.MONTH, "2013-11-01/2014-02-01", ["2013", "2014"], (10, 11), (0,)),
        (Grain.QUARTER, "2013-04-01/2014-04-01", ["2013", "2014"], (1, 2, 3), (0,)),
        (Grain.YEAR, "2011-01-01/2014-01-01", [""], (0, 1, 2), (0, 1, 2)),
    ],
)
def test_each_grain_has_its_lines(
    grain: Grain, during: str, lines: list[str], first: tuple[int, ...], last: tuple[int, ...]
) -> None:
    rows = _lay_out(_cells(grain, during), 100)
    assert [row.label for row in rows] == lines
    assert (rows[0].places, rows[-1].places) == (first, last)
    assert [row.first for row in rows] == [sum(len(one.places) for one in rows[:at]) for at in range(len(rows))]


def test_an_hour_that_comes_twice_has_two_places() -> None:
    rows = _lay_out(_cells(Grain.HOUR, "2013-10-27", "Europe/Berlin"), 100)
    assert [len(row.places) for row in rows] == [25]
    assert rows[0].places == tuple(range(25))


def test_what_does_not_fit_into_a_line_goes_on_below() -> None:
    rows = _lay_out(_cells(Grain.MINUTE, "2013-02-27T22"), 25)
    assert [(row.label, len(row.places)) for row in rows] == [("2013-02-27T22", 25), ("", 25), ("", 10)]


class _Stage(App[None]):
    """A calendar alone."""

    looks = Looks(plain=False, dense=False, local=False, cursor="#253247", colour=lambda _: "#ffffff")

    def __init__(self, cells: tuple[CalendarCell, ...]) -> None:
        super().__init__()
        self.cells = cells
        self.picked: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield CalendarStrip(pick=True)

    def on_mount(self) -> None:
        self.strip.put(self.cells)
        self.strip.focus()

    @property
    def strip(self) -> CalendarStrip:
        return self.query_one(CalendarStrip)

    def on_calendar_strip_picked(self, event: CalendarStrip.Picked) -> None:
        assert event.start is not None
        self.picked.append((event.start.label, event.end.label if event.end is not None else ""))


def _play(cells: tuple[CalendarCell, ...], story: Callable[[_Stage, Pilot[None]], Awaitable[None]]) -> None:
    stage = _Stage(cells)

    async def play() -> None:
        async with stage.run_test(size=(80, 12)) as pilot:
            await pilot.pause()
            await story(stage, pilot)

    asyncio.run(play())


def test_the_cursor_walks_and_space_sets_two_ends_in_either_order() -> None:
    async def story(stage: _Stage, pilot: Pilot[None]) -> None:
        strip = stage.strip
        assert strip.current is not None
        assert strip.current.label == "2013-12-31", "what is new is looked for at the end"
        await pilot.press("k")
        assert strip.current.label == "2013-11-30", "the nearest day of the month above"
        await pilot.press("space", "h", "h", "up", "space")
        assert stage.picked == [("2013-11-30", ""), ("2013-10-28", "2013-11-30")]
        await pilot.press("g", "right", "space", "k")
        assert stage.picked[-1] == ("2013-01-02", "")
        await pilot.press("ctrl+u", "left", "left")
        assert strip.current.label == "2013-01-01"
        await pilot.press("G")
        assert strip._top > 0, "it scrolls to the cursor"
        await pilot.click(CalendarStrip, offset=(15, strip._room()))
        assert strip.current.label == "2013-12-01"

    _play(_cells(Grain.DAY, "2013"), story)


def test_new_intervals_leave_cursor_and_choice_where_they_are() -> None:
    async def story(stage: _Stage, pilot: Pilot[None]) -> None:
        strip = stage.strip
        await pilot.press("h", "space", "h", "space")
        strip.put(_cells(Grain.DAY, "2013-01-01/2013-07-01"))
        assert strip.current is not None
        assert strip.current.label == "2013-01-29"
        assert strip.chosen is not None
        assert [strip.cells[at].label for at in strip.chosen] == ["2013-01-29", "2013-01-30"]
        strip.put(())
        await pilot.press("h", "j", "G", "space", "pagedown")
        assert strip.current is None

    _play(_cells(Grain.DAY, "2013-01"), story)


def test_a_ruler_names_groups_and_numbers_that_have_room() -> None:
    days = Calendar(Grain.DAY, "UTC")
    axis = axis_of(days, parse_interval("2013-01-29/2013-03-02", days))
    groups, numbers = ruler(axis, 0, len(axis), 1)
    assert groups == "   2013-02", "neither January, which would hide February, nor a cut March"
    assert numbers == "29     5    10   15   20   25"
    assert ruler(axis, 0, 7, 3) == ("2013-01  2013-02", "29 30 31 1  2  3  4")
