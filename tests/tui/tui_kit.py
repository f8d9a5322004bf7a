"""A project that has seen some work, and a dashboard on it that tests drive by its keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.service_kit import DAILY, World
from textual.worker import WorkerFailed

from mtctl.app import open_app
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.drawn.grid import Grid

BAD = """CREATE MATERIALIZED TABLE bad WITH ('retries' = '0') AS SELECT error('no such luck') AS x"""
MONTHS = """CREATE MATERIALIZED TABLE months PARTITIONED BY (m)
WITH ('partition.grain' = 'month', 'start' = '2013-01-01', 'end' = '2013-03-01', 'tags.team' = 'growth',
      'schedule' = '0 3 * * *')
AS SELECT date_trunc('month', d)::DATE AS m, sum(n)::BIGINT AS n FROM daily GROUP BY 1
"""
NIGHTLY = """
tags = { team = "ops" }
[[tasks]]
name = "hello"
command = ["echo", "hello from the night"]
[[tasks]]
name = "after"
upstream = ["hello"]
command = ["false"]
retries = 0
"""
PATIENCE = 60.0


def worked(root: Path) -> World:
    """Return a project with four tables (one fails, one is late) and a workflow that has failed once."""
    world = World(root)
    world.days({"2013-01-01": [1, 2], "2013-01-02": [3], "2013-01-03": [4], "2013-01-04": [5]})
    world.table("daily", DAILY)
    world.table("bad", BAD)
    world.table("months", MONTHS)
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows/nightly.toml").write_text(NIGHTLY, encoding="utf-8")
    world.apply()
    world.fill("daily")
    world.refresh("bad")
    from mtctl.services.reports.workflows import RunArgs

    world.app.workflows.runs.run("nightly", RunArgs(), lambda _: None, actor="tester")
    world.close()
    return world


def drive(
    root: Path,
    story: Callable[[Dashboard, Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 36),
    **options: Any,
) -> Dashboard:
    """Open the dashboard of a project, let the story press keys, and close it."""
    dashboard = Dashboard(lambda: open_app(root, lambda _: None), Options(**options))

    async def play() -> None:
        async with dashboard.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
            await story(dashboard, pilot)

    try:
        asyncio.run(play())
    except WorkerFailed as failed:
        raise failed.error from None  # where it came from, not where it was noticed
    return dashboard


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds; the clock here is that of the event loop."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not holds():
        assert loop.time() < end, "it never came to be"
        await pilot.pause(0.02)


def text_of(dashboard: Dashboard) -> str:
    """Return what is on the screen, line by line."""
    width, height = dashboard.size
    strips = dashboard.screen._compositor.render_strips()
    assert len(strips) <= height
    return "\n".join("".join(segment.text for segment in strip)[:width].rstrip() for strip in strips)


def number_of(dashboard: Dashboard, name: str) -> str:
    """Return the key of a list."""
    return str(list(dashboard.listings).index(name) + 1)


def keys_of(grid: Grid) -> list[str]:
    """Return the keys of the lines that were read."""
    return [grid._lines[at].key for at in sorted(grid._lines)]


class Counter:
    """How many statements a connection runs, and how many rows come of them."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = self.statements = 0

    def on(self, connection: Any) -> None:
        """Count from now on."""
        connection.set_profile(self._profiled)
        connection.set_row_trace(self._row)

    def _profiled(self, sql: str, _: int) -> None:
        self.statements += not sql.startswith(("BEGIN", "COMMIT", "PRAGMA"))

    def _row(self, _: object, row: object) -> object:
        self.rows += 1
        return row
