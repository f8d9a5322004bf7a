"""The next task is claimed in the transaction that ends the one before: what that may never change."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from flow_kit import new_ulid
from store_kit import Kit, day, definition, kit_at, new_holder, noop, task

from mtctl.core.states import TaskState
from mtctl.services.dispatcher import Dispatcher
from mtctl.services.ending import Ended, Endings
from mtctl.services.running import TaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.ports.changes import Claimed
    from mtctl.services.reports.running import TaskEvent


class _Desk:
    """A dispatcher with its real runner and endings over tasks that do nothing."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.ran: list[str] = []
        self.writes = 0
        self.stop = threading.Event()
        self.work: Callable[[Claimed], None] = lambda _: None
        self.hear: Callable[[TaskEvent], None] = lambda _: None
        self.fails: set[str] = set()
        self.holder: Any = SimpleNamespace(holder_id=kit.holder, lost=False, new_ulid=new_ulid)
        watch: Any = SimpleNamespace(begin=lambda _: None, end=lambda: None, why=None)
        limits: Any = SimpleNamespace(set=lambda _: None, lift=lambda: None)
        store: Any = SimpleNamespace(read=kit.store.read, write=self._write)
        self.endings = Endings(store, kit.clock, watch)
        actor: Any = SimpleNamespace(run=self._run)
        worker: Any = SimpleNamespace(run=self._run)
        runner = TaskRunner(
            worker=worker, actor=lambda: actor, watch=watch, limits=limits, endings=self.endings, clock=kit.clock
        )
        self.dispatcher = Dispatcher(
            store=store, runner=runner, clock=kit.clock, holder=self.holder, stop=self.stop, sweep=lambda: 0,
            observe=lambda _: None, on_event=self._tell,
        )  # fmt: skip

    def _tell(self, event: TaskEvent) -> None:
        self.hear(event)

    def _write(self) -> Any:
        self.writes += 1
        return self.kit.store.write()

    def _run(self, claimed: Claimed, *_: object) -> Ended:
        self.ran.append(claimed.task.name)
        self.work(claimed)
        if claimed.task.name in self.fails or claimed.task.table_id is not None:
            return self.endings.superseded(claimed, "the test says so", 0)
        return self.endings.succeeded(claimed, 0)

    def attempts(self) -> list[tuple[str, str]]:
        found = self.kit.sql(
            "SELECT t.name, a.outcome FROM attempt a JOIN task_instance t USING (task_id) ORDER BY a.attempt_id"
        )
        return [(str(name), str(outcome)) for name, outcome in found]


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    return _Desk(kit_at(tmp_path))


def test_an_end_and_the_next_claim_are_one_transaction(desk: _Desk) -> None:
    one = desk.kit.add(*(noop(key) for key in range(5)))
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0", "n1", "n2", "n3", "n4"]
    assert desk.kit.states(one) == ["success"] * 5
    assert desk.writes == 6, "the first claim, four ends that claim, one end"


def test_what_waited_for_the_task_that_ends_goes_with_its_end(desk: _Desk) -> None:
    desk.kit.add(noop(0), noop(1, after=(0,)), noop(2, after=(1,)))
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0", "n1", "n2"]
    assert desk.writes == 4


def test_a_task_that_was_claimed_before_a_stop_and_has_not_begun_is_given_back(desk: _Desk) -> None:
    one = desk.kit.add(noop(0), noop(1))
    desk.hear = lambda event: desk.stop.set() if event.kind == "success" else None
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0"]
    assert desk.kit.states(one) == ["success", "pending"]
    assert desk.kit.tasks(one)[1].tries == 0
    assert desk.attempts() == [("n0", "success"), ("n1", "released")]


def test_a_stop_that_comes_while_a_task_runs_lets_nothing_be_claimed_with_its_end(desk: _Desk) -> None:
    one = desk.kit.add(noop(0), noop(1))
    desk.work = lambda _: desk.stop.set()
    desk.dispatcher.run_ownerless()
    assert desk.kit.states(one) == ["success", "pending"]
    assert desk.attempts() == [("n0", "success")]


def test_leases_that_are_lost_let_nothing_more_begin(desk: _Desk) -> None:
    one = desk.kit.add(noop(0), noop(1))

    def lose(event: TaskEvent) -> None:
        desk.holder.lost = event.kind == "success"

    desk.hear = lose
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0"]
    assert desk.kit.states(one) == ["success", "pending"]


def test_trouble_between_two_tasks_gives_the_second_back(desk: _Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, retry_lost=False))

    def hear(event: TaskEvent) -> None:
        if event.kind == "success":
            raise BrokenPipeError

    desk.hear = hear
    with pytest.raises(BrokenPipeError):
        desk.dispatcher.run_ownerless()
    assert desk.kit.states(one) == ["success", "pending"], "it has not begun, so it may be tried again"
    desk.hear = lambda _: None
    desk.dispatcher.run_ownerless()
    assert desk.kit.states(one) == ["success", "success"]


def test_a_refresh_is_judged_in_a_transaction_of_its_own(desk: _Desk) -> None:
    table = desk.kit.put(definition("days"))["days"]
    seen: list[list[str]] = []
    one = desk.kit.add(noop(0))
    two = desk.kit.instance(task(table, [day(0)]), holder=None, detached=True)
    desk.hear = lambda event: seen.append(desk.kit.states(two)) if event.kind == "success" else None
    desk.fails = {"days"}
    desk.work = lambda claimed: desk.stop.set() if claimed.task.table_id else None
    desk.dispatcher.run_ownerless()
    assert seen == [["pending"]]
    assert desk.ran == ["n0", f"t{table}"]
    assert desk.kit.states(one) == ["success"]


def test_an_attempt_that_did_not_end_well_claims_nothing_with_its_end(desk: _Desk) -> None:
    desk.kit.add(noop(0), noop(1))
    desk.fails = {"n0"}
    desk.work = lambda _: desk.fails.clear() if "n0" in desk.ran[:-1] else None
    found: list[int] = []
    desk.hear = lambda event: found.append(_running(desk)) if event.kind == "superseded" else None
    desk.dispatcher.run_ownerless()
    assert found == [0]
    assert sorted(set(desk.ran)) == ["n0", "n1"]


def test_the_slot_that_an_end_frees_is_taken_once(desk: _Desk) -> None:
    with desk.kit.store.write() as tx:
        tx.put_queue("default", slots=1, memory=None, threads=None)
    desk.kit.add(*(noop(key) for key in range(4)))
    other = new_holder(desk.kit.store)
    refused: list[object] = []

    def hear(event: TaskEvent) -> None:
        if event.kind == "success" and event.table != "n3":
            assert _running(desk) == 1
            refused.append(desk.kit.claim(None, holder=other))

    desk.hear = hear
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0", "n1", "n2", "n3"]
    assert refused == [None, None, None]


def test_a_queue_that_was_paused_meanwhile_gives_nothing_with_an_end(desk: _Desk) -> None:
    one = desk.kit.add(noop(0), noop(1))

    def pause(_: object) -> None:
        with desk.kit.store.write() as tx:
            tx.pause_queue("default", paused=True, why="test")

    desk.work = pause
    desk.dispatcher.run_ownerless()
    assert desk.kit.states(one) == ["success", "pending"]


def test_a_cancel_request_for_the_next_task_holds(desk: _Desk) -> None:
    one = desk.kit.add(noop(0))
    two = desk.kit.add(noop(1))

    def cancel(_: object) -> None:
        with desk.kit.store.write() as tx:
            tx.request_cancel(two)

    desk.work = cancel
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0"]
    assert desk.kit.states(one) == ["success"]
    assert desk.kit.states(two) == ["cancelled"]


def test_the_turn_of_what_came_meanwhile_is_kept(desk: _Desk) -> None:
    desk.kit.add(noop(0), noop(2))

    def add(claimed: Claimed) -> None:
        if claimed.task.name == "n0":
            desk.kit.add(noop(1, priority=-5))

    desk.work = add
    desk.dispatcher.run_ownerless()
    assert desk.ran == ["n0", "n1", "n2"]


def test_one_instance_alone_is_run_where_only_that_was_asked_for(desk: _Desk) -> None:
    mine = desk.kit.add(noop(0), noop(1))
    others = desk.kit.add(noop(2))
    desk.dispatcher.run_instance(mine)
    assert desk.ran == ["n0", "n1"]
    assert desk.kit.states(others) == ["pending"]


def _running(desk: _Desk) -> int:
    [(count,)] = desk.kit.sql("SELECT count(*) FROM task_instance WHERE state = ?", TaskState.RUNNING.value)
    return int(str(count))
