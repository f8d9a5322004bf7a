from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from services.service_kit import World
from tui.tui_kit import drive, keys_of, number_of, text_of, until

from mtctl.app import open_app
from mtctl.services.queues import QueueArgs
from mtctl.services.reports import RefreshArgs
from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.queue_screen import QueueScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.grid import Grid

BIG = 100_000


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A project whose queue is paused while two tables wait in it; one slot of three is held."""
    root = tmp_path / "shop"
    world = World(root)
    for name in ("one", "two", "three"):
        world.table(name, f"CREATE MATERIALIZED TABLE {name} AS SELECT '{name}' AS x\n")
    world.apply()
    queues = world.app.operator.queues
    queues.set("default", QueueArgs(slots=3, memory="2GB"))
    for name in ("three", "one", "two"):
        world.app.refresh(RefreshArgs(selectors=(name,), detach=True), lambda _: None)
    with world.app._store.write() as tx:
        holder = tx.add_holder(ulid=f"H{0:025d}", kind="daemon", pid=1, pid_started=1, command="up, worker 1")
        assert tx.claim(holder, attempt_ulid=f"A{0:025d}", instance_id=None) is not None
    queues.pause("default", "maintenance")
    world.close()
    return root


async def _near(dashboard: Dashboard, pilot: Pilot[None]) -> Grid:
    """Open the default queue from its list."""
    await pilot.press(number_of(dashboard, "queues"))
    await until(pilot, lambda: "default" in keys_of(dashboard.grid))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(dashboard.screen, QueueScreen) and "slots held" in text_of(dashboard))
    assert isinstance(dashboard.screen, QueueScreen)
    return dashboard.screen._grid


def test_a_queue_shows_its_slots_who_holds_them_and_what_waits_in_its_turn(held: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "queues"))
        await until(pilot, lambda: "by " in text_of(dashboard) and "maintenance" in text_of(dashboard))
        assert "1/3" in text_of(dashboard)
        assert "█░░" in text_of(dashboard)
        grid = await _near(dashboard, pilot)
        shown = text_of(dashboard).splitlines()
        assert "paused" in shown[0]
        assert "maintenance" in shown[0]
        assert "limits: 2GB" in shown[0]
        assert "1 of 3 slots held   2 waiting" in shown[1]
        assert [key.partition("/")[2] for key in keys_of(grid)] == ["three", "one", "two"]
        rows = [line for line in shown if "three" in line or "one  " in line or "two  " in line]
        assert "▶ runs" in rows[0]
        assert "up, worker 1" in rows[0]
        assert "◌ 1" in rows[1]
        assert "queue default is paused" in rows[1]
        assert "◌ 2" in rows[2]

    drive(held, story)


def test_the_verbs_of_tasks_act_on_what_waits_and_the_queue_follows(held: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        grid = await _near(dashboard, pilot)
        await pilot.press("j")
        await until(pilot, lambda: grid.current is not None and grid.current.key.endswith("/one"))
        assert dashboard.chosen[0].kind == "task"
        assert dashboard.command == f"mtctl why {dashboard.chosen[0].key.partition('/')[0]}"
        assert "refresh one: queue default is paused" in text_of(dashboard)
        with open_app(held, lambda _: None) as other:
            assert grid.current is not None
            other.operator.instances.skip(*grid.current.key.split("/", 1))
            await until(pilot, lambda: [key.partition("/")[2] for key in keys_of(grid)] == ["three", "two"])
            other.operator.queues.resume("default")
            await until(pilot, lambda: "it is ready" in text_of(dashboard))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen) and "refresh two" in text_of(dashboard))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(dashboard.screen, QueueScreen))
        await pilot.press("escape")
        await until(pilot, lambda: dashboard.screen is dashboard.screen_stack[0])

    drive(held, story)


def test_of_a_hundred_thousand_waiting_tasks_a_screenful_is_read(held: Path) -> None:
    with open_app(held, lambda _: None) as app, app._store.write() as tx:
        tx.session.connection.execute(  # type: ignore[attr-defined]
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?) "
            "INSERT INTO task_instance (instance_id, name, kind, state, queue, ready_at, turn_at) "
            "SELECT (SELECT max(instance_id) FROM workflow_instance), 'batch', 'command', 'pending', 'default', x, "
            "9000000000000000 + x FROM n",
            (BIG,),
        )

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        grid = await _near(dashboard, pilot)
        assert grid.total == BIG + 3
        assert len(grid._lines) <= 200
        await pilot.press("G")
        await until(pilot, lambda: grid.current is not None and f"◌ {BIG + 2:,}" in text_of(dashboard))
        assert len(grid._lines) <= 400
        here = grid.cursor
        await pilot.press("k", "k", "k")
        with open_app(held, lambda _: None) as other:
            other.operator.queues.resume("default")
        await until(pilot, lambda: "it is ready" in text_of(dashboard))
        assert grid.cursor == here - 3, "batches of one name do not draw the cursor to the first of them"
        assert len(grid._lines) <= 200, "read anew is only what is seen"

    drive(held, story)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
def test_a_queue_fits_and_is_ascii_where_it_must_be(held: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _near(dashboard, pilot)
        lines = text_of(dashboard).splitlines()
        body = "\n".join(lines[: size[1] - 1])
        assert body.isascii(), body
        assert "> runs" in body
        assert "#.." in body
        assert "queue default is p" in body
        assert all(len(line) <= size[0] for line in lines)

    drive(held, story, size=size, plain=True)


def test_a_queue_that_goes_away_is_told_and_no_end(held: Path) -> None:
    with open_app(held, lambda _: None) as app:
        app.operator.queues.create("extra", QueueArgs(slots=1))

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "queues"))
        await until(pilot, lambda: keys_of(dashboard.grid) == ["default", "extra"])
        await pilot.press("j", "enter")
        await until(pilot, lambda: "queue extra" in text_of(dashboard) and "slots held" in text_of(dashboard))
        with open_app(held, lambda _: None) as other:
            other.operator.queues.delete("extra")
        await until(pilot, lambda: "there is no queue 'extra'" in text_of(dashboard))

    drive(held, story)
