"""Rewind at the store: the one transaction that a clock behind the file does not stop."""

from __future__ import annotations

import pytest
from store_kit import kit_at, noop, reopened

from mtctl.core.errors import MtctlError
from mtctl.core.states import WorkflowState
from mtctl.ports.workflows import Mark

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
YEAR = 365 * DAY


@pytest.fixture
def kit(tmp_path):
    return kit_at(tmp_path)


def back(kit, by=YEAR):
    """Let the clock have been ahead while what is in the file was written."""
    kit.clock.set_wall(kit.clock.now() - by)


def test_it_writes_although_the_clock_is_behind_and_lets_all_others_write_again(kit):
    other = reopened(kit)
    back(kit)
    with pytest.raises(MtctlError, match="scheduler rewind") as caught, kit.store.write():
        pass
    assert caught.value.code == "clock_behind"

    with kit.store.rewind() as tx:
        tx.add_note("clock_rewind", actor="ana")
    with kit.store.read() as view:
        assert view.last_now() == kit.clock.now()
        assert view.events_after(view.last_event() - 1, 1)[0].at == kit.clock.now()
    for store in (kit.store, other):
        with store.write() as tx:
            tx.add_note("after", actor="")
    assert kit.sql("SELECT kind FROM event WHERE kind IN ('clock_rewind', 'after')") == [
        ("clock_rewind",), ("after",), ("after",)
    ]  # fmt: skip


def test_a_block_that_raises_leaves_the_time_and_the_marks_as_they_were(kit):
    workflow_id = kit.workflow("w", schedule="0 2 * * *")
    before = kit.sql("SELECT last_fire_at, next_fire_at, due_at FROM workflow")
    back(kit)

    def interrupted():
        with kit.store.rewind() as tx:
            tx.take_back(workflow_id, WorkflowState.ENABLED, Mark(last_fire_at=None, next_fire_at=1, due_at=1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert kit.sql("SELECT last_fire_at, next_fire_at, due_at FROM workflow") == before
    with pytest.raises(MtctlError, match="behind"), kit.store.write():
        pass


def test_a_mark_goes_back_here_and_nowhere_else(kit):
    workflow_id = kit.workflow("w", schedule="0 2 * * *")
    now = kit.clock.now()
    late = Mark(last_fire_at=now + DAY, next_fire_at=None, due_at=None)
    early = Mark(last_fire_at=now - DAY, next_fire_at=now + HOUR, due_at=now + HOUR + 1)

    with kit.store.write() as tx:
        assert tx.set_workflow_state(workflow_id, WorkflowState.COMPLETED, late)
        tx.set_workflow_state(workflow_id, WorkflowState.DISABLED, early)
        assert not hasattr(tx, "take_back")
        assert tx.workflows()[0].last_fire_at == now + DAY
    with kit.store.rewind() as tx:
        tx.take_back(workflow_id, WorkflowState.ENABLED, early)
        row = tx.workflows()[0]
    assert (row.state, row.last_fire_at, row.next_fire_at, row.due_at) == (
        WorkflowState.ENABLED, now - DAY, now + HOUR, now + HOUR + 1,
    )  # fmt: skip
    assert kit.sql("SELECT detail FROM event WHERE kind = 'workflow_state' ORDER BY event_id DESC LIMIT 1") == [
        ('{"from": "disabled", "to": "enabled"}',)
    ]


def test_an_unknown_workflow_is_told(kit):
    nothing = Mark(last_fire_at=None, next_fire_at=None, due_at=None)
    with pytest.raises(MtctlError) as caught, kit.store.rewind() as tx:
        tx.take_back(99, WorkflowState.ENABLED, nothing)
    assert caught.value.code == "workflow_unknown"


def test_open_tasks_that_wait_too_long_are_ready_now_and_keep_their_order(kit):
    start = kit.clock.now()
    kit.clock.advance(365 * 86_400)
    kit.add(noop(0), noop(1, after=(0,)))
    kit.add(noop(0, priority=-5), rank=2)
    kit.clock.set_wall(start)
    with kit.store.rewind() as tx:
        assert tx.ahead(tx.now, tx.now + DAY).tasks == 3
        assert tx.hasten(tx.now + DAY) == 3
        assert tx.ahead(tx.now, tx.now + DAY).tasks == 0
    waits = "SELECT state, ready_at - ?1, (turn_at - ?1) / 60000000 FROM task_instance ORDER BY task_id"
    assert kit.sql(waits, start) == [
        ("pending", 0, 0),
        ("created", 0, 0),  # it would wait a year once its turn comes
        ("pending", 0, 75),
    ]
    claimed = kit.claim(None)
    assert claimed is not None


def test_a_wait_of_less_than_the_limit_and_what_has_ended_stay(kit):
    start = kit.clock.now()
    instance = kit.add(noop(0), noop(1))
    with kit.store.write() as tx:
        tx.postpone(tx.tasks(instance)[0].task_id, ready_at=start + DAY, why="later", waits_for=None)
    kit.clock.advance(400 * 86_400)
    kit.end(kit.claim(None))  # n0 is ready by now
    kit.end(kit.claim(None))
    second = kit.add(noop(0))
    kit.clock.set_wall(start)
    kit.sql("UPDATE task_instance SET ready_at = ?, turn_at = ? WHERE instance_id = ?", start + DAY, start, second)
    with kit.store.rewind() as tx:
        assert tx.ahead(tx.now, tx.now + DAY).tasks == 0
        assert tx.hasten(tx.now + DAY) == 0
        assert tx.tasks(second)[0].ready_at == start + DAY
