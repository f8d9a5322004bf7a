"""Floor 3. The verbs of people on instances: cancel, suspend, resume, retry, rerun, skip, mark, wait, watch.

A cancel is a request: who runs the task stops it and writes down how that ended. So the answer waits for the truth:
`cancelled` means that nothing was published, and what has succeeded meanwhile is said to be too late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError, conflict
from mtctl.core.states import InstanceState, TaskState
from mtctl.services.instance_naming import find_instance
from mtctl.services.reports.verbs import VerbReport, WaitReport
from mtctl.services.verbs import ENDED, Verb

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, View
    from mtctl.ports.work import EventRow, InstanceRow
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent

POLL_SECONDS = 0.2
"""How often somebody who waits looks."""

SWEEP_SECONDS = 2.0
"""How often somebody who waits looks for dead holders: nobody else may be there to do it."""

MOST_OPEN = 10_000
"""How many open instances `--all-open` takes at a time."""

_OPEN = (InstanceState.PENDING, InstanceState.RUNNING, InstanceState.SUSPENDED)

class Instances:
    """The verbs; each is told with the name of whoever asks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        actor: str,
        sweep: Callable[[], int],
        stop: threading.Event,
        dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]],
    ) -> None:
        """Keep the ports.

        `sweep` ends what dead holders left, `stop` ends waiting, `dispatching` makes this process a holder with a
        dispatcher.
        """
        self._store = store
        self._clock = clock
        self._actor = actor
        self._sweep = sweep
        self._stop = stop
        self._dispatching = dispatching

    # --- cancel -----------------------------------------------------------------------------------------------------

    def cancel(
        self, prefixes: Sequence[str], *, all_open: bool = False, reason: str = "", wait_seconds: float = 0.0
    ) -> tuple[VerbReport, ...]:
        """Ask instances to stop and wait so long for the truth.

        What has succeeded carries the problem `already_committed` (conflict), what still runs at the end `cancel_slow`
        (timeout) where somebody waited.
        """
        self._sweep()
        rows = self._open() if all_open else self._find(prefixes)
        asked = [self._request(row, reason) for row in rows]
        self._await([row for row, is_open in zip(rows, asked, strict=True) if is_open], wait_seconds)
        with self._store.read() as view:
            now = view.instances_by_id([row.instance_id for row in rows])
            return tuple(
                _cancelled(now[row.instance_id], is_open=is_open, waited=wait_seconds)
                for row, is_open in zip(rows, asked, strict=True)
            )

    def _request(self, row: InstanceRow, reason: str) -> bool:
        """Note the request of an instance that is open; return whether it is."""
        with self._store.write() as tx:
            now = tx.instances_by_id([row.instance_id])[row.instance_id]
            if now.state in ENDED:
                return False
            if not now.cancel_requested:
                tx.request_cancel(row.instance_id)
                tx.add_note("instance_cancel", actor=self._actor, instance_id=row.instance_id, reason=reason)
            return True

    # --- the other verbs --------------------------------------------------------------------------------------------

    def suspend(self, prefixes: Sequence[str], *, reason: str = "") -> tuple[VerbReport, ...]:
        """Hold what has not begun of these instances."""
        return self._each(prefixes, "suspend", reason, lambda verb: verb.suspend())

    def resume(self, prefixes: Sequence[str], *, reason: str = "") -> tuple[VerbReport, ...]:
        """Let these instances go on."""
        return self._each(prefixes, "resume", reason, lambda verb: verb.resume())

    def retry(
        self, prefix: str, *, reason: str = "", on_event: Callable[[TaskEvent], None] | None = None
    ) -> VerbReport:
        """Run again what failed; with `on_event` in this process and to its end, else by whoever looks for work."""
        return self._again(prefix, "retry", reason, on_event, lambda verb, owner: verb.retry(owner))

    def rerun(
        self,
        prefix: str,
        task: str | None,
        *,
        reason: str = "",
        on_event: Callable[[TaskEvent], None] | None = None,
    ) -> VerbReport:
        """Run a task and all below it again, without a task everything; where as with `retry`."""
        return self._again(prefix, "rerun", reason, on_event, lambda verb, owner: verb.rerun(task, owner))

    def skip(self, prefix: str, task: str, *, reason: str = "") -> VerbReport:
        """Leave a task out."""
        return self._one(prefix, reason, lambda verb: verb.skip(task))

    def mark(self, prefix: str, task: str, state: TaskState, *, reason: str) -> VerbReport:
        """Say how a task is."""
        return self._one(prefix, reason, lambda verb: verb.mark(task, state))

    def _each(
        self, prefixes: Sequence[str], verb: str, reason: str, act: Callable[[Verb], VerbReport]
    ) -> tuple[VerbReport, ...]:
        """Do it to each; trouble with one is its own, unless it is the only one."""
        rows = self._find(prefixes)
        found = []
        for row in rows:
            try:
                found.append(self._one(row.ulid, reason, act))
            except MtctlError as error:
                if len(rows) == 1:
                    raise
                found.append(_report(row, verb, error.what, changed=False, problem=error))
        return tuple(found)

    def _one(self, prefix: str, reason: str, act: Callable[[Verb], VerbReport]) -> VerbReport:
        with self._store.write() as tx:
            return act(Verb(tx, find_instance(tx, prefix), actor=self._actor, reason=reason))

    def _again(
        self,
        prefix: str,
        verb: str,
        reason: str,
        on_event: Callable[[TaskEvent], None] | None,
        act: Callable[[Verb, int | None], VerbReport],
    ) -> VerbReport:
        self._sweep()
        if on_event is None:
            return self._one(prefix, reason, lambda found: act(found, None))
        with self._store.read() as view:
            row = find_instance(view, prefix)
        with self._dispatching(f"instance {verb} {row.ulid}", on_event) as dispatcher:
            owner = dispatcher.holder.holder_id
            report = self._one(row.ulid, reason, lambda found: act(found, owner))
            if report.changed:
                dispatcher.run_instance(row.instance_id)
                if dispatcher.stopped:
                    dispatcher.cancel(row.instance_id)
        with self._store.read() as view:
            now = view.instances_by_id([row.instance_id])[row.instance_id]
        text = f"{report.text}; ended {now.state}" if report.changed else report.text
        return _report(now, verb, text, changed=report.changed, tasks=report.tasks)

    # --- waiting ----------------------------------------------------------------------------------------------------

    def wait(
        self, prefixes: Sequence[str], *, state: InstanceState | None = None, timeout_seconds: float | None = None
    ) -> tuple[WaitReport, ...]:
        """Wait until instances have ended, or are in a state; each report says whether it came to that."""
        began = self._clock.boottime()
        rows = self._find(prefixes)
        wanted = ENDED if state is None else {state}
        now = self._await(rows, timeout_seconds, until=frozenset(wanted))
        seconds = (self._clock.boottime() - began) / 1e9
        return tuple(
            WaitReport(
                instance=row.ulid,
                title=row.title,
                state=now[row.instance_id].state,
                reached=now[row.instance_id].state in wanted,
                timed_out=now[row.instance_id].state not in ENDED | wanted and not self._stop.is_set(),
                seconds=round(seconds, 3),
            )
            for row in rows
        )

    def watch(self, prefix: str, on_event: Callable[[EventRow, str], None]) -> InstanceRow:
        """Tell every event of an instance, past and to come, with the name of its task, until it has ended."""
        with self._store.read() as view:
            row = find_instance(view, prefix)
        told = 0
        mark = -1
        while True:
            seen = self._store.change_mark()
            if seen != mark:
                mark = seen
                with self._store.read() as view:
                    events = view.events(row.instance_id)
                    names = {task.task_id: task.name for task in view.tasks(row.instance_id)}
                    row = view.instances_by_id([row.instance_id])[row.instance_id]
                for event in events:
                    if event.event_id > told:
                        told = event.event_id
                        on_event(event, names.get(event.task_id or 0, ""))
            if row.state in ENDED or self._stop.is_set():
                return row
            self._clock.wait(self._stop, POLL_SECONDS)

    def _await(
        self, rows: Sequence[InstanceRow], seconds: float | None, *, until: frozenset[InstanceState] = ENDED
    ) -> dict[int, InstanceRow]:
        """Return the instances once each has ended or is in one of these states, or when the time is over."""
        ids = [row.instance_id for row in rows]
        end = None if seconds is None else self._clock.boottime() + int(seconds * 1e9)
        swept = self._clock.boottime()
        while True:
            with self._store.read() as view:
                now = view.instances_by_id(ids)
            if all(row.state in until or row.state in ENDED for row in now.values()) or self._stop.is_set():
                return now
            left = POLL_SECONDS if end is None else min(POLL_SECONDS, (end - self._clock.boottime()) / 1e9)
            if left <= 0:
                return now
            self._clock.wait(self._stop, left)
            if (self._clock.boottime() - swept) / 1e9 >= SWEEP_SECONDS:
                swept = self._clock.boottime()
                self._sweep()

    # --- finding ----------------------------------------------------------------------------------------------------

    def _find(self, prefixes: Sequence[str]) -> list[InstanceRow]:
        """Return the instances, each once; nothing is done where one of them cannot be told."""
        with self._store.read() as view:
            found = [find_instance(view, prefix) for prefix in prefixes]
        return list({row.instance_id: row for row in found}.values())

    def _open(self) -> list[InstanceRow]:
        with self._store.read() as view:
            return sorted(open_instances(view), key=lambda row: row.instance_id)


def open_instances(view: View, limit: int = MOST_OPEN) -> list[InstanceRow]:
    """Return the instances that have not ended, at most `limit` of each state, newest first."""
    return [row for state in _OPEN for row in view.instances(limit=limit, state=state.value, table=None)]


def _cancelled(row: InstanceRow, *, is_open: bool, waited: float) -> VerbReport:
    """Return what became of an instance that was asked to stop (`is_open`) or had ended before."""
    committed = sum(number for state, number in row.tasks if state is TaskState.SUCCESS)
    if row.state is InstanceState.SUCCESS:
        error = conflict("already_committed", f"{row.ulid} has ended well: it is too late to cancel", where=row.title)
        return _report(row, "cancel", "already committed", changed=False, problem=error)
    if row.state in ENDED and not is_open:
        return _report(row, "cancel", f"is {row.state} already", changed=False)
    if row.state is InstanceState.CANCELLED:
        kept = f"; {committed} had succeeded before" if committed else ""
        return _report(row, "cancel", f"cancelled{kept}", changed=True)
    if row.state is InstanceState.FAILED:
        return _report(row, "cancel", "it has failed", changed=True)
    running = sum(number for state, number in row.tasks if state is TaskState.RUNNING)
    text = f"cancel requested, {running} still running"
    if not waited:
        return _report(row, "cancel", text, changed=True)
    error = MtctlError(
        "cancel_slow",
        f"{row.ulid} still runs {waited:g} s after its cancel was requested",
        kind=Kind.TIMEOUT,
        where=row.title,
        fix=f"`mtctl instance wait {row.ulid}`; the request stands",
    )
    return _report(row, "cancel", text, changed=True, problem=error)


def _report(
    row: InstanceRow,
    verb: str,
    text: str,
    *,
    changed: bool,
    tasks: tuple[str, ...] = (),
    problem: MtctlError | None = None,
) -> VerbReport:
    return VerbReport(
        instance=row.ulid,
        title=row.title,
        verb=verb,
        state=row.state,
        changed=changed,
        text=text,
        tasks=tasks,
        running=sum(number for state, number in row.tasks if state is TaskState.RUNNING),
        problem=problem,
    )
