"""The verbs of people on instances: each against the real store, each twice, each inside the state law."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from store_kit import Kit, days, definition, kit_at, new_holder, noop, reopened, task

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import InstanceState, Outcome, TaskState
from mtctl.services.instances import Instances
from mtctl.services.logs import Logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.ports.work import EventRow


class ActingClock(FakeClock):
    """A clock during whose waits somebody else does something."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[Callable[[], object]] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if self.acts:
            self.acts.pop(0)()
        return super().wait(event, seconds)


class Desk:
    """A store, the service of one person, and the sweeps that were asked for."""

    def __init__(self, folder: Path) -> None:
        self.kit: Kit = kit_at(folder)
        self.clock = ActingClock()
        self.stop = threading.Event()
        self.sweeps = 0
        self.logs = folder / "logs"
        self.store = reopened(self.kit)  # another connection, as that of another process
        self.instances = Instances(
            store=self.store,
            clock=self.clock,
            actor="ana",
            sweep=self._sweep,
            stop=self.stop,
            dispatching=self._nobody,  # type: ignore[arg-type]
        )

    def _sweep(self) -> int:
        self.sweeps += 1
        return 0

    def _nobody(self, *_: object) -> None:
        raise AssertionError("nobody was to run it here")

    def ulid(self, instance_id: int) -> str:
        with self.kit.store.read() as view:
            return view.instances_by_id([instance_id])[instance_id].ulid

    def state(self, instance_id: int) -> InstanceState:
        with self.kit.store.read() as view:
            return view.instances_by_id([instance_id])[instance_id].state

    def events(self, instance_id: int, kind: str) -> list[EventRow]:
        with self.kit.store.read() as view:
            return [event for event in view.events(instance_id) if event.kind == kind]

    def failed(self, *tasks: object) -> int:
        """An instance whose first task failed for good."""
        made = tasks or (noop(0, max_tries=1), noop(1, after=(0,)), noop(2, after=(1,)))
        instance_id = self.kit.add(*made)  # type: ignore[arg-type]
        self.kit.end(self.kit.claim(instance_id), Outcome.FAILED, retryable=False)
        return self.advanced(instance_id)

    def advanced(self, instance_id: int) -> int:
        with self.kit.store.write() as tx:
            tx.advance(instance_id)
        return instance_id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def refuses(code: str, kind: Kind) -> object:
    class _Refusal:
        def __enter__(self) -> None:
            self.caught = pytest.raises(MtctlError)
            self.error = self.caught.__enter__()

        def __exit__(self, *what: object) -> bool:
            done = self.caught.__exit__(*what)  # type: ignore[arg-type]
            assert (self.error.value.code, self.error.value.kind) == (code, kind)
            return bool(done)

    return _Refusal()


# --- cancel -----------------------------------------------------------------------------------------------------------


def test_cancel_of_what_waits_ends_it_at_once_with_person_and_reason(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)))
    [report] = desk.instances.cancel([desk.ulid(one)], reason="wrong file", wait_seconds=10)
    assert (report.state, report.changed, report.text) == (InstanceState.CANCELLED, True, "cancelled")
    [event] = desk.events(one, "instance_cancel")
    assert (event.actor, event.detail["reason"]) == ("ana", "wrong file")
    [again] = desk.instances.cancel([desk.ulid(one)], wait_seconds=10)
    assert (again.changed, again.text, again.problem) == (False, "is cancelled already", None)


def test_cancel_of_what_runs_waits_for_whoever_runs_it(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)))
    claimed = desk.kit.claim(one)
    desk.clock.acts = [lambda: desk.kit.end(claimed, Outcome.CANCELLED, cancel_requested=True)]
    [report] = desk.instances.cancel([desk.ulid(one)], wait_seconds=10)
    assert (report.state, report.text, report.problem) == (InstanceState.CANCELLED, "cancelled", None)


def test_cancel_that_comes_too_late_says_so_and_is_a_conflict(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    claimed = desk.kit.claim(one)
    desk.clock.acts = [lambda: desk.kit.end(claimed)]
    [report] = desk.instances.cancel([desk.ulid(one)], wait_seconds=10)
    assert report.state is InstanceState.SUCCESS
    assert report.problem is not None
    assert (report.problem.code, report.problem.kind) == ("already_committed", Kind.CONFLICT)


def test_cancel_that_is_not_answered_is_a_timeout_and_the_request_stands(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    desk.kit.claim(one)
    [report] = desk.instances.cancel([desk.ulid(one)], wait_seconds=5)
    assert report.problem is not None
    assert (report.problem.code, report.problem.kind, report.running) == ("cancel_slow", Kind.TIMEOUT, 1)
    [found] = desk.kit.tasks(one)
    assert found.state is TaskState.RUNNING
    with desk.kit.store.read() as view:
        assert view.cancel_requested(found.task_id)
    assert desk.sweeps > 1  # nobody else may be there to find a dead holder


def test_cancel_without_waiting_says_what_still_runs(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    desk.kit.claim(one)
    [report] = desk.instances.cancel([desk.ulid(one)])
    assert (report.text, report.problem) == ("cancel requested, 1 still running", None)


def test_cancel_all_open_takes_what_is_open_and_leaves_the_rest(desk: Desk) -> None:
    waiting, held, done = desk.kit.add(noop(0)), desk.kit.add(noop(0)), desk.kit.add(noop(0))
    desk.instances.suspend([desk.ulid(held)])
    desk.kit.end(desk.kit.claim(done))
    found = desk.instances.cancel([], all_open=True, wait_seconds=1)
    assert [report.instance for report in found] == [desk.ulid(waiting), desk.ulid(held)]
    assert desk.state(done) is InstanceState.SUCCESS


# --- suspend and resume -----------------------------------------------------------------------------------------------


def test_suspend_holds_what_has_not_begun_and_resume_lets_it_go_on(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)))
    [held] = desk.instances.suspend([desk.ulid(one)], reason="disk full")
    assert (held.state, held.tasks) == (InstanceState.SUSPENDED, ("n0", "n1"))
    assert desk.kit.claim(None) is None
    assert "ana" in desk.kit.tasks(one)[0].why
    [again] = desk.instances.suspend([desk.ulid(one)])
    assert (again.changed, again.text) == (False, "is suspended already")
    [freed] = desk.instances.resume([desk.ulid(one)])
    assert freed.changed
    assert desk.kit.states(one) == ["pending", "created"]
    [same] = desk.instances.resume([desk.ulid(one)])
    assert (same.changed, same.text) == (False, "is not suspended")


def test_suspend_lets_what_runs_run_on_and_stops_behind_it(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)))
    claimed = desk.kit.claim(one)
    desk.instances.suspend([desk.ulid(one)])
    assert desk.kit.states(one) == ["running", "suspended"]
    desk.kit.end(claimed)
    desk.advanced(one)
    assert desk.state(one) is InstanceState.SUSPENDED


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_what_has_ended_can_be_neither_held_nor_let_go(desk: Desk, verb: str) -> None:
    one = desk.kit.add(noop(0))
    desk.kit.end(desk.kit.claim(one))
    with refuses("instance_ended", Kind.CONFLICT):
        getattr(desk.instances, verb)([desk.ulid(one)])


def test_trouble_with_one_of_several_is_its_own(desk: Desk) -> None:
    done, waiting = desk.kit.add(noop(0)), desk.kit.add(noop(0))
    desk.kit.end(desk.kit.claim(done))
    bad, good = desk.instances.suspend([desk.ulid(done), desk.ulid(waiting)])
    assert bad.problem is not None
    assert (bad.problem.code, good.problem, good.changed) == ("instance_ended", None, True)


# --- retry and rerun --------------------------------------------------------------------------------------------------


def test_retry_runs_what_failed_with_all_its_tries_and_leaves_it_to_anybody(desk: Desk) -> None:
    one = desk.failed()
    assert desk.kit.states(one) == ["failed", "cancelled", "cancelled"]
    report = desk.instances.retry(desk.ulid(one), reason="mended")
    assert (report.changed, report.tasks) == (True, ("n0", "n1", "n2"))
    assert desk.kit.states(one) == ["pending", "created", "created"]
    assert desk.kit.tasks(one)[0].tries == 0
    claimed = desk.kit.claim(None)
    assert claimed is not None
    with refuses("task_running", Kind.CONFLICT):
        desk.instances.retry(desk.ulid(one))
    for _ in range(3):
        desk.kit.end(claimed)
        desk.advanced(one)
        claimed = desk.kit.claim(None)
    assert desk.state(one) is InstanceState.SUCCESS
    assert desk.instances.retry(desk.ulid(one)).changed is False


def test_retry_of_a_cancelled_instance_forgets_the_request_and_its_dead_owner(desk: Desk) -> None:
    owner = new_holder(desk.kit.store)
    one = desk.kit.add(noop(0), holder_id=owner, detached=False)
    desk.instances.cancel([desk.ulid(one)], wait_seconds=1)
    desk.instances.retry(desk.ulid(one))
    with desk.kit.store.read() as view:
        row = view.instances_by_id([one])[one]
    assert (row.cancel_requested, row.holder, row.detached) == (False, None, True)
    assert desk.kit.claim(None) is not None


def test_retry_keeps_intervals_and_variables(desk: Desk) -> None:
    ids = desk.kit.put(definition("t1"))
    planned = task(ids["t1"], days(0, 3))
    one = desk.kit.instance(planned, tries=1)
    desk.kit.end(desk.kit.claim(one), Outcome.FAILED, retryable=False)
    before = desk.kit.tasks(one)[0]
    desk.instances.retry(desk.ulid(one))
    after = desk.kit.tasks(one)[0]
    assert (after.intervals, after.batch, after.forced) == (before.intervals, before.batch, False)


def test_rerun_of_a_task_takes_what_is_below_it_and_nothing_else(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)), noop(2, after=(1,)), noop(3))
    for _ in range(4):
        desk.kit.end(desk.kit.claim(one))
        desk.advanced(one)
    report = desk.instances.rerun(desk.ulid(one), "n1")
    assert report.tasks == ("n1", "n2")
    assert desk.kit.states(one) == ["success", "pending", "created", "success"]
    with refuses("task_not_ended", Kind.CONFLICT):
        desk.instances.rerun(desk.ulid(one), "n1")


def test_rerun_of_everything_does_fresh_intervals_again_but_not_what_a_person_skipped_below(desk: Desk) -> None:
    ids = desk.kit.put(definition("t1"))
    one = desk.kit.instance(task(ids["t1"], days(0, 2)))
    claimed = desk.kit.claim(one)
    assert claimed is not None
    desk.kit.publish(desk.kit.publication(claimed, dict.fromkeys(days(0, 2), "f")))
    desk.instances.rerun(desk.ulid(one), None)
    assert [found.forced for found in desk.kit.tasks(one)] == [True]

    two = desk.failed()
    desk.instances.skip(desk.ulid(two), "n0")
    desk.instances.skip(desk.ulid(two), "n1")
    desk.kit.end(desk.kit.claim(two))
    desk.instances.rerun(desk.ulid(two), None)
    assert desk.kit.states(two) == ["pending", "skipped", "pending"]


# --- skip and mark ----------------------------------------------------------------------------------------------------


def test_skip_of_a_failed_task_lets_go_what_was_cancelled_because_of_it(desk: Desk) -> None:
    one = desk.failed()
    report = desk.instances.skip(desk.ulid(one), "n0", reason="not today")
    assert report.tasks == ("n0", "n1", "n2")
    assert desk.kit.states(one) == ["skipped", "pending", "created"]
    assert desk.kit.tasks(one)[0].why == "operator ana skipped it: not today"
    again = desk.instances.skip(desk.ulid(one), "n0")
    assert (again.changed, again.text) == (False, "n0 is skipped already")


def test_skip_leaves_alone_what_was_cancelled_on_request(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1, after=(0,)))
    desk.instances.cancel([desk.ulid(one)], wait_seconds=1)
    desk.instances.skip(desk.ulid(one), "n0")
    assert desk.kit.states(one) == ["skipped", "cancelled"]


def test_skip_of_what_runs_or_is_done_or_unknown(desk: Desk) -> None:
    one = desk.kit.add(noop(0), noop(1))
    desk.kit.end(desk.kit.claim(one))
    assert desk.instances.skip(desk.ulid(one), "n0").text == "n0 is success already"
    desk.kit.claim(one)
    with refuses("task_running", Kind.CONFLICT):
        desk.instances.skip(desk.ulid(one), "n1")
    with refuses("task_unknown", Kind.NOT_FOUND):
        desk.instances.skip(desk.ulid(one), "n9")


def test_mark_success_counts_as_done_and_says_by_whom_and_why(desk: Desk) -> None:
    one = desk.failed()
    report = desk.instances.mark(desk.ulid(one), "n0", TaskState.SUCCESS, reason="loaded by hand")
    assert report.text == "n0 counts as done: marked success"
    first = desk.kit.tasks(one)[0]
    assert (first.state, first.why) == (TaskState.SKIPPED, "operator ana marked it success: loaded by hand")
    assert desk.events(one, "instance_mark")[0].detail["reason"] == "loaded by hand"


@pytest.mark.parametrize("runs", [True, False])
def test_nobody_can_mark_a_task_failed_that_has_not(desk: Desk, *, runs: bool) -> None:
    one = desk.kit.add(noop(0))
    if runs:
        desk.kit.claim(one)
    with refuses("mark_refused", Kind.CONFLICT):
        desk.instances.mark(desk.ulid(one), "n0", TaskState.FAILED, reason="I say so")
    failed = desk.failed()
    assert desk.instances.mark(desk.ulid(failed), "n0", TaskState.FAILED, reason="yes").changed is False


# --- finding, waiting, watching, logs ---------------------------------------------------------------------------------


def test_ids_may_be_short_as_long_as_they_name_one(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    desk.kit.add(noop(0))
    ulid = desk.ulid(one)
    with refuses("instance_ambiguous", Kind.NOT_FOUND):
        desk.instances.suspend([ulid[:6]])
    for wrong in ("ZZZZZZ", "", "%", ulid[:-1] + "_"):
        with refuses("instance_unknown", Kind.NOT_FOUND):
            desk.instances.suspend([wrong])
    assert desk.instances.suspend([ulid.lower()])[0].changed


def test_nothing_is_done_where_one_of_the_ids_is_unknown(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    with refuses("instance_unknown", Kind.NOT_FOUND):
        desk.instances.cancel([desk.ulid(one), "ZZZZZZ"])
    assert desk.state(one) is InstanceState.PENDING


def test_wait_returns_when_it_has_ended_or_the_time_is_over(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    claimed = desk.kit.claim(one)
    [late] = desk.instances.wait([desk.ulid(one)], timeout_seconds=1)
    assert (late.timed_out, late.reached, late.state) == (True, False, InstanceState.RUNNING)
    [now] = desk.instances.wait([desk.ulid(one)], state=InstanceState.RUNNING, timeout_seconds=1)
    assert (now.reached, now.seconds) == (True, 0.0)
    desk.clock.acts = [lambda: None, lambda: desk.kit.end(claimed)]
    [done] = desk.instances.wait([desk.ulid(one)])
    assert (done.reached, done.timed_out, done.state) == (True, False, InstanceState.SUCCESS)
    [never] = desk.instances.wait([desk.ulid(one)], state=InstanceState.RUNNING)
    assert (never.reached, never.timed_out) == (False, False)


def test_watch_tells_each_event_once_until_the_end(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    told: list[tuple[int, str, str]] = []
    claimed = desk.kit.claim(one)
    desk.clock.acts = [lambda: None, lambda: desk.kit.end(claimed)]
    row = desk.instances.watch(desk.ulid(one), lambda event, name: told.append((event.event_id, event.kind, name)))
    assert row.state is InstanceState.SUCCESS
    assert len({event_id for event_id, _, _ in told}) == len(told)
    with desk.kit.store.read() as view:
        assert [event_id for event_id, _, _ in told] == [event.event_id for event in view.events(one)]
    assert ("task_state", "n0") in {(kind, name) for _, kind, name in told}


def test_watch_ends_when_somebody_asks_it_to(desk: Desk) -> None:
    one = desk.kit.add(noop(0))
    desk.clock.acts = [desk.stop.set]
    assert desk.instances.watch(desk.ulid(one), lambda *_: None).state is InstanceState.PENDING


def test_logs_give_each_byte_once_while_they_grow(desk: Desk) -> None:
    desk.logs.mkdir()
    one = desk.kit.add(noop(0), noop(1))
    first, second = desk.kit.claim(one), desk.kit.claim(one)
    assert first is not None
    assert second is not None
    path = desk.logs / f"{first.attempt_ulid}.log"
    path.write_bytes(b"one\n")

    def more() -> None:
        path.write_bytes(b"one\ntwo\n")
        desk.kit.end(first)
        desk.kit.end(second)

    desk.clock.acts = [lambda: None, more]
    seen: list[tuple[str, bytes]] = []
    logs = Logs(desk.kit.store, desk.clock, desk.logs, desk.stop)
    files = logs.read(desk.ulid(one), None, lambda file, data: seen.append((file.task, data)), follow=True)
    assert seen == [("n0", b"one\n"), ("n0", b"two\n")]
    assert [(file.task, file.ended) for file in files] == [("n0", True), ("n1", True)]
    assert [file.task for file in logs.files(desk.ulid(one), "n1")] == ["n1"]
    with refuses("task_unknown", Kind.NOT_FOUND):
        logs.files(desk.ulid(one), "n7")
