"""What must not stop the machinery: one bad task, a busy file, an order of turns that waits, a thread that stumbles."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from flow_kit import Flows, new_ulid
from store_kit import DAY, START, Kit, day, definition, full, kit_at, noop, reopened, task

from mtctl.actions import command
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.states import Outcome, TaskState
from mtctl.ports.actions import CommandRequest
from mtctl.services import serving
from mtctl.services.daemon import Daemon
from mtctl.services.dispatcher import Dispatcher
from mtctl.services.ending import Ended, Endings
from mtctl.services.readiness import judge
from mtctl.services.scheduler import Scheduler, TickReport
from mtctl.services.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR = 3_600_000_000


def _busy() -> MtctlError:
    return MtctlError("state_busy", "locked", kind=Kind.BUSY)


# --- a task that cannot run -------------------------------------------------------------------------------------------


def _dispatcher(kit: Kit) -> tuple[Dispatcher, list[str]]:
    ran: list[str] = []

    def run(claimed: Any, *_: object) -> Ended:
        ran.append(claimed.task.name)
        kit.end(claimed)
        return Ended(outcome=Outcome.SUCCESS, rows=0, seconds=0.0)

    holder: Any = SimpleNamespace(holder_id=kit.holder, lost=False, new_ulid=new_ulid)
    runner: Any = SimpleNamespace(run=run)
    made = Dispatcher(
        store=kit.store, runner=runner, clock=kit.clock, holder=holder, stop=threading.Event(), sweep=lambda: 0,
        observe=lambda _: None, on_event=lambda _: None,
    )  # fmt: skip
    return made, ran


def test_a_retried_task_of_a_dropped_table_is_cancelled_and_holds_up_nobody(tmp_path: Path) -> None:
    kit = kit_at(tmp_path)
    table = kit.put(full("gone"))["gone"]
    asked = kit.instance(task(table, [WHOLE]), holder=None, detached=True, tries=1)
    kit.end(kit.claim(None), Outcome.FAILED, retryable=False)
    with kit.store.write() as tx:
        tx.drop_tables([table])
    with kit.store.write() as tx:
        Verb(tx, tx.instances_by_id([asked])[asked], actor="me", reason="").retry(None)
    kit.clock.advance(1)
    kit.add(noop(0))
    dispatcher, ran = _dispatcher(kit)
    dispatcher.run_ownerless()
    assert ran == ["n0"]
    assert kit.states(asked) == [TaskState.CANCELLED]


def test_what_depends_on_a_workflow_goes_on_where_that_had_nothing_to_do(tmp_path: Path) -> None:
    flows = Flows(tmp_path, START + 10 * HOUR)
    flows.table(definition("up", schedule="0 2 * * *", end=START + DAY))
    flows.create("w", "0 2 * * *", depends_on=["up"])
    with flows.kit.store.read() as view:
        [table] = view.tables(["up"])
    flows.clock.set_wall(START + DAY + 60_000_000)
    flows.kit.refresh(table.table_id, {day(0): "x"})
    flows.at(START + DAY + 3 * HOUR)
    assert (flows.fires("up"), len(flows.fires("w"))) == ([], 1)
    with flows.kit.store.write() as tx:
        waiting = tx.next_task(None)
        assert waiting is not None
        verdict = judge(tx, waiting)
    assert verdict is not None
    assert verdict.wait == ""


@pytest.mark.parametrize(("detached", "outcome"), [(True, Outcome.RELEASED), (False, Outcome.CANCELLED)])
def test_what_a_stopped_process_breaks_off_is_given_back_unless_somebody_waits_for_it_there(
    tmp_path: Path, *, detached: bool, outcome: Outcome
) -> None:
    kit = kit_at(tmp_path)
    asked = kit.add(noop(0), holder_id=None if detached else kit.holder, detached=detached)
    claimed = kit.claim(asked)
    watch: Any = SimpleNamespace(why=None)
    holder: Any = SimpleNamespace(lost=False)
    assert claimed is not None
    stopped = MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)
    ended = Endings(kit.store, kit.clock, watch).failed(claimed, stopped, holder, 0)
    assert ended.outcome is outcome
    assert kit.tasks(asked)[0].tries == (0 if detached else 1)


def test_a_program_for_whose_supervisor_there_is_no_room_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command.sys, "executable", str(tmp_path / "nothing"))
    log = str(tmp_path / "log")
    request = CommandRequest(
        argv=("true",), shell=False, env=(), inherit=(), folder=str(tmp_path), timeout=None, log=log, attempt="A"
    )
    result = command.run_command(request, threading.Event(), lambda *_: None)
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, "command_resources", True)


# --- a look at the schedules ------------------------------------------------------------------------------------------


def test_a_source_that_cannot_be_read_keeps_nothing_from_firing(tmp_path: Path) -> None:
    flows = Flows(tmp_path, START)
    flows.create("w", "0 2 * * *")

    def look(_: object) -> None:
        raise MtctlError("source_unreadable", "no", kind=Kind.ENGINE)

    flows.clock.set_wall(START + 3 * HOUR)
    report = Scheduler(flows.kit.store, flows.clock, new_ulid, look).tick()
    assert (report.made, report.troubles) == (1, ("no",))


def test_a_workflow_that_cannot_fire_keeps_its_mark_and_no_other_from_firing(tmp_path: Path) -> None:
    flows = Flows(tmp_path, START)
    with flows.kit.store.write() as tx:
        tx.put_queue("q", slots=1, memory=None, threads=None)
    flows.create("bad", "0 2 * * *", queue="q")
    flows.create("good", "0 2 * * *")
    flows.kit.sql("UPDATE queue SET dropped_at = 1 WHERE name = 'q'")
    flows.clock.set_wall(START + 3 * HOUR)
    report = flows.scheduler.tick()
    assert (report.made, len(report.troubles)) == (1, 1)
    assert flows.row("bad").last_fire_at is None
    flows.kit.sql("UPDATE queue SET dropped_at = NULL WHERE name = 'q'")
    flows.at(START + 3 * HOUR + 60_000_000)
    assert flows.fires("bad") == [START + 2 * HOUR]


# --- the loop of the daemon -------------------------------------------------------------------------------------------


class Loop:
    """A daemon over a real store whose clock runs by its waits, for some seconds."""

    size, busy = 2, 0

    def __init__(self, kit: Kit, *, sweep: Callable[[Loop], int] = lambda _: 0, fails: int = 0) -> None:
        self.kit, self.woken, self.said = kit, 0, []
        self.ticks, self._fails = 0, fails
        self.store = reopened(kit)
        pool: Any = self
        self.daemon = Daemon(
            store=self.store, clock=self, scheduler=lambda: self, pool=pool, sweep=lambda: sweep(self),
            tell=lambda: None, reload=lambda: None, say=self.said.append,
        )  # type: ignore[arg-type]  # fmt: skip

    def run(self, seconds: float) -> None:
        self._end = self.boottime() + round(seconds * 1e9)
        self.daemon.run()

    def tick(self) -> TickReport:
        self.ticks += 1
        if self.ticks <= self._fails:
            raise _busy()
        return TickReport()

    def wake(self, _tasks: int) -> None:
        self.woken += 1

    def drain(self) -> None: ...

    def abort(self) -> None: ...

    def stuck(self) -> bool:
        return False

    def now(self) -> int:
        return self.kit.clock.now()

    def boottime(self) -> int:
        return self.kit.clock.boottime()

    def wait(self, event: Any, seconds: float = 0.0) -> bool:
        if not isinstance(event, threading.Event):
            return True  # the pool's, whose workers have all ended
        self.kit.clock.advance(seconds)
        if self.boottime() > self._end:
            self.daemon.stop()
        return event.is_set()


def test_a_daemon_rests_while_what_is_ready_stands_in_a_paused_queue(tmp_path: Path) -> None:
    kit = kit_at(tmp_path)
    with kit.store.write() as tx:
        tx.put_queue("q", slots=1, memory=None, threads=None)
        tx.pause_queue("q", paused=True, why="")
    kit.add(noop(0, queue="q"))
    loop = Loop(kit)
    loop.run(60)
    assert loop.ticks < 130
    assert loop.woken == 0


def test_what_is_ready_begins_although_all_that_come_first_have_to_wait(tmp_path: Path) -> None:
    kit = kit_at(tmp_path)
    kit.add(noop(0), noop(1), noop(2))
    with kit.store.write() as tx:
        for one in tx.pending_tasks(None, 9):
            tx.postpone(one.task_id, ready_at=tx.now + 900_000_000, why="", waits_for=None)
    kit.clock.advance(1)
    kit.add(noop(0))
    loop = Loop(kit)
    loop.run(5)
    assert loop.woken


def test_what_the_daemon_itself_sweeps_free_begins_at_once(tmp_path: Path) -> None:
    kit = kit_at(tmp_path)
    kit.add(noop(0))
    kit.claim(None)
    at = kit.clock.boottime() + 4 * 10**9

    def sweep(loop: Loop) -> int:
        with loop.store.write() as tx:
            if loop.boottime() < at or not tx.holders():
                return 0
            tx.lose(kit.holder)
        return 1

    loop = Loop(kit, sweep=sweep)
    loop.run(9)
    assert loop.woken


def test_a_state_file_that_stays_locked_for_a_while_does_not_end_a_daemon(tmp_path: Path) -> None:
    loop = Loop(kit_at(tmp_path), fails=2)
    loop.run(60)
    assert loop.ticks > 2
    assert loop.said == ["locked: tried again"], "once for as long as it is so"


def test_only_a_loop_that_stands_still_at_two_looks_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(serving.os, "_exit", ended.append)
    for looks, expected in (([True, False, True, False], []), ([False, True, True], [serving.HUNG_EXIT])):
        left = iter(looks)
        waits = iter([False] * len(looks) + [True])
        daemon: Any = SimpleNamespace(hangs=lambda left=left: next(left))
        clock: Any = SimpleNamespace(wait=lambda *_, waits=waits: next(waits))
        serving._supervise(daemon, clock, threading.Event(), lambda _: None)
        assert ended == expected


def test_a_workflow_that_fires_more_rarely_is_not_waited_for(tmp_path: Path) -> None:
    flows = Flows(tmp_path, START + 10 * HOUR)
    flows.create("weekly", "0 0 * * 0")
    flows.create("w", "0 2 * * *", depends_on=["weekly"])
    flows.at(START + DAY + 3 * HOUR)
    with flows.kit.store.write() as tx:
        waiting = tx.next_task(None)
        assert waiting is not None
        verdict = judge(tx, waiting)
    assert verdict is not None
    assert verdict.wait == "", "it has no fire in this data interval"
