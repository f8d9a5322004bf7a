"""Refreshes of many intervals: the list, the matrix, the wizard, the calendar."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from services.service_kit import World
from textual.widgets import Button, Checkbox, Input
from tui.tui_kit import drive, text_of, until

from mtctl.app import open_app
from mtctl.cli.main import run
from mtctl.core.listing import Filter
from mtctl.services.ranges import MatrixPart
from mtctl.services.reports.refreshing import RefreshArgs
from mtctl.tui.asked.range_wizard import STEPS, RangeScreen
from mtctl.tui.drawn.calendar import CalendarStrip
from mtctl.tui.drawn.lines import Asked
from mtctl.tui.drawn.matrix import Matrix
from mtctl.tui.lists.ranges import RangeList
from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.range_screen import RangeMatrixScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.app import App
    from mtctl.tui.app import Dashboard

SHAKY = """CREATE MATERIALIZED TABLE shaky PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-03-02', 'retries' = '0', 'refresh.batch' = '1',
      'refresh.auto' = 'off')
AS SELECT d, sum(CASE WHEN v = 4 THEN error('no luck') ELSE v END)::BIGINT AS n FROM 'data/in.csv' GROUP BY d
"""
MONTHS = """CREATE MATERIALIZED TABLE months PARTITIONED BY (m)
WITH ('partition.grain' = 'month', 'start' = '2013-01-01', 'end' = '2013-03-01', 'refresh.auto' = 'off')
AS SELECT date_trunc('month', d)::DATE AS m, sum(n)::BIGINT AS n FROM shaky GROUP BY 1
"""


def _days() -> dict[str, list[int]]:
    found = {f"2013-01-{number:02d}": [number] for number in range(1, 32)}
    return found | {f"2013-02-{number:02d}": [5] for number in range(1, 29)} | {"2013-03-01": [1]}


@pytest.fixture(scope="module")
def ranged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a range whose fourth day fails; sixty batches; nobody changes it."""
    root = tmp_path_factory.mktemp("ranges") / "shop"
    world = World(root)
    world.days(_days())
    world.table("shaky", SHAKY)
    world.table("months", MONTHS)
    world.apply()
    world.refresh("shaky", start="2013-01-01", end="2013-01-11")
    world.close()
    return root


def _ask(root: Path, look: Callable[[App], Any]) -> Any:
    with open_app(root, lambda _: None) as app:
        return look(app)


async def _matrix(dashboard: Dashboard, pilot: Pilot[None]) -> Matrix:
    await pilot.press("4")
    await until(pilot, lambda: dashboard.grid.name == "ranges" and dashboard.grid.total > 0)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(dashboard.screen, RangeMatrixScreen))
    matrix = dashboard.screen.query_one(Matrix)
    await until(pilot, lambda: matrix.found is not None and matrix.cell is not None)
    return matrix


def test_the_list_tells_how_much_is_done(ranged: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "refresh shaky" in text_of(dashboard))
        shown = text_of(dashboard)
        assert "2013-01-01..2013-01-10" in shown
        assert "•••••••••✘" in shown, "nine done, one failed"
        assert "9/10" in shown
        assert "1 interval failed of 10" in shown, "the cause at the bottom"
        assert dashboard.command.startswith("mtctl instance retry 01"), "verbs take it for its instance"
        await pilot.press("slash", *"state:running")
        await until(pilot, lambda: dashboard.grid.total == 0)

    drive(ranged, story, size=(140, 30))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), pytest.param((200, 60), marks=pytest.mark.campaign)])
def test_the_matrix_shows_each_interval_and_what_failed(ranged: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        matrix = await _matrix(dashboard, pilot)
        shown = text_of(dashboard)
        gap = " " * (matrix._shape().step - 1)
        assert gap.join("✔✔✔✘✔✔✔✔✔✔") in shown
        assert "✔ success 9" in shown
        assert "✘ failed 1" in shown
        assert matrix.column == 3, "the cursor goes to the first failure"
        assert "2013-01-04  ✘ failed" in shown
        assert shown.count("no luck") == 2, "of the cell, and among the failures"
        assert all(len(line) <= size[0] for line in shown.splitlines())
        await pilot.press("l")
        await until(pilot, lambda: "2013-01-05  ✔ success" in text_of(dashboard))
        await pilot.press("N")
        assert matrix.column == 3
        await pilot.press("G", "n")
        assert matrix.column == 9, "no failure behind it"
        await pilot.press("g", "h", "k", "j", "right", "left")
        assert (matrix.row, matrix.column) == (0, 0)

    drive(ranged, story, size=size)


def test_a_cell_opens_its_instance_at_its_task(ranged: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        matrix = await _matrix(dashboard, pilot)
        assert matrix.cell is not None
        wanted = matrix.cell.task
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen) and "no luck" in text_of(dashboard))
        assert dashboard.screen.subject.facts["task_id"] == wanted.task_id  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeMatrixScreen))

    drive(ranged, story)


def test_plain_signs_are_ascii_in_matrix_and_wizard(ranged: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        matrix = await _matrix(dashboard, pilot)
        gap = " " * (matrix._shape().step - 1)
        shown = "\n".join(text_of(dashboard).splitlines()[:-1])
        assert gap.join("+++X++++++") in shown
        assert shown.isascii(), shown
        await pilot.press("escape", "1")
        await until(pilot, lambda: dashboard.grid.name == "tables" and dashboard.grid.total == 2)
        await pilot.press("G", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        for _ in STEPS[:2]:
            await until(pilot, lambda: "Target" in text_of(dashboard))
            shown = "\n".join(text_of(dashboard).splitlines()[:-1])
            assert shown.isascii(), shown
            await pilot.press("ctrl+n")

    drive(ranged, story, plain=True)


def _months(root: Path) -> World:
    world = World(root)
    world.days(_days() | {"2013-01-04": [1]})
    world.table("shaky", SHAKY)
    world.table("months", MONTHS)
    world.apply()
    return world


def test_the_wizard_goes_from_target_to_the_matrix_which_follows_the_work(tmp_path: Path) -> None:
    world = _months(tmp_path / "shop")
    world.close()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        screen = dashboard.screen
        assert isinstance(screen, RangeScreen)
        await until(pilot, lambda: "1 Target ◀" in text_of(dashboard))
        await pilot.press("tab", "tab", "space", "ctrl+n")
        await until(pilot, lambda: "2 Range ◀" in text_of(dashboard) and "· missing 60" in text_of(dashboard))
        assert screen.query_one("#downstream", Checkbox).value
        await pilot.press("tab", "tab")
        strip = screen.query_one(CalendarStrip)
        assert dashboard.focused is strip
        await pilot.press("k", "space")
        assert screen.query_one("#from", Input).value == "2013-02-01"
        assert screen.query_one("#to", Input).value == "2013-02-02", "one end alone is a range of one"
        await pilot.press("k", "space")
        assert screen.query_one("#from", Input).value == "2013-01-01"
        screen.query_one("#to", Input).value = "2013-02-01"
        await until(pilot, lambda: strip.chosen == (0, 30))
        await pilot.press("ctrl+n", "escape", "escape")
        await until(pilot, lambda: "1 Target ◀" in text_of(dashboard))
        await pilot.press("ctrl+n", "ctrl+n", "ctrl+n")
        await until(pilot, lambda: "32 intervals of 2 tables in 32 batches" in text_of(dashboard))
        assert "months  1 interval  1 batch" in text_of(dashboard)
        assert dashboard.command == "mtctl refresh shaky --from 2013-01-01 --to 2013-02-01 --downstream --detach"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeMatrixScreen))
        matrix = dashboard.screen.query_one(Matrix)
        await until(pilot, lambda: "◌ pending 32" in text_of(dashboard))
        assert "neither a daemon nor a tick" in " ".join(one.message for one in dashboard._notifications)
        with open_app(tmp_path / "shop", lambda _: None) as other:
            other.up_once(lambda _: None, apply=False)
        await until(pilot, lambda: "✔ success 32" in text_of(dashboard))
        assert matrix.found is not None
        assert [one.table.outline.name for one in matrix._painted] == ["shaky", "months"]
        assert "✔──" in text_of(dashboard), "a month goes on over its days"
        await pilot.press("j")
        await until(pilot, lambda: "months  2013-01  ✔ success" in text_of(dashboard))

    drive(tmp_path / "shop", story, size=(80, 24))


def test_the_calendar_of_the_wizard_is_that_of_its_target_and_numbers_go_to_its_steps(tmp_path: Path) -> None:
    world = _months(tmp_path / "shop")
    world.close()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        screen = dashboard.screen
        screen.query_one("#tables", Input).value = "months"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "calendar of months" in text_of(dashboard) and " 2013  " in text_of(dashboard))
        screen.query_one(CalendarStrip).focus()
        await pilot.press("g", "space")
        assert screen.query_one("#to", Input).value == "2013-02", "a month is picked on a calendar of months"
        await pilot.press("3")
        await until(pilot, lambda: "3 Options ◀" in text_of(dashboard))
        await pilot.press("7")
        assert dashboard.screen is screen
        await pilot.press("1")
        screen.query_one("#tables", Input).value = "nothing"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: " 2013  " not in text_of(dashboard))

    drive(tmp_path / "shop", story)


def test_a_range_is_reviewed_before_it_can_be_started(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("j", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        screen = dashboard.screen
        screen.query_one("#from", Input).value = "2013-01-02"
        screen.query_one("#to", Input).value = "2013-01-09x"
        assert screen.query_one("#start", Button).disabled
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "is not a time" in text_of(dashboard))
        screen.query_one("#to", Input).value = "2013-01-04"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "all of it is fresh" in text_of(dashboard))
        await pilot.press("ctrl+s")
        assert isinstance(dashboard.screen, RangeScreen), "nothing is to be done"
        screen.query_one("#force", Checkbox).value = True
        screen.query_one("#batch", Input).value = "1"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "2 intervals of 1 table in 2 batches" in text_of(dashboard))
        assert "by the median of past batches" in text_of(dashboard)
        await pilot.click("#start")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeMatrixScreen))
        await pilot.press("escape")
        await pilot.press("b", "ctrl+r")
        again = dashboard.screen
        again.query_one("#force", Checkbox).value = True
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "overlaps refresh daily" in text_of(dashboard))
        assert "(2 waiting)" in text_of(dashboard)

    drive(own, story, size=(120, 40))
    newest = _ask(own, lambda app: app.instances(limit=1, state="pending", table="daily")[0])
    assert newest.title.startswith("refresh daily")
    assert [state.value for state, _ in newest.tasks] == ["pending"]


def test_the_commands_of_the_wizard_are_those_of_the_command_line(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("j", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        screen = dashboard.screen
        assert isinstance(screen, RangeScreen)
        screen.query_one("#batch", Input).value = "7"
        screen.query_one("#tables", Input).value = "dai* months"
        for name in ("upstream", "downstream", "full"):
            screen.query_one(f"#{name}", Checkbox).value = True
        lines.append(screen.command)
        screen.query_one("#full", Checkbox).value = False
        screen.query_one("#from", Input).value, screen.query_one("#to", Input).value = "2013-01-01", "2013-01-03"
        screen.query_one("#tables", Input).value = "daily"
        for name in ("strict", "force"):
            screen.query_one(f"#{name}", Checkbox).value = True
        lines.append(screen.command)
        letters = [*"rtxq"]
        screen.query_one("#tables", Input).focus()
        await pilot.press(*letters)
        assert screen.query_one("#tables", Input).value.endswith("rtxq"), "letters are letters in a field"

    drive(own, story)
    for line in lines:
        words = shlex.split(line)
        assert (words[0], words[-1]) == ("mtctl", "--detach")
        assert run(["-C", str(own), *words[1:-1], "--dry-run"]) == 0, capsys.readouterr().err


def test_a_table_without_intervals_is_refreshed_by_the_wizard_too(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "this table has no intervals" in text_of(dashboard))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "1 interval of 1 table in 1 batch" in text_of(dashboard))
        assert "nothing of it was ever refreshed" in text_of(dashboard)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeMatrixScreen))
        await until(pilot, lambda: "bad  whole table  ◌ pending" in text_of(dashboard))
        matrix = dashboard.screen.query_one(Matrix)
        await pilot.press("h", "l", "j", "k", "G", "n", "pagedown")
        assert (matrix.row, matrix.column) == (0, 0)

    drive(own, story)


def test_the_mouse_moves_about_in_the_matrix(ranged: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        matrix = await _matrix(dashboard, pilot)
        shape = matrix._shape()
        await pilot.click(Matrix, offset=(matrix._names(shape) + 5 * shape.step, 2))
        assert matrix.column == 5
        await pilot.click(Matrix, offset=(1, 0))
        assert matrix.column == 5, "a header is no cell"
        await pilot.click(Matrix, offset=(matrix._names(shape) + 3 * shape.step, 2), times=2)
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen))

    drive(ranged, story)


def test_a_redraw_is_at_most_five_statements(ranged: Path) -> None:
    seen: list[str] = []

    def note(_cursor: object, sql: str, _bindings: object) -> bool:
        if sql.startswith(("SELECT", "--")):
            seen.append(sql)
        return True

    def look(app: App) -> None:
        page = Asked(wanted=Filter(), order="id", descending=True, offset=0, limit=60)
        app._store._connection.exec_trace = note  # type: ignore[attr-defined]
        [line] = RangeList().page(app, page, 1).lines
        assert len(seen) <= 5, seen
        seen.clear()
        app.board.ranges.matrix(line.key, MatrixPart(top=0, rows=60, left=0, columns=400))
        assert 3 <= len(seen) <= 5, seen

    _ask(ranged, look)


def test_who_may_only_look_starts_no_range(ranged: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "b")
        await pilot.pause(0.1)
        assert not isinstance(dashboard.screen, RangeScreen)
        await _matrix(dashboard, pilot)
        before = _ask(ranged, lambda app: len(app.instances(limit=9, state=None, table=None)))
        await pilot.press("t", "x")
        await pilot.pause(0.1)
        assert isinstance(dashboard.screen, RangeMatrixScreen)
        assert _ask(ranged, lambda app: len(app.instances(limit=9, state=None, table=None))) == before

    drive(ranged, story, read_only=True)


def test_ten_thousand_intervals_are_read_and_drawn_by_the_screenful(tmp_path: Path) -> None:
    world = World(tmp_path / "big")
    world.days({"2013-01-01": [1]})
    world.table("shaky", SHAKY.replace("2013-03-02", "2040-05-19"))
    world.apply()
    args = RefreshArgs(selectors=("shaky",), start="2013-01-01", end="2040-05-19", force=True, detach=True)
    report = world.app.refresh(args, lambda _: None)
    assert len(report.plan) == 10_000
    world.close()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        matrix = await _matrix(dashboard, pilot)
        assert len(matrix._painted[0].cells) <= 4000
        assert matrix.found is not None
        assert matrix.found.row.counts.total == 10_000
        await pilot.press("G")
        await until(pilot, lambda: "2040-05-18  ◌ pending" in text_of(dashboard))
        assert len(matrix._painted[0].cells) <= 6000
        await pilot.press("pageup")
        await until(pilot, lambda: matrix.cell is not None and "pending" in text_of(dashboard))
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: "2039" in text_of(dashboard) or "2038" in text_of(dashboard))

    drive(tmp_path / "big", story)
