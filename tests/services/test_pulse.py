"""Health: what stands still is told, what merely waits is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, definition, full, kit_at, new_holder, noop, program, reopened, task

from mtctl.core.interval import WHOLE
from mtctl.core.pulse import TroubleKind
from mtctl.core.states import Outcome
from mtctl.services.health import Pulses
from mtctl.services.looks import Looks

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.services.reports import HealthReport

HOUR = 3600.0


class World:
    """A store, its pulse, and the rounds that look for work."""

    def __init__(self, folder: Path) -> None:
        self.kit: Kit = kit_at(folder)
        self.looks = Looks(folder / ".mtctl" / "looked", self.kit.clock)
        self.pulses = Pulses(reopened(self.kit), self.kit.clock, self.looks)

    def health(self) -> HealthReport:
        return self.pulses.health()

    def kinds(self) -> list[TroubleKind]:
        return [trouble.kind for trouble in self.health().troubles]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_empty_project_is_healthy(world: World) -> None:
    report = world.health()
    assert (report.healthy, report.tables.ratio, report.workflows.total, report.looked_at) == (True, 1.0, 0, None)


def test_a_due_fire_counts_after_two_minutes_and_not_before(world: World) -> None:
    world.kit.workflow("nightly", schedule="* * * * *")
    world.kit.clock.advance(40 + 119)  # the clock begins at 20 seconds past a minute
    world.looks.note()
    assert world.health().healthy
    world.kit.clock.advance(2)
    assert world.kinds() == [TroubleKind.FIRE]
    assert "nightly" in world.health().troubles[0].text
    assert (world.health().workflows.late, world.health().workflows.healthy) == (1, 0)


def test_nobody_looking_is_a_trouble_only_while_there_is_work(world: World) -> None:
    world.kit.clock.advance(10 * HOUR)
    assert world.health().healthy
    world.kit.add(noop(0))
    assert world.health().healthy  # it has only just come
    world.kit.clock.advance(130)
    assert world.kinds() == [TroubleKind.LOOK]
    world.looks.note()
    assert world.health().healthy
    world.kit.clock.advance(301)
    assert world.kinds() == [TroubleKind.LOOK]


def test_a_ready_task_with_a_free_slot_counts_after_ten_minutes(world: World) -> None:
    world.kit.add(noop(0))
    world.kit.clock.advance(599)
    world.looks.note()
    assert world.health().healthy
    world.kit.clock.advance(2)
    world.looks.note()
    assert world.kinds() == [TroubleKind.TASK]
    assert "n0" in world.health().troubles[0].text


def test_what_is_held_up_by_queue_owner_or_an_older_task_is_no_trouble(world: World) -> None:
    kit = world.kit
    with kit.store.write() as tx:
        tx.put_queue("paused", slots=1, memory=None, threads=None)
        tx.put_queue("full", slots=1, memory=None, threads=None)
        tx.pause_queue("paused", paused=True, why="")
    kit.add(noop(0, queue="paused"))
    kit.add(noop(0), holder_id=new_holder(kit.store, "mine"), detached=False)
    kit.add(noop(0, queue="full"), noop(1, queue="full"), noop(2, after=(0,)))
    assert kit.claim(None) is not None
    for _ in range(14):
        kit.clock.advance(55)
        with kit.store.write() as tx:
            tx.beat(kit.holder)
    world.looks.note()
    assert world.kinds() == []


def test_a_task_whose_holder_shows_no_life_is_told(world: World) -> None:
    world.kit.add(noop(0))
    world.kit.claim(None)
    assert world.health().running == 1
    world.kit.clock.advance(61)
    world.looks.note()
    assert world.kinds() == [TroubleKind.LEASE]


def test_a_clock_behind_the_log_comes_first(world: World) -> None:
    world.kit.add(noop(0))
    world.kit.clock.set_wall(world.kit.clock.now() - 30 * 60_000_000)
    assert world.kinds() == [TroubleKind.CLOCK]


def test_tables_and_workflows_are_counted_by_how_they_are(world: World) -> None:
    kit = world.kit
    ids = kit.put(full("good"), full("late"), full("bad"), definition("never"))
    for name in ("good", "late"):
        kit.refresh(ids[name], {WHOLE: "f"})
    kit.change(ids["late"], full("late", fingerprint="f2"))
    kit.end(kit.claim(kit.instance(task(ids["bad"], [WHOLE]), tries=1)), Outcome.FAILED, retryable=False)
    tables = world.health().tables
    assert (tables.total, tables.healthy, tables.failed, tables.late, tables.ratio) == (4, 1, 1, 2, 0.25)

    flow = kit.workflow("nightly", program("only"))
    kit.workflow("other", program("only"))
    kit.end(kit.claim(kit.add(noop(0, max_tries=1), workflow_id=flow, version=1)), Outcome.FAILED, retryable=False)
    workflows = world.health().workflows
    assert (workflows.total, workflows.healthy, workflows.failed, workflows.ratio) == (2, 1, 1, 0.5)
    assert world.health().healthy  # what failed is told, and is no standstill
