"""Floor 2. Publish: the only way that data becomes visible.

Catalog, ledger, coverage, attempt, task, instance and events change in one transaction, after three checks in it: the
attempt is running and its lease lives; the table is as it was claimed; every file that it ends is still live.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.interval import IntervalSet
from mtctl.core.states import Outcome, TaskState, Transition
from mtctl.ports.changes import Published, Refused
from mtctl.store import rebuild, sources, staleness, turns, work
from mtctl.store.catalog import Commit
from mtctl.store.events import add_event
from mtctl.store.file_rows import add_files, end_files
from mtctl.store.replacing import carry
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from mtctl.core.model import Table
    from mtctl.core.staged import LedgerRow, StagedInterval
    from mtctl.ports.changes import Publication
    from mtctl.store.session import Session

_CHANGED = "the table was changed, rebuilt or dropped since the attempt began"
_MOVED = "a file that the attempt replaces is no longer the live one"


class _MovedError(Exception):
    """Something that the attempt replaces is not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What was pinned at the claim."""

    attempt_id: int
    version_id: int
    started_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Swap:
    """What the ledger gives up and gets: rows cleared, and the staged intervals."""

    cleared: tuple[LedgerRow, ...]
    fresh: tuple[StagedInterval, ...]

    @property
    def changed(self) -> IntervalSet:
        """The intervals whose content is another now: new, different or gone."""
        old = {row.interval: row.fingerprint for row in self.cleared}
        new = {one.interval: one.fingerprint for one in self.fresh}
        return IntervalSet.of(one for one in old.keys() | new.keys() if old.get(one) != new.get(one))

    @property
    def gone(self) -> IntervalSet:
        """The intervals that the table no longer holds."""
        return IntervalSet.of({row.interval for row in self.cleared} - {one.interval for one in self.fresh})


def publish(session: Session, publication: Publication) -> Published | Refused:
    """Make an attempt's data visible, or say why not: `lost` or `superseded`, and nothing has changed then."""
    held = publication.claimed
    asked = {
        "attempt_id": held.attempt_id,
        "ulid": held.attempt_ulid,
        "boot_id": session.boot_id,
        "boottime": session.boottime,
    }
    guard = session.row("work.attempt_guard", asked)
    if guard is None:
        return Refused(outcome=Outcome.LOST, why="the attempt is no longer running under a live lease")
    epoch, version_id, _, started_at = guard
    if session.value("tables.is_live", {"table_id": held.table.table_id}) != epoch:
        return Refused(outcome=Outcome.SUPERSEDED, why=_CHANGED)

    session.connection.execute("SAVEPOINT publish")
    attempt = _Attempt(attempt_id=held.attempt_id, version_id=version_id, started_at=started_at)
    try:
        published = _publish(session, publication, attempt)
    except _MovedError:
        session.connection.execute("ROLLBACK TO publish")
        session.connection.execute("RELEASE publish")
        return Refused(outcome=Outcome.SUPERSEDED, why=_MOVED)
    session.connection.execute("RELEASE publish")
    session.published = True
    return published


def _publish(session: Session, publication: Publication, attempt: _Attempt) -> Published:
    table = publication.claimed.table
    commit = Commit(session)
    if not end_files(commit, table, publication.ends):
        raise _MovedError
    file_ids = add_files(commit, table, attempt.attempt_id, publication)
    swap = _swap_of(session, publication)
    if not carry(commit, table, publication.replaced):
        raise _MovedError

    count = len(swap.fresh)
    extra = {"attempt": publication.claimed.attempt_ulid, "table": table.definition.name, "intervals": count}
    snapshot = commit.close(message=f"refresh {table.definition.name}", extra=extra)
    # Where nothing visible changes there is no snapshot: the ledger moves within the newest one.
    at = commit.last if snapshot is None else snapshot

    source_set_id, moved_sources = sources.record(session, publication.staged.sources, attempt.started_at)
    _write_ledger(session, publication, swap, _Place(attempt, at, file_ids, source_set_id))
    _check_ended(session, publication.ends)

    _cover(session, table, swap)
    rebuild.show_if_whole(session, table)
    sources.judge_built_from(session, moved_sources)
    transitions = _credit(session, publication, attempt, swap, snapshot)
    rows = sum(one.rows for one in swap.fresh)
    add_event(
        session,
        "published",
        table_id=table.table_id,
        instance_id=publication.claimed.task.instance_id,
        task_id=publication.claimed.task.task_id,
        attempt_id=attempt.attempt_id,
        snapshot=snapshot,
        intervals=count,
        rows=rows,
    )
    return Published(snapshot_id=snapshot, rows=rows, changed=swap.changed, transitions=transitions)


def _swap_of(session: Session, publication: Publication) -> _Swap:
    """Return what the ledger changes; every row given up must lie in a file that ends with it."""
    table_id = publication.claimed.table.table_id
    clears = IntervalSet.of(publication.clears)
    fresh = publication.staged.intervals
    for one in fresh:
        if one.interval not in clears:
            raise bug("publish_outside", f"interval {one.interval} is published outside of what the attempt clears")

    cleared = tuple(row for part in clears for row in staleness.rows_within(session, table_id, part))
    if any(row.interval not in clears for row in cleared):
        raise bug("publish_straddles", "an attempt clears a part of a published interval")
    ends = frozenset(publication.ends)
    if any(row.file_id is not None and row.file_id not in ends for row in cleared):
        raise _MovedError
    return _Swap(cleared=cleared, fresh=fresh)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where new ledger rows belong."""

    attempt: _Attempt
    snapshot: int
    file_ids: tuple[int, ...]
    source_set_id: int | None


def _write_ledger(session: Session, publication: Publication, swap: _Swap, place: _Place) -> None:
    """End what is cleared, then write the new rows."""
    table_id = publication.claimed.table.table_id
    for part in IntervalSet.of(row.interval for row in swap.cleared):
        ending = {"table_id": table_id, "snapshot": place.snapshot, "start": part.start, "end": part.end}
        session.run("ledger.end_rows", ending)

    new = [_new_row(table_id, one, place) | _credits(publication, one, place) for one in swap.fresh]
    session.run_many("ledger.add_row", new)


def _new_row(table_id: int, one: StagedInterval, place: _Place) -> dict[str, object]:
    return {
        "table_id": table_id,
        "start": one.interval.start,
        "end": one.interval.end,
        "snapshot": place.snapshot,
        "file_id": None if one.file is None else place.file_ids[one.file],
        "row_start": one.row_start,
        "rows": one.rows,
        "fingerprint": one.fingerprint,
    }


def _credits(publication: Publication, one: StagedInterval, place: _Place) -> dict[str, object]:
    return {
        "version_id": place.attempt.version_id,
        "attempt_id": place.attempt.attempt_id,
        "reads": json.dumps(publication.reads.get(one.interval, ())),
        "source_set_id": place.source_set_id,
        "invalidated": "",
    }


def _check_ended(session: Session, ends: tuple[int, ...]) -> None:
    """Raise where a live interval would be left in a file that has just ended: its rows would vanish unseen."""
    left = session.row("ledger.dangling", {"files": json.dumps(ends)}) if ends else None
    if left is not None:
        raise bug("publish_incomplete", f"a file ends that still holds the interval starting at {left[0]}")


def _cover(session: Session, table: Table, swap: _Swap) -> None:
    """Judge what was published, and what reads the intervals whose content changed."""
    published = IntervalSet.of(one.interval for one in swap.fresh)
    staleness.refresh_coverage(session, table.table_id, published, swap.gone)
    staleness.refresh_readers(session, table.table_id, swap.changed)


def _credit(
    session: Session, publication: Publication, attempt: _Attempt, swap: _Swap, snapshot: int | None
) -> tuple[Transition, ...]:
    """End the attempt and the task with success, and let what waited for it go on."""
    credit = {
        "attempt_id": attempt.attempt_id,
        "snapshot": snapshot,
        "intervals": len(swap.fresh),
        "rows": sum(one.rows for one in swap.fresh),
        "bytes": sum(file.bytes for file in publication.staged.files),
        "seconds": publication.seconds,
        "now": session.now,
    }
    session.run("work.credit_attempt", credit)
    done = Transition(
        task_id=publication.claimed.task.task_id,
        from_state=TaskState.RUNNING,
        to_state=TaskState.SUCCESS,
        attempt_id=attempt.attempt_id,
        outcome=Outcome.SUCCESS,
    )
    work.apply(session, [done], is_attempt_ended=True)
    turns.wake(session, publication.claimed.table.table_id)
    return done, *work.advance_below(session, done.task_id)
