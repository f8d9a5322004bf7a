"""Instances, tasks, claims, leases: the state law as the store keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, definition, kit_at, new_holder, reopened, task

from mtctl.core.advance import Ending, settle
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import ALLOWED, InstanceState, Outcome, TaskState, Transition, rollup

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.ports import Claimed


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


@pytest.fixture
def tables(kit: Kit) -> list[int]:
    return list(kit.put(*(definition(name) for name in "abcd")).values())


def _states(kit: Kit, instance_id: int) -> list[TaskState]:
    """Return the states of an instance's tasks, after a look that the stored roll-up equals the computed one."""
    with kit.store.read() as view:
        states = [one.state for one in view.tasks(instance_id)]
        row = next(one for one in view.instances(limit=99, state=None, table=None) if one.instance_id == instance_id)
    assert row.state is rollup(states, started=row.started_at is not None)
    assert (row.ended_at is not None) == (row.state in {"success", "failed", "cancelled"})
    assert dict(row.tasks) == {state: states.count(state) for state in states}
    return states


def _settled(kit: Kit, claimed: Claimed, outcome: Outcome, **more: object) -> Transition:
    ending = Ending(
        task_id=claimed.task.task_id,
        attempt_id=claimed.attempt_id,
        outcome=outcome,
        tries=claimed.task.tries,
        max_tries=claimed.task.max_tries,
        **more,
    )
    return settle(ending, kit.clock.now())


def _finish(kit: Kit, claimed: Claimed, outcome: Outcome, **more: object) -> bool:
    with kit.store.write() as tx:
        transition = _settled(kit, claimed, outcome, **more)
        return tx.finish(claimed, outcome, error_code="query_failed", error="boom", transition=transition)


def test_ready_tasks_begin_pending_and_the_others_wait(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1, after=(0,)))

    assert _states(kit, instance) == [TaskState.PENDING, TaskState.CREATED]
    with kit.store.read() as view:
        first, second = view.tasks(instance)
    assert second.upstream == (first.task_id,)


def test_an_instance_without_tasks_has_ended_well(kit):
    assert _states(kit, kit.instance()) == []


def test_success_lets_downstream_go_and_ends_the_instance(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1, after=(0,)))
    first = kit.claim(instance)
    assert first is not None
    assert kit.claim(instance) is None
    kit.publish(kit.publication(first, {day(0): "x"}))
    assert _states(kit, instance) == [TaskState.SUCCESS, TaskState.PENDING]

    second = kit.claim(instance)
    assert second is not None
    kit.publish(kit.publication(second, {day(0): "y"}))

    assert _states(kit, instance) == [TaskState.SUCCESS, TaskState.SUCCESS]


def test_failure_uses_up_the_tries_and_cancels_downstream(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1, after=(0,)), tries=2)
    assert _finish(kit, kit.claim(instance), Outcome.FAILED)
    assert _states(kit, instance) == [TaskState.PENDING, TaskState.CREATED]
    assert kit.claim(instance) is None, "it waits"
    kit.clock.advance(31)

    assert _finish(kit, kit.claim(instance), Outcome.FAILED)

    assert _states(kit, instance) == [TaskState.FAILED, TaskState.CANCELLED]
    with kit.store.read() as view:
        assert [(one.number, one.outcome, one.error_code, one.error) for one in view.attempts(instance)] == [
            (1, Outcome.FAILED, "query_failed", "boom"),
            (2, Outcome.FAILED, "query_failed", "boom"),
        ]
        assert view.last_attempts()[tables[0]].last_success_at is None


def test_a_release_gives_the_try_back(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]))
    claimed = kit.claim(instance)
    assert claimed is not None
    assert claimed.task.tries == 1

    _finish(kit, claimed, Outcome.RELEASED)

    again = kit.claim(instance)
    assert again is not None
    assert again.task.tries == 1
    assert again.attempt_id != claimed.attempt_id


def test_a_late_result_is_dropped(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]))
    late = kit.claim(instance)
    with kit.store.write() as tx:
        tx.lose(kit.holder)
    before = _states(kit, instance)

    assert _finish(kit, late, Outcome.FAILED) is False
    assert _states(kit, instance) == before


def test_one_writer_per_table_whatever_the_instance(kit, tables):
    first, second = kit.instance(task(tables[0], [day(0)])), kit.instance(task(tables[0], [day(1)]))
    claimed = kit.claim(first)
    assert claimed is not None

    assert kit.claim(second) is None
    _finish(kit, claimed, Outcome.FAILED, retryable=False)
    assert kit.claim(second) is not None


def test_a_paused_or_full_queue_gives_nothing_out(kit, tables):
    instance = kit.instance(*(task(one, [day(0)], key=one) for one in tables))
    kit.sql("UPDATE queue SET slots = 2")
    assert kit.claim(instance) is not None
    assert kit.claim(instance) is not None
    assert kit.claim(instance) is None, "two slots"

    kit.sql("UPDATE queue SET slots = 9, paused = 1")
    assert kit.claim(instance) is None
    kit.sql("UPDATE queue SET paused = 0")
    assert kit.claim(instance) is not None


def test_a_slot_of_a_dead_lease_is_free(kit, tables):
    instance = kit.instance(*(task(one, [day(0)], key=one) for one in tables))
    kit.sql("UPDATE queue SET slots = 1")
    kit.claim(instance)
    assert kit.claim(instance) is None

    kit.clock.advance(61)

    assert kit.claim(instance) is not None


def test_an_owned_instance_is_not_taken_by_a_daemon_and_the_ownerless_not_by_a_command(kit, tables):
    owned = kit.instance(task(tables[0], [day(0)]))
    free = kit.instance(task(tables[1], [day(0)]), holder=None)

    assert kit.claim(None).task.instance_id == free
    assert kit.claim(None) is None
    assert kit.claim(owned).task.instance_id == owned


def test_cancelling_ends_what_is_idle_and_leaves_what_runs(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1))
    running = kit.claim(instance)
    with kit.store.write() as tx:
        tx.request_cancel(instance)

    assert _states(kit, instance) == [TaskState.RUNNING, TaskState.CANCELLED]
    assert kit.claim(instance) is None
    _finish(kit, running, Outcome.CANCELLED, cancel_requested=True)
    assert _states(kit, instance) == [TaskState.CANCELLED, TaskState.CANCELLED]


def test_a_dead_command_loses_its_attempt_and_its_instance_ends(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1, after=(0,)))
    kit.claim(instance)

    with kit.store.write() as tx:
        tx.lose(kit.holder)

    assert _states(kit, instance) == [TaskState.CANCELLED, TaskState.CANCELLED]
    with kit.store.read() as view:
        assert view.attempts(instance)[0].outcome is Outcome.LOST
        assert {one.why for one in view.tasks(instance)} <= {"owner lost", "lost its holder"}
        assert view.holders() == []


def test_a_detached_instance_outlives_its_command(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), detached=True)
    kit.claim(instance)

    with kit.store.write() as tx:
        tx.lose(kit.holder)

    assert _states(kit, instance) == [TaskState.PENDING]
    daemon = new_holder(kit.store, "up")
    assert kit.claim(None, daemon) is not None


def test_losing_a_holder_twice_loses_nothing_more(kit, tables):
    kit.claim(kit.instance(task(tables[0], [day(0)])))
    with kit.store.write() as tx:
        tx.lose(kit.holder)
    before = kit.sql("SELECT attempt_id, outcome, ended_at FROM attempt")

    with kit.store.write() as tx:
        tx.lose(kit.holder)

    assert kit.sql("SELECT attempt_id, outcome, ended_at FROM attempt") == before
    assert before[0][1] == "lost"


def test_an_ended_holder_claims_nothing_and_hears_of_it_at_its_next_beat(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), holder=None, detached=True)
    holder = new_holder(kit.store)
    with kit.store.write() as tx:
        assert tx.beat(holder) == []
        tx.lose(holder)
    assert kit.claim(None, holder) is None
    with kit.store.write() as tx:
        assert tx.beat(holder) is None
    assert _states(kit, instance) == [TaskState.PENDING]
    assert kit.claim(None, new_holder(kit.store)) is not None


def test_holders_expire_by_their_lease_or_by_a_reboot(kit, tables):
    kit.claim(kit.instance(task(tables[0], [day(0)])))

    def expired() -> list[int]:
        with kit.store.write() as tx:
            return [one.holder_id for one in tx.expired_holders()]

    assert expired() == []
    kit.clock.advance(61)
    assert expired() == [kit.holder]
    with kit.store.write() as tx:
        tx.beat(kit.holder)
    assert expired() == []
    kit.clock.reboot("boot-2")
    assert expired() == [kit.holder]


def test_pins_live_with_their_holder(kit):
    with kit.store.write() as tx:
        first = tx.pin(kit.holder, 0, "query")
        tx.pin(kit.holder, 0, "query")
        tx.unpin(first)
    assert kit.sql("SELECT count(*) FROM pin") == [(1,)]
    with kit.store.write() as tx:
        tx.end_holder(kit.holder)
    assert kit.sql("SELECT count(*) FROM pin") == [(0,)]


IDLE = [TaskState.CREATED, TaskState.PENDING, TaskState.SUSPENDED]


@pytest.mark.parametrize("target", list(TaskState))
@pytest.mark.parametrize("source", IDLE)
def test_apply_takes_allowed_arrows_only(kit, tables, source, target):
    tasks = (task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1, after=(0,)))
    instance = kit.instance(*tasks)
    with kit.store.write() as tx:
        first, second = (one.task_id for one in tx.tasks(instance))
        moved = second if source is TaskState.CREATED else first
        if source is TaskState.SUSPENDED:
            tx.apply([Transition(task_id=first, from_state=TaskState.PENDING, to_state=TaskState.SUSPENDED)])
    arrow = Transition(task_id=moved, from_state=source, to_state=target)

    if target in ALLOWED[source] and target is not TaskState.RUNNING:
        with kit.store.write() as tx:
            tx.apply([arrow])
        assert target in _states(kit, instance)
        return
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.apply([arrow])
    assert (caught.value.code, caught.value.kind) == ("state_conflict", Kind.CONFLICT)


def test_a_stale_transition_changes_nothing_at_all(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(0)], key=1))
    first, second = (one[0] for one in kit.sql("SELECT task_id FROM task_instance ORDER BY task_id"))
    good = Transition(task_id=first, from_state=TaskState.PENDING, to_state=TaskState.SKIPPED)
    stale = Transition(task_id=second, from_state=TaskState.CREATED, to_state=TaskState.PENDING)

    with pytest.raises(MtctlError), kit.store.write() as tx:
        tx.apply([good, stale])

    assert _states(kit, instance) == [TaskState.PENDING, TaskState.PENDING]


def test_a_running_task_moves_for_its_own_attempt_only(kit, tables):
    claimed = kit.take(tables[0], [day(0)])
    for attempt_id in (None, claimed.attempt_id + 1):
        arrow = Transition(
            task_id=claimed.task.task_id,
            from_state=TaskState.RUNNING,
            to_state=TaskState.FAILED,
            attempt_id=attempt_id,
        )
        with pytest.raises(MtctlError), kit.store.write() as tx:
            tx.apply([arrow])


def test_every_transition_leaves_an_event(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]))
    kit.publish(kit.publication(kit.claim(instance), {day(0): "x"}))

    with kit.store.read() as view:
        found = [(one.detail["from"], one.detail["to"]) for one in view.events(instance) if one.kind == "task_state"]

    assert found == [("created", "pending"), ("pending", "running"), ("running", "success")]


def test_an_ended_instance_opens_again_when_a_task_is_reset(kit, tables):
    instance = kit.instance(task(tables[0], [day(0)]))
    claimed = kit.claim(instance)
    _finish(kit, claimed, Outcome.FAILED, retryable=False)
    assert _states(kit, instance) == [TaskState.FAILED]

    with kit.store.write() as tx:
        reset = Transition(task_id=claimed.task.task_id, from_state=TaskState.FAILED, to_state=TaskState.CREATED)
        tx.apply([reset])

    assert _states(kit, instance) == [TaskState.CREATED]


def test_claims_from_several_connections_never_take_one_table_twice(kit, tables):
    for number in range(3):
        for table_id in tables:
            kit.instance(task(table_id, [day(number)]), holder=None)
    stores = [kit.store, *(reopened(kit) for _ in range(3))]
    taken = []
    for turn in range(12):
        with stores[turn % 4].write() as tx:
            found = tx.claim(kit.holder, attempt_ulid=f"T{turn}", instance_id=None)
            taken += [found.task.table_id] if found else []

    assert sorted(taken) == sorted(tables)


def test_lists_find_instances_by_state_table_and_prefix(kit, tables):
    first = kit.instance(task(tables[0], [day(0)]))
    kit.instance(task(tables[1], [day(0)]))
    kit.publish(kit.publication(kit.claim(first), {day(0): "x"}))

    with kit.store.read() as view:
        done = view.instances(limit=10, state="success", table=None)
        of_b = view.instances(limit=10, state=None, table="B")
        newest = view.instances(limit=1, state=None, table=None)
        found = view.instance(done[0].ulid[:20].lower())
        nothing = view.instance("%")

    assert [one.instance_id for one in done] == [first]
    assert done[0].rows == 10
    assert done[0].state is InstanceState.SUCCESS
    assert [one.tasks for one in of_b] == [((TaskState.PENDING, 1),)]
    assert len(newest) == 1
    assert first in [one.instance_id for one in found]
    assert nothing == []
