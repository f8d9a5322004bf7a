from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input, TextArea
from tui.tui_kit import drive, text_of, until

from mtctl.app import open_app
from mtctl.core.errors import MtctlError
from mtctl.ports.engine import QueryResult
from mtctl.tui.near.asking import LONGEST_CELL, Asks, query, taken
from mtctl.tui.near.query_screen import LIMIT, QueryScreen
from mtctl.tui.near.results import Record, ResultPane
from mtctl.tui.near.table_screen import TableScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from mtctl.app import App
    from mtctl.tui.app import Dashboard
    from mtctl.tui.near.asking import Told

ENDLESS = "SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(10000000) b"


def _pane(dashboard: Dashboard) -> ResultPane:
    return dashboard.screen.query_one(ResultPane)


def test_who_may_only_look_asks_no_query_and_is_told(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        assert dashboard.check_action("near", ("query",)) is False
        await pilot.press("Q")
        await until(pilot, lambda: any("read-only" in one.message for one in dashboard._notifications))
        await pilot.pause()
        assert len(dashboard.screen_stack) == 1
        assert len(dashboard._notifications) == 1

    drive(seen, story, read_only=True)


async def _type(dashboard: Dashboard, pilot: Pilot[None], sql: str) -> None:
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(dashboard.screen, QueryScreen) and bool(dashboard.screen.query(ResultPane)))
    dashboard.screen.query_one(TextArea).text = sql
    await pilot.pause()


def test_a_query_shows_its_rows_as_of_a_snapshot_and_the_command_that_asks_the_same(seen: Path) -> None:
    commands = []

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, "SELECT d, n, 'it''s' AS w\nFROM daily ORDER BY d")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: _pane(dashboard).told is not None)
        shown = text_of(dashboard)
        assert "4 rows in" in shown
        assert "as of snapshot" in shown
        assert "2013-01-04" in shown
        commands.append(dashboard.command)

    drive(seen, story)
    words = shlex.split(commands[0])
    assert words[:2] == ["mtctl", "query"]
    done = subprocess.run(
        [sys.executable, "-m", "mtctl", "-C", str(seen), *words[1:], "-o", "json"], capture_output=True, check=True
    )
    assert [row["n"] for row in json.loads(done.stdout)["data"]] == [2, 1, 1, 1]


def test_letters_are_typed_into_the_query_and_do_nothing_else(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, "")
        await pilot.press(*"rxqQ1", "f5")
        await pilot.pause(0.1)
        screen = dashboard.screen
        assert isinstance(screen, QueryScreen)
        assert screen.query_one(TextArea).text == "rxqQ1"
        await until(pilot, lambda: "error[" in _pane(dashboard).said)

    drive(seen, story)


def test_an_error_is_told_and_the_text_stays(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, "SELECT nonsense FROM daily")
        await pilot.press("f5")
        await until(pilot, lambda: "error[" in _pane(dashboard).said)
        assert "nonsense" in _pane(dashboard).said
        assert dashboard.screen.query_one(TextArea).text == "SELECT nonsense FROM daily"

    drive(seen, story)


def test_escape_interrupts_what_runs_then_leaves(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, ENDLESS)
        await pilot.press("f5")
        await until(pilot, lambda: dashboard.desk.asks._app is not None)
        await pilot.pause(0.5)
        assert _pane(dashboard).running
        await dashboard.desk.reads.do(lambda project: project.board.counts())
        await pilot.press("escape")
        await until(pilot, lambda: not _pane(dashboard).running)
        assert "error[cancelled]" in _pane(dashboard).said
        assert isinstance(dashboard.screen, QueryScreen), "the first escape only stops"
        dashboard.screen.query_one(TextArea).text = "SELECT 42 AS answer"
        await pilot.press("f5")
        await until(pilot, lambda: _pane(dashboard).told is not None)
        assert "42" in text_of(dashboard)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(dashboard.screen, QueryScreen))

    drive(seen, story)


def test_leaving_while_it_runs_leaves_nothing_behind(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, ENDLESS)
        await pilot.press("f5")
        await until(pilot, lambda: dashboard.desk.asks._app is not None)
        await pilot.pause(0.5)
        dashboard.pop_screen()
        await until(pilot, lambda: dashboard.desk.asks._app is None)

    drive(own, story)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    runners = [pid for pid in children if b"mtctl" in _command(pid) and b"runner" in _command(pid)]
    assert not runners
    with open_app(own, lambda _: None) as app, app._store.read() as view:
        assert not view.retention().pins(), "no snapshot stays pinned"


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_query_of_the_past_says_so(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, "SELECT count(*) AS n FROM daily")
        dashboard.screen.query_one("#at", Input).value = "1"
        await pilot.press("f5")
        await until(pilot, lambda: "as of snapshot 1 of" in _pane(dashboard).said)
        assert dashboard.command.endswith("--at 1")
        [(number,)] = _pane(dashboard).told.rows  # type: ignore[union-attr]
        assert number == "0", "the table was empty then"

    drive(seen, story)


def test_columns_move_and_a_row_opens_in_full(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _type(dashboard, pilot, "SELECT 'first' AS a, repeat('long ', 100) || 'end' AS b, NULL AS c")
        await pilot.press("f5")
        await until(pilot, lambda: _pane(dashboard).told is not None)
        dashboard.screen.query_one("#grid-query").focus()
        await until(pilot, lambda: "❯ first" in text_of(dashboard))
        await pilot.press("l")
        await until(pilot, lambda: "❯ long" in text_of(dashboard))
        await pilot.press("h", "enter")
        await until(pilot, lambda: isinstance(dashboard.screen, Record))
        shown = text_of(dashboard)
        assert "end" in shown
        assert "NULL" in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(dashboard.screen, QueryScreen))

    drive(seen, story, size=(80, 30))


def test_so_many_rows_are_kept_and_no_more(seen: Path) -> None:
    with open_app(seen, lambda _: None) as app:
        found = query(app, "SELECT range AS n, repeat('x', 20000) AS wide FROM range(100000)", "", LIMIT)
        assert len(found.rows) == LIMIT
        assert found.cut
        assert len(found.rows[0][1] or "") == LONGEST_CELL
        assert query(app, "SELECT 1", "", LIMIT).cut is False

        def chunks() -> Iterator[list[list[str | None]]]:
            for _ in range(1000):
                yield [["x" * LONGEST_CELL] * 1000]

        wide = taken(app, QueryResult(columns=("a",) * 1000, types=("VARCHAR",) * 1000, chunks=chunks()), 1000, "now")
        assert wide.cut
        assert len(wide.rows) == 2, "a few letters more than are kept at most"


def test_what_waits_is_stopped_too(seen: Path) -> None:
    async def play() -> None:
        asks = Asks(lambda: open_app(seen, lambda _: None))
        loop, began = asyncio.get_running_loop(), asyncio.Event()

        def ask(app: App) -> Told:
            loop.call_soon_threadsafe(began.set)
            return query(app, ENDLESS, "", 1)

        first = asyncio.create_task(asks.do(ask))
        second = asyncio.create_task(asks.do(lambda app: query(app, "SELECT 1", "", 1)))
        await began.wait()
        asks.stop()
        for task in (first, second):
            with pytest.raises(MtctlError) as raised:
                await task
            assert raised.value.code == "cancelled"
        found = await asks.do(lambda app: query(app, "SELECT 1", "", 1))
        assert found.rows == (("1",),)
        asks.close()

    asyncio.run(play())


def test_a_table_shows_its_first_rows_and_those_of_its_query(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("1", "g", "j", "enter")
        await until(pilot, lambda: isinstance(dashboard.screen, TableScreen))
        screen = dashboard.screen
        assert isinstance(screen, TableScreen)
        await until(pilot, lambda: "fresh" in text_of(dashboard))
        screen.open_tab("preview")
        await until(pilot, lambda: _pane(dashboard).told is not None)
        assert "2013-01-03" in text_of(dashboard)
        assert dashboard.command == """mtctl query 'FROM "daily"' --limit 200"""
        await pilot.press("f6")
        await until(pilot, lambda: not _pane(dashboard).running)
        assert dashboard.command == "mtctl table preview daily --limit 200"
        assert "total" in text_of(dashboard)

    drive(seen, story)
