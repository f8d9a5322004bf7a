"""Whose turn it is: order, ageing, slots, pauses, serial workflows, and Flower's rules of selection.

Flower's table (rows U1 to U8 and M1 to M12 of its upstream tests and of what its selection was measured to do) is
repeated where it is sane. Where we differ, the test says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import Kit, day, definition, full, kit_at, new_holder, noop, task
from strategies import a_part

from mtctl.core.advance import retry
from mtctl.core.errors import MtctlError
from mtctl.core.states import Outcome, TaskState, Transition
from mtctl.store import work
from mtctl.store.statements import statement
from mtctl.store.turns import RANK_STEPS, STEP, turn_at

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.ports import Claimed

MINUTE = 60


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def slots(kit: Kit, number: int, queue: str = "default") -> None:
    with kit.store.write() as tx:
        tx.put_queue(queue, slots=number, memory=None, threads=None)


def names(kit: Kit, most: int = 99) -> list[str]:
    """Claim until nothing can go, and tell whose turn it was."""
    found = []
    while len(found) < most and (claimed := kit.claim(None)) is not None:
        found.append(claimed.task.name)
    return found


def move(kit: Kit, claimed: Claimed | int, source: TaskState, target: TaskState) -> None:
    task_id = claimed if isinstance(claimed, int) else claimed.task.task_id
    with kit.store.write() as tx:
        tx.apply([Transition(task_id=task_id, from_state=source, to_state=target, why="operator")])
        tx.advance_below(task_id)


# --- order ----------------------------------------------------------------------------------------------------------


def test_the_smaller_priority_goes_first_then_the_older(kit):
    kit.add(noop(name="old"))
    kit.add(noop(name="late", priority=19), noop(1, name="soon", priority=-20), noop(2, name="young"))

    assert names(kit) == ["soon", "old", "young", "late"]


def test_ranks_go_before_each_other_but_not_for_ever(kit):
    kit.add(noop(name="backfill"), rank=3)
    kit.add(noop(name="catch-up"), rank=2)
    kit.add(noop(name="scheduled"), rank=1)
    kit.add(noop(name="manual"), rank=0)
    with kit.store.read() as view:
        assert [one.name for one in view.pending_tasks(None, 9)] == ["manual", "scheduled", "catch-up", "backfill"]
        assert [one.name for one in view.pending_tasks(1, 9)] == ["backfill"]

    kit.clock.advance(3 * RANK_STEPS * MINUTE)
    kit.add(noop(name="young"), rank=0)
    kit.clock.advance(1)
    kit.add(noop(name="younger"), rank=0)

    assert names(kit) == ["manual", "scheduled", "catch-up", "backfill", "young", "younger"]


@given(rank=st.integers(0, 3), priority=st.integers(-20, 19), other=st.integers(-20, 19))
def test_nothing_starves_behind_what_arrives_later(rank, priority, other):
    waited = turn_at(0, rank, priority)

    assert waited < turn_at((3 * RANK_STEPS + 40) * STEP, 0, other)
    assert turn_at(0, rank, -20) < turn_at(0, rank + 1, -20)
    assert turn_at(0, rank, 19) < turn_at(0, rank + 1, -20), "a rank is worth all priorities"


def test_a_retry_gets_its_turn_anew(kit):
    first = kit.add(noop(name="first", priority=2), rank=1)
    failed = kit.claim(None)
    kit.end(failed, Outcome.FAILED, retryable=False)
    kit.clock.advance(10 * MINUTE)
    kit.add(noop(name="second", priority=2), rank=1)
    kit.clock.advance(1)

    with kit.store.write() as tx:
        tx.apply([Transition(task_id=failed.task.task_id, from_state=TaskState.FAILED, to_state=TaskState.CREATED)])
        tx.advance(first)
    assert kit.sql("SELECT turn_at, ready_at FROM task_instance WHERE name = 'first'") == [
        (turn_at(kit.clock.now(), 1, 2), kit.clock.now())
    ]
    assert names(kit) == ["second", "first"]


def test_a_try_that_waits_keeps_its_turn(kit):
    kit.add(noop(name="old"))
    kit.end(kit.claim(None), Outcome.FAILED, jitter=1.0)
    kit.clock.advance(1)
    kit.add(noop(name="young"))
    assert kit.sql("SELECT name FROM task_instance ORDER BY turn_at") == [("old",), ("young",)]

    assert names(kit) == ["young"], "it waits"
    kit.clock.advance(31)
    assert names(kit) == ["old"]


def test_next_ready_tells_when_to_look_again(kit):
    with kit.store.read() as view:
        assert view.next_ready() is None
    kit.add(noop(), holder_id=kit.holder)
    with kit.store.read() as view:
        assert view.next_ready() is None, "somebody owns it"
    one = kit.add(noop())
    with kit.store.write() as tx:
        tx.postpone(tx.tasks(one)[0].task_id, ready_at=tx.now + 5, why="later", waits_for=None)
        assert tx.next_ready() == tx.now + 5


# --- slots, queues, pauses ------------------------------------------------------------------------------------------


def test_queues_have_their_own_slots(kit):
    slots(kit, 1, "small")
    slots(kit, 2)
    kit.add(*(noop(number, name=f"s{number}", queue="small", priority=-20) for number in range(3)))
    kit.add(*(noop(number, name=f"d{number}") for number in range(3)))

    assert names(kit) == ["s0", "d0", "d1"]
    with kit.store.read() as view:
        default, small = view.queues()
    assert (default.name, default.running, default.waiting, default.holders) == ("default", 2, 1, ("refresh",))
    assert (small.name, small.running, small.waiting) == ("small", 1, 2)


def test_a_paused_queue_gives_nothing_out_and_the_others_go_on(kit):
    slots(kit, 1, "small")
    kit.add(noop(name="s", queue="small", priority=-20), noop(1, name="d"))
    with kit.store.write() as tx:
        assert tx.pause_queue("small", paused=True, why="disk full") is True
        assert tx.pause_queue("small", paused=True, why="again") is False
        assert [(one.name, one.paused, one.paused_why) for one in tx.queues()] == [
            ("default", False, ""),
            ("small", True, "disk full"),
        ]
    assert names(kit) == ["d"]
    with kit.store.write() as tx:
        assert tx.pause_queue("small", paused=False, why="") is True
    assert names(kit) == ["s"]


@a_part(0.4)
@given(
    room=st.integers(1, 3),
    steps=st.lists(st.sampled_from(["claim", "success", "fail", "lose", "late"]), min_size=1, max_size=25),
)
def test_slots_are_never_exceeded_by_live_leases(tmp_path_factory, room, steps):
    kit = kit_at(tmp_path_factory.mktemp("slots"))
    slots(kit, room)
    kit.add(*(noop(number, max_tries=9) for number in range(40)))
    held: list[Claimed] = []
    for step in steps:
        match step:
            case "claim":
                found = kit.claim(None)
                held += [found] if found is not None else []
            case "success" if held:
                kit.end(held.pop())
            case "fail" if held:
                kit.end(held.pop(0), Outcome.FAILED, retryable=False)
            case "lose":
                with kit.store.write() as tx:
                    tx.lose(kit.holder)
                kit.holder, held = new_holder(kit.store), []
            case "late":
                kit.clock.advance(61)
        live = kit.sql(
            "SELECT count(*) FROM attempt WHERE outcome IS NULL AND lease_until > ?", kit.clock.boottime()
        )[0][0]
        assert isinstance(live, int)
        assert live <= room
    if kit.sql("SELECT count(*) FROM attempt WHERE outcome IS NULL") == [(0,)]:
        assert kit.claim(None) is not None, "no slot leaks"
    kit.store.close()


def test_an_instance_runs_no_more_at_once_than_it_may(kit):
    one = kit.add(*(noop(number) for number in range(4)), max_parallel=2)
    first = kit.claim(None)
    kit.claim(one)

    assert kit.claim(None) is None
    assert kit.claim(one) is None
    kit.end(first)
    assert kit.claim(None) is not None


def test_the_claim_walks_an_index_and_sorts_nothing(kit):
    for name in ("turns.pick", "turns.pick_of_instance"):
        text = statement(name)
        bindings = dict.fromkeys(re.findall(r":([a-z_0-9]+)", text))
        plan = [str(line[3]) for line in kit.store._connection.execute("EXPLAIN QUERY PLAN " + text, bindings)]
        assert not [line for line in plan if "TEMP B-TREE" in line], plan
        assert [line for line in plan if line.startswith("SCAN")] == ["SCAN q"], plan


def test_a_full_or_paused_queue_costs_no_look_at_its_tasks(kit):
    kit.add(*(noop(number) for number in range(2000)))
    slots(kit, 1)
    kit.claim(None)

    def steps() -> int:
        """How many steps of SQLite's machine a look takes."""
        count = 0

        def tick() -> bool:
            nonlocal count
            count += 1
            return False

        kit.store._connection.set_progress_handler(tick, 10)
        with kit.store.read() as view:
            assert view.next_task(None) is None
        kit.store._connection.set_progress_handler(None)
        return count * 10

    assert steps() < 400
    with kit.store.write() as tx:
        tx.put_queue("default", slots=5, memory=None, threads=None)
        tx.pause_queue("default", paused=True, why="")
    assert steps() < 400


# --- serial workflows -----------------------------------------------------------------------------------------------


def test_serial_instances_of_a_workflow_go_one_after_the_other(kit):
    one, other = kit.workflow("w"), kit.workflow("x")
    made = [kit.add(noop(name=f"w{number}"), workflow_id=one, serial=True) for number in range(3)]
    kit.add(noop(name="x"), workflow_id=other, serial=True)
    kit.add(noop(name="beside"), workflow_id=one)

    first = kit.claim(made[0])
    assert names(kit) == ["x", "beside"]
    kit.end(first)
    second = kit.claim(None)
    assert second.task.instance_id == made[1]
    assert kit.claim(made[2]) is None
    kit.end(second, Outcome.FAILED, retryable=False)
    assert kit.claim(None).task.instance_id == made[2], "the one that failed has ended too"


def test_an_older_instance_that_is_tried_again_waits_for_what_a_newer_one_runs(kit):
    one = kit.workflow("w")
    older, newer = (kit.add(noop(), noop(1, after=(0,)), workflow_id=one, serial=True) for _ in range(2))
    kit.end(kit.claim(older), Outcome.FAILED, retryable=False)
    running = kit.claim(None)
    assert running.task.instance_id == newer
    with kit.store.write() as tx:
        tx.apply(retry(work.nodes(tx.session, older)))
        tx.advance(older)

    assert kit.claim(None) is None, "one at a time"
    kit.end(running)
    assert kit.claim(None).task.instance_id == older, "then the older one, before the newer one's next task"
    assert kit.claim(None) is None


def test_a_cancelled_older_instance_lets_the_next_go(kit):
    one = kit.workflow("w")
    first, second = (kit.add(noop(), workflow_id=one, serial=True) for _ in range(2))
    with kit.store.write() as tx:
        tx.request_cancel(first)

    assert kit.states(first) == ["cancelled"]
    assert kit.claim(None).task.instance_id == second


def test_a_task_whose_end_is_asked_for_is_not_claimed_before_that_is_forgotten(kit):
    one = kit.add(noop(), noop(1))
    first = kit.claim(one)
    with kit.store.write() as tx:
        tx.request_task_cancel(first.task.task_id)
        assert tx.cancel_requested(first.task.task_id)
        assert not tx.cancel_requested(first.task.task_id + 1)
    assert [task.cancel_requested for task in kit.tasks(one)] == [True, False]

    kit.end(first, Outcome.RELEASED)
    assert kit.claim(one).task.task_id == first.task.task_id + 1
    assert kit.claim(one) is None
    with kit.store.write() as tx:
        tx.clear_cancel(one)
    assert kit.claim(one).task.task_id == first.task.task_id


# --- Flower ---------------------------------------------------------------------------------------------------------


def chain(kit: Kit, name: str, length: int = 2, **changes: object) -> int:
    """A flow of steps, each after the one before."""
    steps = (noop(n, name=f"{name}#{n + 1}", after=(n - 1,) if n else (), **changes) for n in range(length))
    return kit.add(*steps)


def test_u1_u2_u3_a_step_goes_when_the_one_before_it_is_done(kit):
    chain(kit, "f")
    first = kit.claim(None)
    assert first.task.name == "f#1"
    assert kit.claim(None) is None, "U3: it runs"
    kit.end(first)
    assert names(kit) == ["f#2"]


def test_u4_flows_go_side_by_side(kit):
    chain(kit, "f")
    chain(kit, "g")
    assert names(kit) == ["f#1", "g#1"]


def test_u5_m12_one_program_at_a_time_holds_for_tables_and_serial_workflows_only(kit):
    # Flower takes one row a program and yet runs it twice (M12) once the first runs. We promise it where it matters:
    # one writer a table, whatever runs; programs side by side unless their workflow is serial.
    table = kit.put(full("t"))["t"]
    for _ in range(2):
        kit.instance(task(table, [day(0)]), holder=None)
    assert names(kit) == [f"t{table}"]
    kit.add(noop(name="a"))
    kit.add(noop(name="a"))
    assert names(kit) == ["a", "a"]


def test_u6_m1_the_older_goes_first_however_far_it_is(kit):
    # Flower prefers the more advanced flow, with one slot the less advanced one (M1). We go by turn: by age.
    slots(kit, 1)
    chain(kit, "f")
    chain(kit, "g")
    kit.end(kit.claim(None))
    assert names(kit) == ["f#2"]


def test_m2_m3_priorities_order_what_waits(kit):
    slots(kit, 2)
    kit.add(noop(name="a", priority=10), noop(1, name="b", priority=-5), noop(2, name="c"))
    assert names(kit) == ["b", "c"]


def test_m4_priority_beats_the_place_in_the_flow(kit):
    # Flower's place in the flow beats priority; here the number that a person wrote counts.
    chain(kit, "f", priority=-20)
    kit.end(kit.claim(None))
    chain(kit, "g", priority=19)
    assert names(kit, most=1) == ["f#2"]


def test_m5_m6_what_runs_counts_for_the_limit(kit):
    slots(kit, 2)
    kit.add(noop(name="a"), noop(1, name="b"), noop(2, name="c"))
    assert kit.claim(None).task.name == "a"
    assert names(kit) == ["b"], "M5"
    assert names(kit) == [], "M6"


def test_m7_a_held_predecessor_holds_what_follows(kit):
    one = chain(kit, "f")
    move(kit, kit.tasks(one)[0].task_id, TaskState.PENDING, TaskState.SUSPENDED)
    assert names(kit) == []


def test_m8_a_skipped_predecessor_lets_what_follows_go(kit):
    # Flower blocks for ever behind a row that is ignored; its own README says otherwise. Skipped counts as done.
    one = chain(kit, "f")
    move(kit, kit.tasks(one)[0].task_id, TaskState.PENDING, TaskState.SKIPPED)
    assert names(kit) == ["f#2"]


def test_m9_a_failed_predecessor_that_a_person_skips_lets_what_follows_go_once_it_is_asked_again(kit):
    # Flower: set to finished by hand. A failure cancels what follows here, so that is reset with it.
    one = chain(kit, "f")
    kit.end(kit.claim(None), Outcome.FAILED, retryable=False)
    first, second = kit.tasks(one)
    assert second.state is TaskState.CANCELLED
    with kit.store.write() as tx:
        tx.apply(
            [
                Transition(task_id=first.task_id, from_state=TaskState.FAILED, to_state=TaskState.SKIPPED),
                Transition(task_id=second.task_id, from_state=TaskState.CANCELLED, to_state=TaskState.CREATED),
            ]
        )
        tx.advance(one)
    assert names(kit) == ["f#2"]


def test_m10_a_predecessor_that_is_reset_goes_again(kit):
    one = chain(kit, "f")
    kit.end(kit.claim(None))
    first, second = kit.tasks(one)
    with kit.store.write() as tx:
        tx.apply([Transition(task_id=second.task_id, from_state=TaskState.PENDING, to_state=TaskState.SUSPENDED)])
        tx.apply([Transition(task_id=first.task_id, from_state=TaskState.SUCCESS, to_state=TaskState.CREATED)])
        tx.advance(one)
    assert names(kit) == ["f#1"]


def test_m11_a_dependency_that_does_not_exist_is_refused_at_the_insert(kit):
    # Flower runs the row all the same; here an edge has two ends.
    with pytest.raises(KeyError):
        kit.add(noop(0, after=(7,)))
    assert kit.sql("SELECT count(*) FROM task_instance") == [(0,)]


def test_u7_u8_a_claim_is_running_and_cannot_be_claimed_again(kit):
    one = kit.add(noop())
    claimed = kit.claim(one)
    (found,) = kit.tasks(one)
    assert (found.state, found.started_at, found.tries) == (TaskState.RUNNING, kit.clock.now(), 1)
    assert found.attempt_id == claimed.attempt_id
    assert kit.claim(one) is None


def test_a_queue_that_is_not_there_takes_no_work(kit):
    with pytest.raises(MtctlError) as caught:
        kit.add(noop(queue="nowhere"))
    assert caught.value.code == "queue_unknown"


def test_tables_and_programs_share_slots(kit):
    table = kit.put(definition("t"))["t"]
    slots(kit, 1)
    kit.instance(task(table, [day(0)]), holder=None)
    kit.add(noop(name="p"))
    assert names(kit) == [f"t{table}"]
