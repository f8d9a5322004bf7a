"""Floor 3. Lets go of what is old: snapshots and their files, instances, events, books that nothing names.

Everything is done in steps, each a transaction that is meant to take a few milliseconds: how much a step does follows
from how long the last one took, so that nobody waits for the write lock, however slow the disk. Several processes may
do this at once; each step looks for itself what is left to do.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mtctl.core.retention import YOUNG, Lake, TableHistory, kept, limits_of
from mtctl.ports.retention import SNAPSHOTS_AT_ONCE
from mtctl.services.reports.retention import ExpiryReport, InfoReport, InfoTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.retention import Policy
    from mtctl.ports.clock import Clock
    from mtctl.ports.retention import OldTable, RetentionTx, RetentionView
    from mtctl.ports.store import Store

TARGET_MS = 12.0
"""How long a step is meant to hold the write lock; it must never be fifty milliseconds."""

FIRST = 20
"""How much the first step of a kind does, before anything is known of the machine."""

MOST = 500
"""How much a step does at most."""

TOGETHER = 1_000
"""How many snapshots go before what they alone showed."""

FREE_SHARE = 4
"""Free pages are given back when they are more than one of so many pages of the state file."""

FREE_FEW = 2_000
"""So many free pages are left alone: they are needed again soon."""


class Steps:
    """Small write transactions until a deadline; how much each does is learnt from the one before."""

    def __init__(self, store: Store, clock: Clock, deadline: int | None, stopped: Callable[[], bool]) -> None:
        """Work until the deadline (ns of boottime, None: to the end), or until `stopped` says so."""
        self._store = store
        self._clock = clock
        self._deadline = deadline
        self._stopped = stopped
        self._rest = threading.Event()
        self.longest_ms = 0.0

    @property
    def over(self) -> bool:
        """Whether no further step may begin."""
        late = self._deadline is not None and self._clock.boottime() >= self._deadline
        return late or self._stopped()

    def until_done(self, step: Callable[[RetentionTx, int], int]) -> int:
        """Do a step again and again until it finds nothing; return how much was done."""
        total, size = 0, FIRST
        while not self.over:
            done, took = self._one(step, size)
            total += done
            if not done:
                return total
            size = _next_size(size, took)
        return total

    def through(self, items: list[int], step: Callable[[RetentionTx, list[int]], int]) -> int:
        """Do a step for all items, some at a time; return how much was done."""
        total, size, at = 0, FIRST, 0
        while at < len(items) and not self.over:
            part = items[at : at + size]
            done, took = self._one(lambda tx, _, part=part: step(tx, part), size)  # type: ignore[misc]
            total += done
            at += size
            size = _next_size(size, took)
        return total

    def _one(self, step: Callable[[RetentionTx, int], int], size: int) -> tuple[int, float]:
        with self._store.write() as tx:
            began = self._clock.boottime()
            done = step(tx.retention(), size)
        took = (self._clock.boottime() - began) / 1e6
        # Others that wait for the write lock ask only now and then: as long as it was held it is free for them.
        self._clock.wait(self._rest, took / 1e3)
        self.longest_ms = max(self.longest_ms, took)
        return done, took


class Retention:
    """Expiry of the lake and of the history, and what there is to know about it."""

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        """Keep the ports and the rules of the project."""
        self._store = store
        self._clock = clock
        self._policy = policy

    def expire(
        self, *, dry_run: bool, seconds: float | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> ExpiryReport:
        """Let go of all that is past its retention; what is left when the time is over, the next one does.

        `seconds` is for the lake and once more for the history, so that neither keeps the other from its turn.
        """
        steps = self._steps(seconds, stopped)
        # What is read of the snapshots is no more than an index of them: a dry run needs it too.
        steps.until_done(lambda tx, size: tx.read_versions(size))
        with self._store.read() as view:
            going, staying = self._going(view.retention(), self._clock.now())
            files, size = view.retention().going(going) if dry_run else (0, 0)
        if dry_run:
            return ExpiryReport(
                snapshots=len(going),
                kept=staying,
                files=files,
                bytes=size,
                rows=0,
                instances=len(self._ended(None)),
                events=0,
                longest_ms=steps.longest_ms,
                dry_run=True,
            )
        return self._let_go(steps, going, staying, self._steps(seconds, stopped))

    def info(self) -> InfoReport:
        """Return the lake in numbers, with what the next expiry would do."""
        planned = self.expire(dry_run=True)
        with self._store.read() as view:
            retention, now = view.retention(), self._clock.now()
            known = {one.lake_table_id: one for one in view.tables()}
            totals = view.totals()
            found = retention.old_tables(retention.young_from(now - YOUNG))
            tables = tuple(
                InfoTable(
                    table=known[lake_id].definition.name,
                    versions=one.young + len(one.ended) + 1,
                    live_bytes=totals[known[lake_id].table_id].bytes,
                    old_bytes=one.old_bytes,
                )
                for one in found
                for lake_id in one.lake_table_ids
                if lake_id in known
            )
            return InfoReport(
                counts=retention.counts(),
                data_path=view.data_path(),
                tables=tuple(sorted(tables, key=lambda one: one.table)),
                pins=tuple(retention.pins()),
                next=planned,
                now=now,
            )

    def _steps(self, seconds: float | None, stopped: Callable[[], bool]) -> Steps:
        deadline = None if seconds is None else self._clock.boottime() + round(seconds * 1e9)
        return Steps(self._store, self._clock, deadline, stopped)

    def _let_go(self, lake: Steps, going: list[int], staying: int, history: Steps) -> ExpiryReport:
        snapshots, files, rows = 0, 0, 0
        # What snapshots alone showed goes with them, lest an expiry that has to stop early leaves more and more of it.
        for at in range(0, len(going) or 1, TOGETHER):
            snapshots += lake.through(going[at : at + TOGETHER], lambda tx, part: tx.expire(part))
            dead, gone = self._collect(lake)
            files, rows = files + dead, rows + gone
        rows += lake.until_done(lambda tx, size: tx.forget_tables(size))

        instances, events = self._forget(history)
        before = self._clock.now() - self._policy.limits.age
        rows += history.until_done(lambda tx, size: tx.forget_books(before, size))
        self._give_back(history)
        return ExpiryReport(
            snapshots=snapshots,
            kept=staying + len(going) - snapshots,
            files=files,
            bytes=0,
            rows=rows,
            instances=instances,
            events=events,
            longest_ms=max(lake.longest_ms, history.longest_ms),
            dry_run=False,
            finished=not (lake.over or history.over),
        )

    def _collect(self, steps: Steps) -> tuple[int, int]:
        """Remove what no snapshot shows any more; return how many files and other rows."""
        files = 0

        def collect(tx: RetentionTx, size: int) -> int:
            nonlocal files
            found, rows = tx.collect(size)
            files += found
            return found + rows

        done = steps.until_done(collect)
        return files, done - files

    def _going(self, view: RetentionView, now: int) -> tuple[list[int], int]:
        """Return the snapshots that go, and how many stay."""
        young_from = view.young_from(now - YOUNG)
        found = view.old_tables(young_from)
        tables = [self._history(view, one) for one in found]
        lake = self._lake(view, found)
        pinned = view.pinned()
        going: list[int] = []
        after = -1
        while True:
            part = view.old_snapshots(after, young_from, SNAPSHOTS_AT_ONCE)
            if not part:
                return going, view.counts().snapshots - len(going)
            staying = kept(now, part, tables, lake, young_from) | pinned
            going += [one.snapshot for one in part if one.snapshot not in staying]
            after = part[-1].snapshot

    def _history(self, view: RetentionView, table: OldTable) -> TableHistory:
        """Return what decides about a table; its files are read only where they may take more than it may."""
        limits = limits_of(self._policy, table.options)
        allowed = 0
        files = ()
        if table.old_bytes > limits.allowed(0):
            allowed = limits.allowed(view.live_bytes(table.lake_table_ids))
            files = view.old_files(table.lake_table_ids) if table.old_bytes > allowed else ()  # type: ignore[assignment]
        return TableHistory(
            limits=limits, is_live=table.is_live, young=table.young, ended=table.ended, allowed=allowed, files=files
        )

    def _lake(self, view: RetentionView, tables: list[OldTable]) -> Lake:
        """Return what all old versions may take together, and their files where they may take more."""
        limits = [limits_of(self._policy, one.options) for one in tables]
        total = sum(one.old_bytes for one in tables)
        if total <= sum(one.allowed(0) for one in limits):
            return Lake()
        ids = [one.lake_table_ids for one in tables]
        allowed = sum(limit.allowed(view.live_bytes(one)) for limit, one in zip(limits, ids, strict=True))
        if total <= allowed:
            return Lake()
        return Lake(allowed=allowed, files=view.old_files(lake_id for one in ids for lake_id in one))

    def _ended(self, limit: int | None) -> list[int]:
        with self._store.read() as view:
            before = self._clock.now() - self._policy.instances
            return view.retention().ended_instances(before, -1 if limit is None else limit)

    def _forget(self, steps: Steps) -> tuple[int, int]:
        """Forget ended instances and old events; return how many of each."""
        now = self._clock.now()
        untold_from = now - self._policy.events
        instances = 0
        while not steps.over:
            found = self._ended(SNAPSHOTS_AT_ONCE)
            done = _forget_these(steps, found, untold_from)
            instances += done
            if not done or len(found) < SNAPSHOTS_AT_ONCE:
                break
        events = steps.until_done(
            lambda tx, size: tx.forget_events(untold_from, untold_from - self._policy.events, size)
        )
        return instances, events

    def _give_back(self, steps: Steps) -> None:
        """Give free pages back to the file system, a bounded step at a time, where there are many."""
        while not steps.over:
            with self._store.read() as view:
                free, pages = view.retention().free_pages()
            if free <= max(FREE_FEW, pages // FREE_SHARE):
                return
            before = free
            steps.through([1], lambda tx, _: _given(tx))
            with self._store.read() as view:
                if view.retention().free_pages()[0] >= before:
                    return


def _forget_these(steps: Steps, instance_ids: list[int], untold_from: int) -> int:
    """Forget instances, some tasks at a time; return how many instances are gone."""
    left, gone = list(instance_ids), 0

    def step(tx: RetentionTx, size: int) -> int:
        nonlocal left, gone
        part = left[:size]
        if not part:
            return 0
        removed, staying = tx.forget_instances(part, untold_from, size)
        gone += len(removed)
        left = [one for one in part if one not in removed and one not in staying] + left[size:]
        return len(part)

    steps.until_done(step)
    return gone


def _given(tx: RetentionTx) -> int:
    tx.give_back()
    return 1


def _next_size(size: int, took_ms: float) -> int:
    """Return how much the next step does: less at once when one took too long, more when it took little."""
    if took_ms > TARGET_MS:
        return max(1, int(size * TARGET_MS / took_ms))
    return min(MOST, size * 2) if took_ms < TARGET_MS / 2 else size
