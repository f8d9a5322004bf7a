"""Keys: `?` tells every binding, everything is reached by keys alone, letters are letters in a field, own keymaps."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea
from tui.tui_kit import drive, number_of, text_of, until

from mtctl.app import open_app
from mtctl.tui.app import Dashboard
from mtctl.tui.asked.questions import Keys
from mtctl.tui.bars import Options
from mtctl.tui.filtering import FilterField
from mtctl.tui.keymap import UNBOUND, keymap, known, normal, told
from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.lineage_screen import LineageScreen
from mtctl.tui.near.query_screen import QueryScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

NEAR = {
    "table": ("1", "enter"),
    "workflow": ("2", "enter"),
    "instance": ("3", "enter"),
    "logs": ("3", "L"),
    "sql": ("3", "S"),
    "lineage": ("1", "i"),
    "query": ("Q",),
    "range": ("1", "b"),
}
"""How each detail screen is reached."""


def _told_here(dashboard: Dashboard) -> str:
    return str(dashboard.screen.query_one(Static).content)


async def _check_keys(dashboard: Dashboard, pilot: Pilot[None]) -> None:
    """Press `?` and find every key that is in force, with what it does."""
    active = dashboard.screen.active_bindings
    wanted = [
        (told(key), "" if (found.binding.id or "").startswith("show.") else found.binding.description)
        for key, found in active.items()
        if found.binding.id is not None and found.enabled and key != UNBOUND
    ]
    wanted = [one for one in wanted if one[0] not in "123456789" or int(one[0]) <= len(dashboard.listings)]
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(dashboard.screen, Keys))
    lines = _told_here(dashboard).splitlines()
    for key, text in wanted:
        assert any(key in line.split() and text in line for line in lines), (key, text, lines)
    await pilot.press("escape")


def test_every_key_of_every_list_is_told_there(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for name in dashboard.listings:
            await pilot.press(number_of(dashboard, name))
            await until(pilot, lambda wanted=name: dashboard.grid.name == wanted)  # type: ignore[misc]
            await pilot.pause(0.1)
            assert dashboard.focused is dashboard.grid
            await _check_keys(dashboard, pilot)

    drive(seen, story)


@pytest.mark.parametrize("screen", NEAR)
def test_every_screen_is_reached_by_keys_told_there_and_traps_nobody(seen: Path, screen: str) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for key in NEAR[screen]:
            await pilot.press(key)
            await until(pilot, lambda: dashboard.grid.current is not None)
        await until(pilot, lambda: len(dashboard.screen_stack) == 2)
        await pilot.pause(0.2)
        near = dashboard.screen
        if not isinstance(near.focused, (Input, TextArea)):
            await _check_keys(dashboard, pilot)
        chain = list(near.focus_chain)
        assert chain
        visited = []
        for _ in range(2 * len(chain) + 2):
            await pilot.press("tab")
            visited.append(near.focused)
        assert set(chain) <= set(visited), "tab comes to everything, and out of everything"
        for _ in range(4):
            if len(dashboard.screen_stack) == 1:
                break
            await pilot.press("escape")
            await pilot.pause(0.05)
        assert len(dashboard.screen_stack) == 1, "escape leads back"

    drive(seen, story)


def test_letters_are_letters_in_the_filter_and_in_a_query(seen: Path) -> None:
    letters = "".join(sorted({key for binding in known() for key in map(told, binding.keys) if len(key) == 1}))
    assert {"q", "x", "r", "1", ":", "?", "<"} <= set(letters)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        options = dashboard.options
        await pilot.press(*map(normal, letters))
        assert len(dashboard.screen_stack) == 1
        assert dashboard.screen.query_one(FilterField).value == letters
        assert dashboard.options == options
        assert dashboard.grid.name == "tables"
        assert not dashboard.follower.paused
        await pilot.press("escape", "Q")
        await until(pilot, lambda: isinstance(dashboard.screen, QueryScreen))
        area = dashboard.screen.query_one(TextArea)
        await until(pilot, lambda: dashboard.focused is area)
        await pilot.press(*map(normal, "qxr1?:TQ"))
        assert area.text == "qxr1?:TQ"
        assert isinstance(dashboard.screen, QueryScreen)

    drive(seen, story)


def test_every_binding_has_a_name_of_its_own_and_says_what_it_does() -> None:
    found = known()
    assert len({binding.id for binding in found}) == len(found)
    assert [binding.id for binding in found if not binding.text] == []
    assert {"list.up", "verb.retry", "verb.rename_table", "quit", "query.run"} <= {binding.id for binding in found}
    assert next(binding for binding in found if binding.id == "verb.rename_table").keys == ()


def test_the_mouse_does_what_keys_do(own: Path) -> None:
    with open_app(own, lambda _: None) as app, app._store.write() as tx:  # type: ignore[attr-defined]
        for number in range(100):
            tx.session.connection.execute(
                "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, created_at, started_at, "
                "ended_at) VALUES (?, 'manual', ?, '{}', 'success', 'default', 1, 1, 2)",
                (f"{number:026d}", f"number {number}"),
            )

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.click("#grid-tables", offset=(4, 0))
        await until(pilot, lambda: dashboard.grid.descending)
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.total > 100)
        grid = dashboard.grid
        grid.scroll_relative(y=50, animate=False)
        await until(pilot, lambda: grid._lines.get(60) is not None)
        assert grid.cursor == 0, "the wheel moves what is seen, not the cursor"
        await pilot.click("#grid-instances", offset=(5, 5))
        assert grid.cursor == int(grid.scroll_offset.y) + 4
        await pilot.click("#grid-instances", offset=(5, 5), times=2)
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: len(dashboard.screen_stack) == 1)
        keys = next(key for key in dashboard.screen.query("FooterKey") if getattr(key, "key", "") == "question_mark")
        await pilot.click(keys)
        await until(pilot, lambda: isinstance(dashboard.screen, Keys))

    drive(own, story)


def test_a_count_and_a_key_lead_to_the_instances_of_a_line(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("j", "I")
        await until(pilot, lambda: dashboard.grid.name == "instances" and dashboard.grid.total == 1)
        assert "table:daily" in text_of(dashboard)
        await pilot.press("1", "k")
        grid = dashboard.grid
        await until(pilot, lambda: grid.current is not None and grid.current.key == "bad")
        column = next(one for one in grid.pen.placed(grid.size.width, dense=False) if one.head.filter == "state:failed")
        await pilot.click("#grid-tables", offset=(column.left + column.width - 1, 1))
        await until(pilot, lambda: dashboard.grid.name == "instances" and dashboard.grid.total == 1)
        assert "table:bad state:failed" in text_of(dashboard)

    drive(seen, story)


def test_keys_show_near_parts_of_a_thing(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(dashboard.screen, LineageScreen))
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.name == "instances" and len(dashboard.screen_stack) == 1)
        await until(pilot, lambda: dashboard.grid.current is not None)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen))

    drive(seen, story)


def test_times_turn_local_and_back(seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "events"))
        await until(pilot, lambda: dashboard.grid.name == "events" and dashboard.grid.current is not None)
        shown = str(dashboard.grid.current.cells[0].text)  # type: ignore[union-attr]
        assert shown in text_of(dashboard)
        await pilot.press("z")
        await until(pilot, lambda: "+05:30" in text_of(dashboard))
        assert shown not in text_of(dashboard)
        minutes = int(shown[14:16])
        assert f":{(minutes + 30) % 60:02d}:{shown[17:19]} " in text_of(dashboard)
        await pilot.press("z")
        await until(pilot, lambda: shown in text_of(dashboard))

    try:
        drive(seen, story)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_columns_are_hidden_and_come_back(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("H", "down", "space", "enter")
        await until(pilot, lambda: not isinstance(dashboard.screen, ModalScreen))
        assert "STATE" not in text_of(dashboard)
        await pilot.press("H", "down", "space", "enter")
        await until(pilot, lambda: not isinstance(dashboard.screen, ModalScreen))
        assert "STATE" in text_of(dashboard)
        await pilot.press("H", "space", "escape")
        assert "TABLE" in text_of(dashboard), "leaving changes nothing"

    drive(seen, story)


def test_the_palette_has_lists_verbs_and_looks(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("colon", *"refresh")
        await until(pilot, lambda: "mtctl refresh bad" in text_of(dashboard))
        await pilot.press("escape", "colon", *"queues")
        await until(pilot, lambda: "List: queues" in text_of(dashboard))
        await pilot.press("enter")
        await until(pilot, lambda: dashboard.grid.name == "queues")
        await pilot.press("ctrl+p", *"colour-blind")
        await until(pilot, lambda: "Colours: colour-blind" in text_of(dashboard))
        await pilot.press("enter")
        await until(pilot, lambda: dashboard.options.palette.value == "colour-blind")

    drive(seen, story)


def test_leaving_asks_while_something_is_being_done(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        dashboard.desk.acts.doing = 2
        await pilot.press("q")
        await until(pilot, lambda: "2 things started here" in text_of(dashboard))
        await pilot.press("n")
        await until(pilot, lambda: len(dashboard.screen_stack) == 1)
        assert dashboard.is_running
        dashboard.desk.acts.doing = 0
        await pilot.press("q")

    assert not drive(seen, story).is_running


def test_own_keys_move_a_binding_and_leave_its_neighbours(seen: Path) -> None:
    """`r` refreshes a table and runs a workflow: the one that moves does not take the key from the other."""
    where = "mtctl.toml"
    keys = keymap(
        [("verb.refresh", "f7", where), ("list.down", "down,ctrl+j", where), ("verb.rename_table", "f8", where)]
    )

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        active = dashboard.screen.active_bindings
        assert active["f7"].binding.action == "verb('refresh')"
        assert active["f8"].binding.action == "verb('rename_table')"
        assert "r" not in active
        await pilot.press("j")
        assert dashboard.grid.cursor == 0
        await pilot.press("ctrl+j")
        assert dashboard.grid.cursor == 1
        await _check_keys(dashboard, pilot)
        await pilot.press("2")
        await until(pilot, lambda: dashboard.grid.name == "workflows" and dashboard.grid.current is not None)
        assert dashboard.screen.active_bindings["r"].binding.action == "verb('run')"

    dashboard = Dashboard(lambda: open_app(seen, lambda _: None), Options(), keys=keys)

    async def play() -> None:
        async with dashboard.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.current is not None)
            await story(dashboard, pilot)

    asyncio.run(play())
