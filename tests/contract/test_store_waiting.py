"""Tasks that wait: for a time, for a table; intervals written down at the first claim; parts split off; programs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from store_kit import Kit, day, days, definition, full, kit_at, new_holder, noop, task

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import EMPTY, IntervalSet
from mtctl.core.model import Read
from mtctl.core.states import Outcome, TaskState
from mtctl.core.values import replace
from mtctl.core.workflow import TaskKind
from mtctl.ports import NewTask
from mtctl.store import claims
from mtctl.store.liveness import LockFolder


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def refresh(table_id: int, key: int = 0, **changes: object) -> NewTask:
    parts: dict[str, object] = {"key": key, "name": "t", "table_id": table_id, "max_tries": 3}
    return NewTask(**(parts | changes))  # type: ignore[arg-type]


# --- what goes in and comes back ------------------------------------------------------------------------------------


def test_a_task_comes_back_as_it_was_given(kit):
    spec = {"task": {"name": "p", "argv": ["ä", "${x}"]}}
    made = kit.add(
        noop(
            name="p",
            spec=spec,
            timeout=5_000_000,
            retry_lost=False,
            priority=-7,
            forced=True,
            reasons=(("asked", 1),),
        ),
        variables={"x": "1"},
        key="mine",
        fire_at=500,
        logical_date=400,
        batch="b",
    )

    (found,) = kit.tasks(made)
    claimed = kit.claim(None)
    assert claimed is not None
    with kit.store.read() as view:
        instance = view.instance_by_key("mine")
        assert view.instance_by_key("other") is None
        assert view.instances_by_id([made, 99]) == {made: instance}

    assert (found.kind, found.spec, found.timeout) == (TaskKind.COMMAND, spec, 5_000_000)
    assert (found.retry_lost, found.priority, found.forced) == (False, -7, True)
    assert (found.intervals, found.batch, found.table_id, found.queue) == (None, None, None, "default")
    assert (claimed.spec, claimed.variables, claimed.table_or_none) == (spec, {"x": "1"}, None)
    assert claimed.requested_at == 500
    with pytest.raises(RuntimeError):
        _ = claimed.table
    assert (instance.key, instance.fire_at, instance.logical_date, instance.variables) == ("mine", 500, 400, {"x": "1"})


def test_the_same_key_is_the_same_instance(kit):
    first = kit.add(noop(), key="k")

    assert kit.add(noop(), noop(1), key="k") == first
    assert kit.sql("SELECT count(*) FROM workflow_instance") == [(1,)]
    assert kit.sql("SELECT count(*) FROM task_instance") == [(1,)]


# --- programs -------------------------------------------------------------------------------------------------------


def test_a_program_succeeds_without_a_publish(kit):
    one = kit.add(noop(), noop(1, after=(0,)))
    claimed = kit.claim(None)

    assert kit.end(claimed)

    assert kit.states(one) == ["success", "pending"]
    with kit.store.read() as view:
        (attempt,) = view.attempts(one)
    assert (attempt.outcome, attempt.snapshot_id) == (Outcome.SUCCESS, None)
    assert (attempt.error_code, attempt.error) == (None, None)
    assert kit.end(claimed) is False
    kit.end(kit.claim(None))
    with kit.store.read() as view:
        kinds = [(one.kind, one.detail.get("to")) for one in view.events(one)]
    assert kinds[-2:] == [("task_state", "success"), ("instance_state", "success")]


def test_a_refresh_cannot_succeed_without_a_publish(kit):
    claimed = kit.take(kit.put(definition("a"))["a"], [day(0)])

    with pytest.raises(MtctlError) as caught:
        kit.end(claimed)

    assert caught.value.code == "finish_unpublished"
    assert kit.states(claimed.task.instance_id) == ["running"]


def test_a_program_that_must_not_run_twice_fails_when_its_worker_dies(kit):
    one = kit.add(noop(retry_lost=False), noop(1, after=(0,)))
    kit.claim(None)

    with kit.store.write() as tx:
        tx.lose(kit.holder)

    first, second = kit.tasks(one)
    assert (first.state, first.why) == (TaskState.FAILED, claims.UNKNOWN_OUTCOME)
    assert second.state is TaskState.CANCELLED


def test_what_kills_its_worker_again_and_again_is_quarantined(kit):
    one = kit.add(noop(max_tries=9))
    for _ in range(3):
        assert kit.claim(None) is not None
        with kit.store.write() as tx:
            tx.lose(kit.holder)
        kit.holder = new_holder(kit.store)

    (found,) = kit.tasks(one)
    assert (found.state, found.tries) == (TaskState.FAILED, 3)
    assert found.why == "quarantined: 3 workers died with it"


def test_a_lost_try_of_a_dropped_table_is_not_tried_again(kit):
    table = kit.put(definition("a"))["a"]
    one = kit.instance(task(table, [day(0)]), holder=None, detached=True)
    kit.claim(None)
    with kit.store.write() as tx:
        tx.drop_tables([table])
        tx.lose(kit.holder)

    assert [(found.state, found.why) for found in kit.tasks(one)] == [(TaskState.CANCELLED, "table dropped")]


def test_a_released_try_of_a_dropped_table_is_not_tried_again(kit):
    table = kit.put(definition("a"))["a"]
    one = kit.instance(task(table, [day(0)]), holder=None, detached=True)
    claimed = kit.claim(None)
    with kit.store.write() as tx:
        tx.drop_tables([table])
    kit.end(claimed, Outcome.RELEASED)

    assert kit.states(one) == ["cancelled"]


# --- waiting --------------------------------------------------------------------------------------------------------


def test_a_postponed_task_waits_for_its_time(kit):
    one = kit.add(noop())
    (waiting,) = kit.tasks(one)
    with kit.store.write() as tx:
        tx.postpone(waiting.task_id, ready_at=tx.now + 15_000_000, why="waits for table up", waits_for=None)
    (found,) = kit.tasks(one)
    assert (found.state, found.why) == (TaskState.PENDING, "waits for table up")
    assert found.ready_at == kit.clock.now() + 15_000_000
    assert kit.claim(None) is None

    kit.clock.advance(15)
    assert kit.claim(None) is not None
    assert kit.tasks(one)[0].why == ""
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.postpone(waiting.task_id, ready_at=tx.now, why="x", waits_for=None)
    assert (caught.value.code, caught.value.kind) == ("state_conflict", Kind.CONFLICT)


def test_a_publish_wakes_what_waits_for_the_table(kit):
    ids = kit.put(definition("up"), definition("other"), full("down", reads=(Read(table="up"),)))
    one = kit.add(refresh(ids["down"]))
    (waiting,) = kit.tasks(one)
    with kit.store.write() as tx:
        tx.postpone(waiting.task_id, ready_at=tx.now + 10**9, why="waits for up", waits_for=ids["up"])
    kit.refresh(ids["other"], {day(0): "x"})
    assert kit.tasks(one)[0].waits_for == ids["up"]

    kit.refresh(ids["up"], {day(0): "x"}, empty=frozenset([day(0)]))

    (woken,) = kit.tasks(one)
    assert (woken.ready_at, woken.why, woken.waits_for) == (kit.clock.now(), "", None)
    assert kit.claim(None).task.task_id == waiting.task_id


# --- intervals ------------------------------------------------------------------------------------------------------


def test_intervals_are_fixed_once_and_every_try_does_the_same(kit):
    table = kit.put(definition("a"))["a"]
    one = kit.add(refresh(table))
    (open_task,) = kit.tasks(one)
    assert (open_task.intervals, open_task.batch) == (None, None)
    wanted = IntervalSet.of([day(0), day(2)])
    with kit.store.write() as tx:
        assert tx.open_intervals(table) == EMPTY
        tx.fix_intervals(open_task.task_id, wanted, 2)
        assert tx.open_intervals(table) == wanted

    claimed = kit.claim(None)
    assert (claimed.task.intervals, claimed.task.interval_count) == (wanted, 2)
    assert (claimed.task.batch.start, claimed.task.batch.end) == (day(0).start, day(2).end)
    kit.end(claimed, Outcome.RELEASED)
    assert kit.claim(None).task.intervals == wanted
    with pytest.raises(MtctlError, match="fixed already"), kit.store.write() as tx:
        tx.fix_intervals(open_task.task_id, EMPTY, 0)


def test_nothing_to_do_can_be_fixed_too(kit):
    one = kit.add(refresh(kit.put(definition("a"))["a"]))
    with kit.store.write() as tx:
        tx.fix_intervals(tx.tasks(one)[0].task_id, EMPTY, 0)

    assert kit.tasks(one)[0].intervals == EMPTY


def test_a_part_that_is_split_off_has_the_same_edges_and_turn(kit):
    ids = kit.put(definition("a"), definition("b"), definition("c"))
    one = kit.instance(
        task(ids["a"], days(0, 4)),
        task(ids["b"], days(0, 4), key=1, after=(0,)),
        task(ids["c"], days(0, 4), key=2, after=(1,)),
        holder=None,
    )
    kit.publish(kit.publication(kit.claim(None), dict.fromkeys(days(0, 4), "x")))
    first, middle, last = kit.tasks(one)
    with kit.store.write() as tx:
        part = tx.split_task(middle.task_id, IntervalSet.of(days(2, 4)), 2)

    _, kept, last, rest = kit.tasks(one)
    assert rest.task_id == part
    assert (kept.intervals, kept.interval_count) == (IntervalSet.of(days(0, 2)), 2)
    assert (rest.intervals, rest.interval_count, rest.state) == (IntervalSet.of(days(2, 4)), 2, TaskState.PENDING)
    assert (rest.batch.start, rest.batch.end) == (day(2).start, day(3).end)
    assert rest.upstream == (first.task_id,)
    assert last.upstream == (middle.task_id, part)
    assert replace(rest, task_id=0, intervals=EMPTY, interval_count=0, batch=None) == replace(
        kept, task_id=0, intervals=EMPTY, interval_count=0, batch=None
    )
    assert kit.sql("SELECT count(DISTINCT turn_at) FROM task_instance") == [(1,)]

    kit.publish(kit.publication(kit.claim(None), dict.fromkeys(days(0, 2), "x")))
    assert kit.tasks(one)[2].state is TaskState.CREATED, "it waits for both"
    kit.publish(kit.publication(kit.claim(None), dict.fromkeys(days(2, 4), "x")))
    assert kit.tasks(one)[2].state is TaskState.PENDING


@pytest.mark.parametrize("rest", [days(0, 4), [day(9)], []], ids=["all", "outside", "nothing"])
def test_only_a_real_part_can_be_split_off(kit, rest):
    table = kit.put(definition("a"))["a"]
    one = kit.instance(task(table, days(0, 4)), holder=None)
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.split_task(tx.tasks(one)[0].task_id, IntervalSet.of(rest), 1)
    assert caught.value.code == "split_outside"

    kit.claim(None)
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.split_task(tx.tasks(one)[0].task_id, IntervalSet.of([day(0)]), 1)
    assert caught.value.code == "state_conflict"


# --- process groups -------------------------------------------------------------------------------------------------


def _started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_groups_of_a_holder_are_known_until_they_end(kit):
    with kit.store.write() as tx:
        tx.add_group(kit.holder, 70_001, 5)
        tx.add_group(kit.holder, 70_002, 6)
        tx.add_group(kit.holder, 70_002, 7)
        tx.drop_group(kit.holder, 70_001)
        assert tx.holders()[0].groups == ((70_002, 7),)
        tx.lose(kit.holder)
    assert kit.sql("SELECT count(*) FROM holder_group") == [(0,)]


def test_a_dead_holders_programs_end_and_a_strangers_do_not(kit, tmp_path):
    ours, strange, orphaned = (
        subprocess.Popen(command, start_new_session=True, env={"PATH": os.environ["PATH"], "MTCTL_ATTEMPT": "A"})
        for command in (["sleep", "60"], ["sleep", "60"], ["sh", "-c", "sleep 60 & exit 0"])
    )
    orphaned.wait()
    folder = LockFolder(tmp_path, "boot-1")
    with kit.store.write() as tx:
        tx.add_group(kit.holder, ours.pid, _started(ours.pid))
        tx.add_group(kit.holder, strange.pid, _started(strange.pid) - 1)
        tx.add_group(kit.holder, orphaned.pid, 5)
        (holder,) = tx.holders()

    folder.bury(replace(holder, boot_id="boot-0"))
    assert ours.poll() is None, "another boot: the ids are somebody else's"
    folder.bury(holder)

    assert ours.wait(5) == -signal.SIGKILL
    assert strange.poll() is None, "a recycled id"
    strange.kill()
    strange.wait()
    _wait_until_gone(orphaned.pid)


def _wait_until_gone(group: int) -> None:
    """Wait until no process of the group lives; a dead one may stay until whoever inherited it looks."""
    for _ in range(1000):
        alive = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        if not [line for line in alive.splitlines() if int(line.split()[0]) == group and "Z" not in line]:
            return
    pytest.fail("a child without a leader lives on")
