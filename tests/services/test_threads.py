"""Threads and holders: each outlives what it meets, or ends so that somebody notices."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from store_kit import Kit, kit_at, reopened

from mtctl.core.errors import Kind, MtctlError
from mtctl.services.holder import LEASELESS, Holder
from mtctl.services.pool import Pool
from mtctl.services.telling import Teller
from mtctl.services.watch import Interruption, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 5.0


def _busy() -> MtctlError:
    return MtctlError("state_busy", "locked", kind=Kind.BUSY)


class QuickClock:
    """Real time, with short waits."""

    def boottime(self) -> int:
        return time.monotonic_ns()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(min(seconds, 0.01))


def _claimed(task_id: int, timeout: int = 0) -> Any:
    return SimpleNamespace(task=SimpleNamespace(task_id=task_id, timeout=timeout))


def _view(cancelled: Callable[[int], bool]) -> Any:
    return nullcontext(SimpleNamespace(cancel_requested=cancelled))


def test_a_time_limit_holds_although_the_state_file_could_not_be_asked(tmp_path: Path) -> None:
    asked: list[int] = []

    def open_store() -> Any:
        asked.append(1)
        if len(asked) == 1:
            raise _busy()
        return reopened(kit)

    kit = kit_at(tmp_path)
    told = threading.Event()
    with Watch(open_store, QuickClock(), told.set) as watch:  # type: ignore[arg-type]
        watch.begin(_claimed(1, timeout=200_000))
        assert told.wait(PATIENCE)
        assert watch.why is Interruption.TIMEOUT
        watch.end()


def test_a_cancel_that_comes_too_late_does_not_hit_the_next_attempt() -> None:
    asked, go, seen = threading.Event(), threading.Event(), threading.Event()

    def cancelled(task_id: int) -> bool:
        if task_id == 2:
            seen.set()
            return False
        asked.set()
        return go.wait(PATIENCE)

    marks = iter(range(10**6))
    store: Any = SimpleNamespace(change_mark=lambda: next(marks), read=lambda: _view(cancelled), close=lambda: None)
    with Watch(lambda: store, QuickClock(), lambda: None) as watch:  # type: ignore[arg-type]
        watch.begin(_claimed(1))
        assert asked.wait(PATIENCE)
        watch.end()
        watch.begin(_claimed(2))
        go.set()
        assert seen.wait(PATIENCE)
        assert watch.why is None
        watch.end()


def test_a_worker_that_stumbles_says_so_and_works_on(tmp_path: Path) -> None:
    opened: list[int] = []
    troubles: list[BaseException] = []
    said: list[str] = []
    ran = threading.Event()

    @contextmanager
    def crew(number: int) -> Iterator[Any]:
        opened.append(number)
        if len(opened) == 1:
            raise _busy()
        yield SimpleNamespace(lost=False, run_ownerless=ran.set, stop=lambda: None, interrupt=lambda _: None)

    pool = Pool(1, crew, troubles.append, said.append)
    pool.wake(1)
    assert ran.wait(PATIENCE)
    pool.drain()
    assert pool.wait(PATIENCE)
    assert (troubles, said) == ([], ["worker 1 could not go on: locked"])


def test_the_thread_that_tells_outlives_what_it_meets() -> None:
    rounds: list[int] = []
    told = threading.Event()
    said: list[str] = []

    @contextmanager
    def notices() -> Iterator[Any]:
        rounds.append(1)
        if len(rounds) == 2:
            raise OSError("disk")
        yield SimpleNamespace(look=lambda: None, send_due=lambda **_: told.set())

    teller = Teller(notices, QuickClock(), said.append)  # type: ignore[arg-type]
    teller.start()
    assert told.wait(PATIENCE)
    teller.close()
    assert said == ["notices: OSError: disk"]


# --- holders ----------------------------------------------------------------------------------------------------------


class Lock:
    """A liveness that counts."""

    held = 0

    def hold(self, _ulid: str) -> None:
        self.held += 1

    def release(self) -> None:
        self.held -= 1


def _holder(kit: Kit, lock: Lock, clock: Any, kind: str = "worker", lost: Callable[[], None] = lambda: None) -> Holder:
    return Holder(
        store=kit.store, open_store=lambda: reopened(kit), liveness=lock, clock=clock, kind=kind, command="up",
        pid_started=1, runner_group=lambda: None, on_lost=lost,
    )  # type: ignore[arg-type]  # fmt: skip


def test_a_holder_that_cannot_register_or_sign_off_leaves_no_lock(tmp_path: Path) -> None:
    kit, lock = kit_at(tmp_path), Lock()
    other = reopened(kit)
    kit.store._connection.set_busy_timeout(1)
    clock: Any = SimpleNamespace(now=kit.clock.now, boottime=kit.clock.boottime, wait=lambda event, _: event.wait(9))
    with other.write(), pytest.raises(MtctlError), _holder(kit, lock, clock):
        pass
    assert lock.held == 0
    holder = _holder(kit, lock, clock)
    holder.__enter__()
    with other.write(), pytest.raises(MtctlError):
        holder.__exit__(None)
    assert lock.held == 0


@pytest.mark.parametrize(("kind", "is_lost"), [(LEASELESS, False), ("worker", True)])
def test_a_suspended_machine_takes_leases_and_not_the_daemon(tmp_path: Path, kind: str, *, is_lost: bool) -> None:
    kit, lost, beaten = kit_at(tmp_path), threading.Event(), threading.Event()

    def wait(event: threading.Event, _: float) -> bool:
        if beaten.is_set() or lost.is_set():
            return event.wait(PATIENCE)
        kit.clock.advance(3600)
        beaten.set()
        return False

    clock: Any = SimpleNamespace(now=kit.clock.now, boottime=kit.clock.boottime, wait=wait)
    with _holder(kit, Lock(), clock, kind, lost.set) as holder:
        assert beaten.wait(PATIENCE)
    assert (holder.lost, lost.is_set()) == (is_lost, is_lost)
