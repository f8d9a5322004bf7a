from __future__ import annotations

from typing import TYPE_CHECKING

from tui.tui_kit import drive, text_of
from tui.verb_kit import ask, choose, confirm, fill, go_to, show_list, states, submit, until

from mtctl.tui.asked.questions import Question
from mtctl.tui.drawn.lines import Page
from mtctl.tui.near.instance_screen import InstanceScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard


def test_instances_are_suspended_resumed_cancelled_and_tried_again(own: Path) -> None:
    def state() -> str:
        return states(own)["refresh months"]

    def reasons() -> list[object]:
        ulid = ask(own, lambda app: app.instances(limit=1, state=None, table=None))[0].ulid
        return [event.detail.get("reason") for event in ask(own, lambda app: app.instance(ulid)).events]

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "months")
        await pilot.press("r")
        await until(pilot, lambda: states(own).get("refresh months") == "pending")
        await show_list(dashboard, pilot, "instances")
        await until(pilot, lambda: dashboard.grid.total == 4)
        await pilot.press("g", "s")
        await until(pilot, lambda: state() == "suspended")
        await choose(dashboard, pilot, "resume")
        await submit(dashboard, pilot, reason="it is time")
        await until(pilot, lambda: state() == "pending" and "it is time" in reasons())
        await choose(dashboard, pilot, "tell when it ends")
        command = await submit(dashboard, pilot, timeout="1h")
        assert command.startswith("mtctl instance wait ")
        assert command.endswith(" --timeout 1h")
        await pilot.press("x")
        assert "1 × instance" in await confirm(dashboard, pilot)
        await until(pilot, lambda: state() == "cancelled")
        await until(pilot, lambda: "refresh months: cancelled" in text_of(dashboard))  # whoever waited is told
        await pilot.press("t")
        await until(pilot, lambda: state() == "pending")
        await pilot.press("w")
        await until(pilot, lambda: "neither a daemon nor a tick" in text_of(dashboard))
        await choose(dashboard, pilot, "cancel all")
        form = await fill(dashboard, pilot)
        assert "1 instance has not ended" in text_of(dashboard)
        assert form.command == "mtctl instance cancel --all-open --wait 0s"
        await submit(dashboard, pilot, reason="enough")
        await until(pilot, lambda: state() == "cancelled")
        await pilot.press("u")
        await confirm(dashboard, pilot)
        await until(pilot, lambda: state() == "pending")

    drive(own, story)


def test_what_has_ended_is_not_asked_about(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "instances")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("G")
        for key in ("x", "s", "v"):
            await pilot.press(key)
            await until(pilot, lambda: "has ended already: success" in text_of(dashboard))
            assert not isinstance(dashboard.screen, Question)
            dashboard.clear_notifications()
            await until(pilot, lambda: "has ended already" not in text_of(dashboard))

    drive(seen, story)


def test_a_marked_line_that_the_filter_hides_is_asked_about_by_its_name(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await pilot.press("space", "slash", *"months", "enter")
        await until(pilot, lambda: dashboard.grid.total == 1 and dashboard.grid.current is not None)
        await pilot.press("r")
        asked = await confirm(dashboard, pilot)
        assert "1 × table (daily)" in asked
        assert "not under the cursor" in asked

    drive(own, story)


def test_a_line_that_has_just_come_under_the_cursor_is_asked_about(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "bad")
        grid = dashboard.grid
        rest = tuple(line for line in grid.read_lines if line.key != "bad")
        grid.put(Page(total=len(rest), offset=0, lines=rest), fresh=True)
        assert grid.has_slid
        await pilot.press("r")
        asked = await confirm(dashboard, pilot)
        assert "1 × table (daily)" in asked
        assert "just come under the cursor" in asked
        grid.put(Page(total=len(rest), offset=0, lines=rest[1:]), fresh=True)
        await pilot.press("k")
        assert not grid.has_slid

    drive(own, story)


def test_watch_and_output_open_the_instance(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "instances")
        await until(pilot, lambda: dashboard.grid.current is not None)
        for words in ("watch", "output"):
            await choose(dashboard, pilot, words)
            await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen))
            await pilot.pause()
            await pilot.press("escape")
            await until(pilot, lambda: dashboard.screen is dashboard.screen_stack[0])

    drive(seen, story, read_only=True)


def test_a_task_is_skipped_run_again_and_marked(own: Path) -> None:
    def task() -> str:
        rows = ask(own, lambda app: app.instances(limit=9, state=None, table=None))
        [row] = [row for row in rows if row.title.endswith("nightly")]
        tasks = ask(own, lambda app: app.instance(row.ulid)).tasks
        return next(one.state.value for one in tasks if one.name == "after")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "instances")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("g", "enter")
        await until(pilot, lambda: "after" in text_of(dashboard))
        await pilot.press("j")
        await until(pilot, lambda: dashboard.chosen[0].key.endswith("/after"))
        for key, state in (("o", "skipped"), ("u", "pending")):
            await pilot.press(key)
            assert "1 × task" in await confirm(dashboard, pilot)
            await until(pilot, lambda state=state: task() == state)  # type: ignore[misc]
        await pilot.press("m")
        command = await submit(dashboard, pilot, state="success", reason="done by hand")
        assert command.endswith("--task after --state success --reason 'done by hand'")
        await until(pilot, lambda: task() == "skipped")

    drive(own, story)


def test_the_instance_of_a_task_is_tried_again_from_the_task(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "instances")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("g", "enter")
        await until(pilot, lambda: "after" in text_of(dashboard))
        await until(pilot, lambda: dashboard.chosen[0].kind == "task")
        await pilot.press("t")
        await until(pilot, lambda: states(own)["workflow run nightly"] == "running")  # one is done, one is to come

    drive(own, story)


def test_queues_are_made_changed_paused_resumed_and_deleted(own: Path) -> None:
    def queues() -> dict[str, tuple[int, str | None, bool]]:
        return {
            row.name: (row.slots, row.memory, row.paused) for row in ask(own, lambda app: app.operator.queues.rows())
        }

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "queues")
        await until(pilot, lambda: dashboard.grid.total == 1)
        await pilot.press("c")
        command = await submit(dashboard, pilot, name="big", slots="2", memory="4GB")
        assert command == "mtctl queue create big --slots 2 --memory 4GB"
        await until(pilot, lambda: queues().get("big") == (2, "4GB", False))
        await go_to(dashboard, pilot, "big")
        await pilot.press("M")
        assert await submit(dashboard, pilot, slots="3", memory="") == "mtctl queue set big --slots 3 --memory ''"
        await until(pilot, lambda: queues()["big"] == (3, None, False))
        await pilot.press("s")
        await fill(dashboard, pilot)
        assert "0 tasks wait in it" in text_of(dashboard)
        assert not queues()["big"][2], "it is asked first"
        await submit(dashboard, pilot)
        await until(pilot, lambda: queues()["big"][2])
        await pilot.press("v")
        await until(pilot, lambda: not queues()["big"][2])
        await choose(dashboard, pilot, "pause")
        await submit(dashboard, pilot, reason="disk is full")
        await until(pilot, lambda: "disk is full" in text_of(dashboard))
        await pilot.press("X")
        assert "1 × queue (big)" in await confirm(dashboard, pilot)
        await until(pilot, lambda: "big" not in queues())
        await go_to(dashboard, pilot, "default")
        await pilot.press("X")
        await confirm(dashboard, pilot)
        await until(pilot, lambda: "error[queue_default]" in text_of(dashboard))

    drive(own, story)
