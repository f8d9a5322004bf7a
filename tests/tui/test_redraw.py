"""What a redraw reads: at most five statements and two hundred rows, counted by SQLite's own hooks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tui.tui_kit import number_of, until, worked

from mtctl.app import open_app
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options
from mtctl.tui.lists import all_lists

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

INSTANCES = 2000
STATEMENTS, ROWS = 5, 200
STATES = ("success", "failed", "cancelled", "success", "success")
NEAR = {
    "table": ("tables", "enter"),
    "workflow": ("workflows", "enter"),
    "instance": ("instances", "enter"),
    "range": ("ranges", "enter"),
    "queue": ("queues", "enter"),
    "lineage": ("tables", "i"),
}


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two thousand instances and as many events, one with a task of many intervals."""
    root = tmp_path_factory.mktemp("redraw") / "shop"
    worked(root)
    with open_app(root, lambda _: None) as app, app._store.write() as tx:  # type: ignore[attr-defined]
        run = tx.session.connection.execute
        for number in range(INSTANCES):
            begin, state = 1_700_000_000_000_000 + number * 300_000_000, STATES[number % 5]
            [[instance]] = run(
                "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, created_at, started_at, "
                "ended_at, workflow_id) VALUES (?, 'manual', ?, '{}', ?, 'default', ?, ?, ?, "
                "(SELECT workflow_id FROM workflow WHERE name = 'nightly')) RETURNING instance_id",
                (f"{number:026d}", f"number {number}", state, begin, begin, begin + number % 77 * 1_000_000),
            )
            run(
                "INSERT INTO task_instance (instance_id, table_id, name, kind, state, queue, ready_at, started_at, "
                "ended_at, start_at, end_at, interval_count) VALUES (?, (SELECT table_id FROM materialized_table WHERE "
                "name = 'daily'), 'daily', 'refresh', ?, 'default', ?, ?, ?, 1356998400000000, 1357257600000000, 3)",
                (instance, state, begin, begin, begin + 1),
            )
            run("INSERT INTO event (at, kind, instance_id, detail) VALUES (?, 'noted', ?, '{}')", (begin, instance))
    return root


class Counter:
    """Statements and rows of the connections that read."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.rows = 0

    def watch(self, connection: Any) -> None:
        connection.set_profile(self._profiled)
        connection.set_row_trace(self._row)

    def reset(self) -> None:
        self.statements, self.rows = [], 0

    def _profiled(self, sql: str, _: int) -> None:
        if not sql.lstrip().startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")):
            self.statements.append(" ".join(sql.split())[:80])

    def _row(self, _: Any, row: Any) -> Any:
        self.rows += 1
        return row


def _watched(root: Path, story: Any) -> None:
    counter = Counter()

    def opened() -> Any:
        app = open_app(root, lambda _: None)
        counter.watch(app._store._connection)  # type: ignore[attr-defined]
        return app

    dashboard = Dashboard(opened, Options())

    async def play() -> None:
        async with dashboard.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.current is not None)
            await story(dashboard, pilot, counter)

    asyncio.run(play())


async def _redrawn(dashboard: Dashboard, pilot: Pilot[None], counter: Counter) -> tuple[list[str], int]:
    """Let the dashboard believe that somebody has written, and count what it reads."""
    await pilot.pause(0.3)
    dashboard.follower.paused = True  # what is counted is this redraw, not the next look
    await pilot.pause(0.1)
    dashboard.follower.mark -= 1000  # no mark that something was read at
    counter.reset()
    await dashboard.reload()
    return counter.statements, counter.rows


@pytest.mark.parametrize("name", [listing.name for listing in all_lists()])
def test_a_redraw_of_a_list_reads_little(big: Path, name: str) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None], counter: Counter) -> None:
        await pilot.press(number_of(dashboard, name))
        await until(pilot, lambda: dashboard.grid.name == name and dashboard.grid.current is not None)
        statements, rows = await _redrawn(dashboard, pilot, counter)
        assert 0 < len(statements) <= STATEMENTS, statements
        assert rows <= ROWS, statements

    _watched(big, story)


@pytest.mark.parametrize("screen", NEAR)
def test_a_redraw_of_a_screen_reads_little(big: Path, screen: str) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None], counter: Counter) -> None:
        name, key = NEAR[screen]
        await pilot.press(number_of(dashboard, name))
        await until(pilot, lambda: dashboard.grid.name == name and dashboard.grid.current is not None)
        await pilot.press(key)
        await until(pilot, lambda: len(dashboard.screen_stack) == 2)
        statements, rows = await _redrawn(dashboard, pilot, counter)
        assert 0 < len(statements) <= STATEMENTS, statements
        assert rows <= ROWS, statements

    _watched(big, story)


def test_healths_of_tables_are_not_read_with_every_redraw_of_another_list(big: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None], counter: Counter) -> None:
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.name == "instances" and dashboard.grid.current is not None)
        dashboard.follower._counted_at = float("inf")
        few, _ = await _redrawn(dashboard, pilot, counter)
        dashboard.follower._counted_at = -float("inf")
        many, _ = await _redrawn(dashboard, pilot, counter)
        assert len(many) > len(few), (few, many)

    _watched(big, story)
