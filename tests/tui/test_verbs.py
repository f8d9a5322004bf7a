from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import drive, text_of, until

from mtctl.app import open_app
from mtctl.cli.tree import Node, command_tree
from mtctl.tui.ask import Question
from mtctl.tui.lines import Line
from mtctl.tui.verbs import VERBS, verbs_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.app import App
    from mtctl.tui.app import Dashboard


def _paths(node: Node) -> set[str]:
    return {" ".join(node.path)}.union(*(_paths(one) for one in node.commands))


def _titles(root: Path) -> dict[str, str]:
    with open_app(root, lambda _: None) as app:
        rows = app.instances(limit=50, state=None, table=None)
        return {row.title: row.state.value for row in reversed(rows)}  # the newest of a title counts


def _ask(root: Path, question: Callable[[App], object]) -> object:
    with open_app(root, lambda _: None) as app:
        return question(app)


def test_every_verb_says_a_command_that_exists() -> None:
    known = _paths(command_tree())
    for verb in VERBS:
        for kind in verb.kinds:
            words = shlex.split(verb.line([Line(kind=kind, key="a/b", cells=())]))
            assert words[0] == "mtctl"
            assert " ".join(words[:3]) in known or " ".join(words[:2]) in known, words
    for kind in ("table", "workflow", "instance", "task", "queue"):
        keys = [verb.key for verb in verbs_for(kind)]
        assert len(keys) == len(set(keys)), f"two verbs of a {kind} have one key"


def test_refresh_queues_an_instance_and_says_its_command(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "r")
        await until(pilot, lambda: _titles(own).get("refresh months") == "pending")
        await until(pilot, lambda: "queued as instance" in text_of(dashboard))
        assert dashboard.command == "mtctl refresh months --detach"

    drive(own, story)


def test_marked_lines_are_asked_about_with_their_number_and_no_is_no(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("space", "space", "space")
        await until(pilot, lambda: "3 marked" in text_of(dashboard))
        await pilot.press("F")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.pause()
        assert "3 × table" in text_of(dashboard)
        assert "$ mtctl refresh bad daily months --full --detach" in text_of(dashboard)
        await pilot.press("enter")  # the button with the focus is No
        await until(pilot, lambda: not isinstance(dashboard.screen, Question))
        assert "pending" not in _titles(own).values()
        await pilot.press("F")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "pending" in _titles(own).values())

    drive(own, story)


def test_instances_are_suspended_resumed_cancelled_and_tried_again(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "r")
        await until(pilot, lambda: _titles(own).get("refresh months") == "pending")
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.current is not None and dashboard.grid.total == 4)
        await pilot.press("g", "s")
        await until(pilot, lambda: _titles(own)["refresh months"] == "suspended")
        await pilot.press("v")
        await until(pilot, lambda: _titles(own)["refresh months"] == "pending")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: _titles(own)["refresh months"] == "cancelled")
        await pilot.press("t")
        await until(pilot, lambda: _titles(own)["refresh months"] == "pending")
        await pilot.press("w")
        await until(pilot, lambda: "neither a daemon nor a tick" in text_of(dashboard))

    drive(own, story)


def test_workflows_run_and_are_switched_off_and_on(own: Path) -> None:
    def state(name: str) -> object:
        return _ask(own, lambda app: app.workflows.looks.detail(name).row.state.value)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await until(pilot, lambda: dashboard.grid.total == 2)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: state("months") == "disabled")
        await pilot.press("e")
        await until(pilot, lambda: state("months") == "enabled")
        await pilot.press("j", "r")
        await until(pilot, lambda: "pending" in _titles(own).values())

    drive(own, story)


def test_queues_are_paused_and_resumed(own: Path) -> None:
    def paused() -> object:
        return _ask(own, lambda app: app.operator.queues.rows()[0].paused)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await until(pilot, lambda: dashboard.grid.total == 1)
        await pilot.press("s")
        await until(pilot, lambda: paused() is True)
        await pilot.press("v")
        await until(pilot, lambda: paused() is False)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "error[" in text_of(dashboard))

    drive(own, story)


@pytest.mark.parametrize(("key", "state"), [("i", "skipped"), ("m", "skipped"), ("u", "pending")])
def test_a_task_is_skipped_marked_or_run_again(own: Path, key: str, state: str) -> None:
    def task() -> object:
        def look(app: App) -> str:
            [row] = [row for row in app.instances(limit=9, state=None, table=None) if row.title.endswith("nightly")]
            return next(one.state.value for one in app.instance(row.ulid).tasks if one.name == "after")

        return _ask(own, look)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("g", "enter")
        await until(pilot, lambda: "after" in text_of(dashboard))
        await pilot.press("j", key)
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: task() == state)

    drive(own, story)


def test_who_may_only_look_finds_no_verb(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("G", "r", "F")
        await pilot.pause(0.2)
        assert not isinstance(dashboard.screen, Question)
        assert "Refresh" not in text_of(dashboard).splitlines()[-1]
        assert "read-only" in text_of(dashboard)

    drive(own, story, read_only=True)
    assert "refresh months" not in _titles(own)


def test_the_command_is_copied(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("y")
        await until(pilot, lambda: dashboard.clipboard == "mtctl refresh bad --detach")

    drive(seen, story)
