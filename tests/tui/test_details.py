from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Button, Checkbox, Input, TabbedContent
from tui.tui_kit import drive, text_of, until

from mtctl.app import open_app
from mtctl.tui.instance_screen import InstanceScreen
from mtctl.tui.ranges import RangeScreen
from mtctl.tui.table_screen import TableScreen
from mtctl.tui.workflow_screen import WorkflowScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard


def _tab(dashboard: Dashboard, name: str) -> None:
    dashboard.screen.query_one(TabbedContent).active = f"pane-{name}"


def test_an_instance_shows_its_tasks_output_attempts_and_events(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("g", "enter")
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen) and "hello" in text_of(dashboard))
        shown = text_of(dashboard)
        assert "✘ failed" in shown
        assert "█" in shown, "the time line"
        assert "exit" in shown, "why it failed"
        for name, words in (("output", "hello from the night"), ("attempts", "#1"), ("events", "instance")):
            _tab(dashboard, name)
            await until(pilot, lambda wanted=words: wanted in text_of(dashboard))  # type: ignore[misc]
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(dashboard.screen, InstanceScreen))

    drive(seen, story)


def test_a_table_shows_its_calendar_definition_neighbours_and_runs(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(dashboard.screen, TableScreen) and "2013-01" in text_of(dashboard))
        assert "••••" in text_of(dashboard), "four fresh days"
        assert "4 of 4 fresh" in text_of(dashboard)
        for name, words in (("definition", "GROUP BY d"), ("lineage", "months"), ("runs", "refresh daily")):
            _tab(dashboard, name)
            await until(pilot, lambda wanted=words: wanted in text_of(dashboard))  # type: ignore[misc]

    drive(seen, story)


def test_a_workflow_shows_its_instances_plan_and_definition(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await until(pilot, lambda: dashboard.grid.total == 2)
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(dashboard.screen, WorkflowScreen) and "nightly" in text_of(dashboard))
        await until(pilot, lambda: "0 % of 1 succeeded" in text_of(dashboard))
        for name, words in (("tasks", "└─ after"), ("definition", "upstream"), ("fires", "when told")):
            _tab(dashboard, name)
            await until(pilot, lambda wanted=words: wanted in text_of(dashboard))  # type: ignore[misc]
        await pilot.press("question_mark")
        await until(pilot, lambda: "ctrl+p" in text_of(dashboard))
        assert "Run now" in text_of(dashboard)

    drive(seen, story)


def test_a_range_is_planned_before_it_can_be_started(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("j", "b")
        await until(pilot, lambda: isinstance(dashboard.screen, RangeScreen) and "2013-01" in text_of(dashboard))
        screen = dashboard.screen
        screen.query_one("#from", Input).value = "2013-01-02"
        screen.query_one("#to", Input).value = "2013-01-09x"
        assert screen.query_one("#start", Button).disabled
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "is not a time" in text_of(dashboard))
        screen.query_one("#to", Input).value = "2013-01-04"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "all of it is fresh" in text_of(dashboard))
        assert screen.query_one("#start", Button).disabled, "nothing is to be done"
        screen.query_one("#force", Checkbox).value = True
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "2 intervals of 1 table in 1 batches" in text_of(dashboard))
        assert dashboard.command == "mtctl refresh daily --from 2013-01-02 --to 2013-01-04 --force --detach"
        await pilot.click("#start")
        await until(pilot, lambda: not isinstance(dashboard.screen, RangeScreen))

    drive(own, story, size=(120, 40))
    with open_app(own, lambda _: None) as app:
        [newest] = app.instances(limit=1, state="pending", table="daily")
        assert newest.title.startswith("refresh daily")
