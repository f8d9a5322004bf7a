from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from textual.widget import Widget
from textual.widgets import Static, TabbedContent
from tui.tui_kit import Counter, drive, keys_of, text_of, until

from mtctl.app import open_app
from mtctl.ports.near import RunStats
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.lines import Line
from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.queue_screen import QueueScreen
from mtctl.tui.near.range_screen import RangeMatrixScreen
from mtctl.tui.near.tabbed import Tabbed
from mtctl.tui.near.table_screen import TableScreen
from mtctl.tui.near.workflow_screen import WorkflowScreen, health

if TYPE_CHECKING:
    from pathlib import Path

    from textual.geometry import Size
    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard
    from mtctl.tui.near.details import Detail

SIZES = [(60, 20), (80, 24), (200, 60)]
RUNS = 500

DIAMOND = """
schedule = "0 3 * * *"
[[tasks]]
name = "top"
command = ["true"]
[[tasks]]
name = "left"
upstream = ["top"]
command = ["true"]
[[tasks]]
name = "right"
upstream = ["top"]
command = ["true"]
[[tasks]]
name = "bottom"
upstream = ["left", "right"]
command = ["true"]
"""


def _choose(dashboard: Dashboard, name: str) -> None:
    dashboard.screen.query_one(TabbedContent).active = f"pane-{name}"


async def _tab(dashboard: Dashboard, pilot: Pilot[None], name: str) -> None:
    """Bring a tab up; a focus that was still on its way to another one's parts would bring that one up again."""
    screen = dashboard.screen
    assert isinstance(screen, Tabbed)
    while screen.tab != name:
        _choose(dashboard, name)
        await until(pilot, lambda: not screen._running or screen.tab == name or not _is_chosen(dashboard, name))
        await pilot.pause()


def _is_chosen(dashboard: Dashboard, name: str) -> bool:
    return dashboard.screen.query_one(TabbedContent).active == f"pane-{name}"


def _line(kind: str, key: str) -> Line:
    return Line(kind=kind, key=key, cells=())


async def _table(dashboard: Dashboard, pilot: Pilot[None], name: str, tab: str = "") -> TableScreen:
    screen = TableScreen(_line("table", name), tab)
    dashboard.push_screen(screen)
    await until(pilot, lambda: "fresh" in text_of(dashboard) and name in text_of(dashboard).splitlines()[0])
    await until(pilot, lambda: screen.focused is not None)
    await pilot.pause()
    return screen


async def _workflow(dashboard: Dashboard, pilot: Pilot[None], name: str, tab: str = "") -> WorkflowScreen:
    screen = WorkflowScreen(_line("workflow", name), tab)
    dashboard.push_screen(screen)
    await until(pilot, lambda: f"‹ {name}" in text_of(dashboard))
    await until(pilot, lambda: screen.focused is not None)
    await pilot.pause()
    return screen


def test_lines_open_the_thing_from_near_and_escape_goes_back(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for name, screen in (("tables", TableScreen), ("workflows", WorkflowScreen), ("instances", InstanceScreen)):
            await dashboard.show_list(name)
            await until(pilot, lambda: dashboard.grid.current is not None)
            await pilot.press("enter")
            await until(pilot, lambda wanted=screen: isinstance(dashboard.screen, wanted))  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda: dashboard.screen is dashboard.screen_stack[0])

    drive(seen, story)


@pytest.mark.parametrize("size", SIZES)
def test_a_table_shows_what_is_known_of_it_in_tabs(seen: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _table(dashboard, pilot, "daily")
        await until(pilot, lambda: "2013-01" in text_of(dashboard))
        assert "4 of 4 fresh" in text_of(dashboard)
        for name, words in (
            ("definition", "count(*) AS n"),
            ("history", "refresh"),
            ("lineage", "months"),
            ("runs", "refresh daily" if size[0] > 60 else "refresh"),
            ("files", "1 file, 4 rows"),
        ):
            await _tab(dashboard, pilot, name)
            await until(pilot, lambda wanted=words: wanted in text_of(dashboard))  # type: ignore[misc]
        assert screen.tab == "files"

    drive(seen, story, size=size)


def test_the_interval_under_the_cursor_is_told(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _table(dashboard, pilot, "bad")
        await until(pilot, lambda: "whole table  ✘ failed" in text_of(dashboard))
        assert "no such luck" in text_of(dashboard), "why it fails"
        await pilot.press("escape")
        screen = await _table(dashboard, pilot, "daily")
        screen.query_one("#strip").focus()
        await pilot.press("g")
        await until(pilot, lambda: "2013-01-01  ✔ fresh" in text_of(dashboard))
        await pilot.press("l")
        await until(pilot, lambda: "2013-01-02  ✔ fresh" in text_of(dashboard))

    drive(seen, story)


def test_brackets_walk_through_the_tabs(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _table(dashboard, pilot, "daily")
        for name in (*screen.TABS[1:], screen.TABS[0]):
            await pilot.press("right_square_bracket")
            await until(pilot, lambda wanted=name: screen.tab == wanted)  # type: ignore[misc]
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: screen.tab == screen.TABS[-1])

    drive(seen, story)


@pytest.mark.parametrize("size", SIZES)
def test_a_workflow_shows_its_instances_tasks_and_definition(seen: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _workflow(dashboard, pilot, "nightly")
        await until(pilot, lambda: "0 % of 1 succeeded" in " ".join(text_of(dashboard).split()))
        assert "p50" in text_of(dashboard)
        for name, words in (
            ("tasks", "└─ after  ✘ failed"),
            ("definition", "upstream = ["),
            ("fires", "when told"),
        ):
            await _tab(dashboard, pilot, name)
            await until(pilot, lambda name=name, wanted=words: wanted in _all_text(dashboard, name))  # type: ignore[misc]

    drive(seen, story, size=size)


def _all_text(dashboard: Dashboard, name: str) -> str:
    return str(dashboard.screen.query_one(f"#text-{name}", Static).content)


def test_a_task_with_two_above_is_drawn_once(own: Path) -> None:
    (own / "workflows/diamond.toml").write_text(DIAMOND, encoding="utf-8")
    with open_app(own, lambda _: None) as app:
        app.apply(app.plan(prune=False, rebuild=()))

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _workflow(dashboard, pilot, "diamond", "tasks")
        await until(pilot, lambda: "it has not run yet" in text_of(dashboard))
        shown = text_of(dashboard)
        assert shown.count("bottom  command true") == 1
        assert "bottom  ↑ see above" in shown
        assert "has not run in 30 days" in shown
        screen.open_tab("fires")
        await until(pilot, lambda: "03:00" in text_of(dashboard))

    drive(own, story)


@pytest.fixture
def busy(own: Path) -> Path:
    """A project whose workflow ran often, mostly by its schedule."""
    with open_app(own, lambda _: None) as app, app._store.write() as tx:
        run = tx.session.connection.execute  # type: ignore[attr-defined]
        [(workflow_id, now)] = run(
            "SELECT w.workflow_id, i.created_at FROM workflow w JOIN workflow_instance i "
            "ON i.workflow_id = w.workflow_id WHERE w.name = 'nightly'"
        ).fetchall()
        run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO workflow_instance (ulid, workflow_id, trigger, logical_date, title, manifest, state, queue, "
            "created_at, started_at, ended_at) SELECT printf('%026d', i), ?, iif(i % 10, 'schedule', 'manual'), i, "
            "'nightly ' || i, '{}', iif(i % 5, 'success', 'failed'), 'default', ?, ?, ? + i * 1000000 FROM n",
            (RUNS, workflow_id, now, now, now),
        )
    return own


def test_instances_of_a_workflow_are_read_a_window_at_a_time_and_by_trigger(busy: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _workflow(dashboard, pilot, "nightly")
        grid = screen.query_one("#grid-runs", Grid)
        await until(pilot, lambda: grid.total == RUNS + 1)
        assert len(keys_of(grid)) < 100
        await pilot.press("G")
        await until(pilot, lambda: grid.current is not None and "✘ failed" in text_of(dashboard))
        assert grid.cursor == RUNS
        for trigger, number in (("manual", RUNS // 10 + 1), ("schedule", RUNS * 9 // 10), ("backfill", 0)):
            await pilot.press("O")
            await until(pilot, lambda wanted=number: grid.total == wanted)  # type: ignore[misc]
            assert f"[{trigger}]" in text_of(dashboard)
        await pilot.press("O", "greater_than_sign")
        await until(pilot, lambda: grid.order == "title" and grid.total == RUNS + 1)

    drive(busy, story)


def test_success_and_durations_are_counted_over_all_its_instances(busy: Path) -> None:
    with open_app(busy, lambda _: None) as app:
        stats = app.board.near.workflow("nightly").stats
    assert (stats.ended, stats.succeeded) == (RUNS + 1, RUNS * 4 // 5)
    assert stats.p50 == pytest.approx(RUNS / 2, abs=1)
    assert stats.p95 == pytest.approx(RUNS * 0.95, abs=1)
    assert stats.recent == tuple(range(RUNS - 19, RUNS + 1)), "the newest twenty, oldest first"


def test_durations_are_drawn_in_signs_of_the_terminal() -> None:
    stats = RunStats(ended=3, succeeded=2, p50=2.0, p95=8.0, recent=(1.0, 2.0, 8.0))
    assert health(stats).startswith("▁▂█  p50 2.00 s  p95 8.00 s  66.7 % of 3")


def test_every_interval_is_as_in_the_partitions_of_the_command_line(seen: Path) -> None:
    with open_app(seen, lambda _: None) as app:
        for name in ("daily", "months", "bad"):
            near, cells = app.board.near.calendar(name)
            assert cells == app.board.calendar(name)
            status = app.status([name]).tables[0]
            assert (near.wanted, near.fresh, near.near.rows) == (status.wanted, status.fresh, status.rows)
            assert near.state == status.health.value


def test_a_redraw_reads_little(busy: Path) -> None:
    counter = Counter()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await dashboard.desk.reads.do(lambda app: counter.on(app._store._connection))  # type: ignore[attr-defined]
        dashboard.follower.paused = True
        table = await _table(dashboard, pilot, "daily")
        await _measured(table, pilot, ("calendar", "runs", "files"))
        workflow = await _workflow(dashboard, pilot, "nightly")
        await _measured(workflow, pilot, ("instances", "tasks", "definition"))

    async def _measured(screen: TableScreen | WorkflowScreen, pilot: Pilot[None], tabs: tuple[str, ...]) -> None:
        for tab in tabs:
            screen.tab = tab
            await pilot.pause(0.2)
            await screen.reload()
            screen.dashboard.follower.mark += 1
            counter.rows = counter.statements = 0
            await screen.reload()
            assert counter.rows <= 200, (tab, counter.rows)
            assert counter.statements <= 5, (tab, counter.statements)

    drive(busy, story)


@pytest.mark.parametrize("screen", [TableScreen, WorkflowScreen, InstanceScreen, RangeMatrixScreen, QueueScreen])
def test_the_reading_thread_asks_no_widget_for_its_size(
    seen: Path, screen: type[Detail], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layout that is worked out in another thread meets the one that is drawn, and finds no application."""
    drawing = threading.get_ident()
    strangers: list[str] = []

    def size(widget: Widget) -> Size:
        if threading.get_ident() != drawing:
            strangers.append(repr(widget))
        return widget.content_region.size

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        kinds = {
            WorkflowScreen: "workflows",
            InstanceScreen: "instances",
            RangeMatrixScreen: "ranges",
            QueueScreen: "queues",
        }
        await dashboard.show_list(kinds.get(screen, "tables"))
        await until(pilot, lambda: dashboard.grid.current is not None)
        line = dashboard.grid.current
        assert line is not None
        monkeypatch.setattr(Widget, "size", property(size))
        detail = screen(line)
        await dashboard.push_screen(detail)
        for tab in getattr(detail, "TABS", ("",)):
            detail.tab = tab  # type: ignore[attr-defined]
            await detail.reload()
        monkeypatch.undo()
        assert not strangers

    drive(seen, story)
