"""One queue from near: who holds its slots, and what waits, in the order in which it will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from counting import calls
from store_kit import Kit, day, definition, full, kit_at, new_holder, noop, program, task

from mtctl.core.errors import MtctlError
from mtctl.core.states import Outcome
from mtctl.services.queue_board import QueueBoard

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.services.queue_board import QueueWindow


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def _window(kit: Kit, offset: int = 0, limit: int = 50, name: str = "default") -> QueueWindow:
    return QueueBoard(kit.store, kit.clock).window(name, offset, limit)


def _names(found: QueueWindow) -> list[str]:
    return [one.task.name for one in found.lines]


def test_what_runs_stands_before_what_waits_and_that_in_the_order_of_claims(kit: Kit) -> None:
    one = kit.add(noop(0), noop(1))
    kit.add(noop(2, priority=-5))
    kit.add(noop(3))
    other = new_holder(kit.store, "up, worker 1")
    assert kit.claim(one, holder=other) is not None
    found = _window(kit)
    assert _names(found)[0] == "n0"
    assert (found.lines[0].task.holder, found.lines[0].turn, found.lines[0].why) == ("up, worker 1", 0, "")
    assert (found.queue.runs, found.queue.held, found.queue.waits, found.total) == (1, 1, 3, 4)
    assert [line.turn for line in found.lines[1:]] == [1, 2, 3]
    waiting = _names(found)[1:]
    claimed = [kit.claim(None) for _ in waiting]
    assert [one.task.name for one in claimed if one is not None] == waiting, "exactly so they are claimed"


def test_windows_join_to_the_whole_list_across_its_two_parts(kit: Kit) -> None:
    one = kit.add(*(noop(number) for number in range(20)))
    for _ in range(7):
        kit.claim(one)
    whole = _names(_window(kit))
    assert len(whole) == 20
    for size in (1, 3, 7, 8, 20):
        parts = [_names(_window(kit, offset, size)) for offset in range(0, 25, size)]
        assert [name for part in parts for name in part] == whole


def test_a_hundred_thousand_waiting_tasks_cost_as_much_as_one_screenful(kit: Kit) -> None:
    one = kit.add(*(noop(number) for number in range(50)))
    few = calls(lambda: _window(kit))
    kit.store._connection.execute(
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) "
        "INSERT INTO task_instance (instance_id, name, kind, state, queue, ready_at, turn_at) "
        "SELECT ?, 'task ' || x, 'command', 'pending', 'default', 1, ? + x FROM n",
        (one, kit.clock.now()),
    )
    assert _window(kit).total == 100_050
    last = _window(kit, 100_040)
    assert _names(last) == [f"task {number}" for number in range(99_991, 100_001)]
    assert last.lines[-1].why == "it is ready; 100,049 before it".replace(",", "")
    assert calls(lambda: _window(kit)) < few + 200
    assert calls(lambda: _window(kit, 100_000)) < few + 200


def test_each_task_says_what_it_waits_for(kit: Kit) -> None:
    tables = kit.put(full("orders"), definition("daily"))
    owner = new_holder(kit.store, "refresh in a terminal")
    kit.claim(kit.instance(task(tables["orders"], [day(0)])))
    kit.instance(task(tables["orders"], [day(1)], key=1))
    kit.add(noop(2), max_parallel=1)
    owned = kit.add(noop(4), holder_id=owner, detached=False)
    capped = kit.add(noop(5), noop(6), max_parallel=1)
    kit.claim(capped)
    kit.workflow("nightly", program("only"))
    retried = kit.add(noop(7))
    kit.end(kit.claim(retried), Outcome.FAILED, retryable=True)
    whys = {line.task.name: line.why for line in _window(kit).lines if line.turn}
    assert whys[f"t{tables['orders']}"] == "its table is being refreshed by refresh"
    assert whys["n2"].startswith("it is ready")
    assert whys["n4"] == "it is ready; refresh in a terminal runs its instance"
    assert whys["n6"] == "its instance runs 1 tasks at once and may not run more"
    assert whys["n7"].startswith("boom; try 2 of 3 at ")
    with kit.store.write() as tx:
        tx.pause_queue("default", paused=True, why="by ops: maintenance")
    found = _window(kit)
    assert (found.queue.paused, found.queue.paused_why) == (True, "by ops: maintenance")
    assert {line.why for line in found.lines if line.task.name == "n2"} == {"queue default is paused"}
    assert owned


def test_a_full_queue_and_an_older_instance_are_told(kit: Kit) -> None:
    with kit.store.write() as tx:
        tx.put_queue("small", slots=1, memory="1GB", threads=2)
    flow = kit.workflow("nightly", program("only"))
    first = kit.add(noop(0, queue="small"), workflow_id=flow, version=1, serial=True)
    kit.add(noop(1, queue="small"), workflow_id=flow, version=1, serial=True)
    kit.add(noop(2, queue="small"))
    assert kit.claim(first) is not None
    found = _window(kit, name="small")
    assert (found.queue.slots, found.queue.memory, found.queue.threads, found.queue.held) == (1, "1GB", 2, 1)
    whys = {line.task.name: line.why for line in found.lines if line.turn}
    assert whys["n1"].startswith("an older instance of its workflow goes first: I")
    assert whys["n2"] == "queue small is full: 1 of 1 slots"


def test_a_slot_of_a_process_that_died_is_not_held(kit: Kit) -> None:
    one = kit.add(noop(0))
    kit.claim(one)
    kit.clock.advance(120)
    found = _window(kit)
    assert (found.queue.runs, found.queue.held) == (1, 0)


def test_a_queue_that_is_not_there_is_an_error(kit: Kit) -> None:
    with pytest.raises(MtctlError) as caught:
        _window(kit, name="none")
    assert caught.value.code == "queue_unknown"
