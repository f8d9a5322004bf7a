"""Floor 2. Which published intervals are still right: judged from the ledger, kept merged in `coverage`.

A live ledger row is stale when its definition's content is no longer in force, when the content of something that it
read differs from what it recorded, when a file that it was built from has changed, or when it was invalidated. Nothing
else makes it stale, and the same facts always give the same answer: `audit` computes it again from nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.core.ledger import Coverage, Stale, digest, merge_coverage, read_range, readers
from mtctl.core.table_calendar import calendar_of
from mtctl.store.definition import decode
from mtctl.store.ledger_rows import ledger_row
from mtctl.store.shown import shown_definition, shown_of
from mtctl.store.view import coverage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Read, TableDefinition
    from mtctl.core.staged import LedgerRow
    from mtctl.store.session import Session

DEFINITION_CHANGED = "definition changed"
"""Why the intervals of a changed table are stale."""

_decode = lru_cache(maxsize=4096)(decode)


def refresh_coverage(session: Session, table_id: int, within: IntervalSet, gone: IntervalSet = EMPTY) -> None:
    """Bring the stored coverage of a table in step with its ledger `within` these intervals; `gone` ended for good."""
    judge = Judge(session, table_id)
    for part in within | gone:
        found = rows_within(session, table_id, part)
        fresh, stale = judge.sort(found)
        ended = IntervalSet.of([part]) & (gone - IntervalSet.of(row.interval for row in found))
        if not found and not ended:
            continue
        _store(session, table_id, part, ended, fresh, stale)


def refresh_readers(session: Session, table_id: int, changed: IntervalSet) -> None:
    """Judge again what reads a table whose content changed in these intervals."""
    if not changed or shown_of(session, table_id) is not None:  # readers do not see it yet
        return
    for (reader_id,) in session.rows("tables.readers", {"table_id": table_id}):
        affected = affected_by(session, reader_id, table_id, changed)
        if affected:
            refresh_coverage(session, reader_id, affected)


def refresh_all_readers(session: Session, table_id: int) -> None:
    """Judge again all that reads a table, whatever it read of it."""
    for (reader_id,) in session.rows("tables.readers", {"table_id": table_id}):
        refresh_coverage(session, reader_id, covered(session, reader_id))


def shape(definition: TableDefinition) -> tuple[object, ...]:
    """Return what decides which ranges of a table its readers read."""
    return definition.name.casefold(), definition.mode, definition.partition, definition.zone


def invalidate(session: Session, table_id: int, intervals: IntervalSet, reason: str) -> None:
    """Mark live intervals as no longer right, for a reason that the facts in the ledger do not show."""
    marked: list[Interval] = []
    for part in intervals:
        bindings = {"table_id": table_id, "start": part.start, "end": part.end, "reason": reason}
        marked += [Interval(start, end) for start, end in session.rows("ledger.invalidate", bindings)]
    refresh_coverage(session, table_id, IntervalSet.of(marked))


def affected_by(session: Session, reader_id: int, table_id: int, changed: IntervalSet) -> IntervalSet:
    """Return the intervals of a reader that may have read what changed.

    Every version that counts as the one in force is asked: two may differ in nothing but the range that they read.
    """
    upstream = definition_of(session, table_id)
    in_force = definition_of(session, reader_id)
    same = {"table_id": reader_id, "fingerprint": in_force.mark}

    affected = EMPTY
    for (version_id,) in session.rows("tables.versions_like", same):
        definition = version_of(session, version_id)
        for read in definition.reads:
            if read.table.casefold() == upstream.name.casefold():
                affected |= readers(read, changed, definition, calendar_of(definition))
    return affected


def rows_within(session: Session, table_id: int, part: Interval) -> list[LedgerRow]:
    """Return the live ledger rows of a table that overlap a range, by start."""
    bindings = {"table_id": table_id, "start": part.start, "end": part.end}
    return [ledger_row(table_id, row) for row in session.rows("ledger.rows", bindings)]


def definition_of(session: Session, table_id: int) -> TableDefinition:
    """Return the definition in force of a table, the last one of a dropped table."""
    found = session.row("tables.table", {"table_id": table_id})
    if found is None:
        raise KeyError(table_id)
    return _decode(found[-1])


def version_of(session: Session, version_id: int) -> TableDefinition:
    """Return the definition of one version."""
    return _decode(session.value("tables.version", {"version_id": version_id}))


class Judge:
    """Says of live ledger rows of one table which are fresh; looks each fact up once."""

    def __init__(self, session: Session, table_id: int) -> None:
        """Take the definition in force as the measure."""
        self._session = session
        self._mark = definition_of(session, table_id).mark
        self._versions: dict[int, TableDefinition] = {}
        self._sets: dict[int, str | None] = {}

    def sort(self, found: Sequence[LedgerRow]) -> tuple[IntervalSet, list[Stale]]:
        """Return the fresh intervals, and the stale ones each with its first reason."""
        contents = self._contents(found)
        fresh: list[Interval] = []
        stale: list[Stale] = []
        for row in found:
            reason = self._reason(row, contents)
            if reason:
                stale.append(Stale(interval=row.interval, reason=reason))
            else:
                fresh.append(row.interval)
        return IntervalSet.of(fresh), stale

    def _reason(self, row: LedgerRow, contents: dict[int, Content]) -> str:
        definition = self._version(row.version_id)
        if definition.mark != self._mark:
            return DEFINITION_CHANGED
        if row.invalidated:
            return row.invalidated
        for upstream_id, recorded in row.reads:
            if recorded and contents[upstream_id].digest_of(definition, row.interval) != recorded:
                return f"upstream {contents[upstream_id].definition.name} changed"
        path = self._outdated(row.source_set_id)
        return f"source {path} changed" if path else ""

    def _contents(self, found: Sequence[LedgerRow]) -> dict[int, Content]:
        """Return what each upstream of these rows holds now, over the range that they read."""
        contents: dict[int, Content] = {}
        for row in found:
            definition = self._version(row.version_id)
            if definition.mark != self._mark:
                continue
            for upstream_id, recorded in row.reads:
                if recorded:
                    if upstream_id not in contents:
                        contents[upstream_id] = Content(self._session, upstream_id)
                    contents[upstream_id].need(definition, row.interval)
        for content in contents.values():
            content.load()
        return contents

    def _version(self, version_id: int) -> TableDefinition:
        found = self._versions.get(version_id)
        if found is None:
            found = self._versions[version_id] = version_of(self._session, version_id)
        return found

    def _outdated(self, source_set_id: int | None) -> str | None:
        if source_set_id is None:
            return None
        if source_set_id not in self._sets:
            path = self._session.value("ledger.outdated_path", {"source_set_id": source_set_id})
            self._sets[source_set_id] = path
        return self._sets[source_set_id]


class Content:
    """What one upstream table holds now, as the digests that its readers recorded."""

    def __init__(self, session: Session, table_id: int) -> None:
        """Look at the upstream's definition; its rows are loaded once all needs are known."""
        shown = shown_of(session, table_id)
        self.definition = definition_of(session, table_id)
        if shown is not None:
            self.definition = shown_definition(session, shown.shown_id, self.definition.name)
        self._session = session
        self._table_id = table_id if shown is None else shown.shown_id
        self._calendar = calendar_of(self.definition)
        self._needed: dict[Interval, None] = {}
        self._ranges: dict[tuple[Read | None, Interval], Interval | None] = {}
        self._digests: dict[Interval, str] = {}

    def need(self, reader: TableDefinition, interval: Interval) -> None:
        """Note that an interval of a reader is going to be asked for."""
        reading = self._range(reader, interval)
        if reading is not None:
            self._needed[reading] = None

    def load(self) -> None:
        """Read the content once and compute the digest of each needed range."""
        if not self._needed:
            return
        span = Interval(min(one.start for one in self._needed), max(one.end for one in self._needed))
        bindings = {"table_id": self._table_id, "start": span.start, "end": span.end}
        found = self._session.rows("ledger.content", bindings)
        starts = [row[0] for row in found]
        ends = [row[1] for row in found]
        for reading in self._needed:
            parts = found[bisect_right(ends, reading.start) : bisect_left(starts, reading.end)]
            self._digests[reading] = digest(parts)

    def digest_of(self, reader: TableDefinition, interval: Interval) -> str:
        """Return the digest of what the interval would read now; '' where it reads nothing of this table."""
        reading = self._range(reader, interval)
        return "" if reading is None else self._digests[reading]

    def _range(self, reader: TableDefinition, interval: Interval) -> Interval | None:
        read = self._read_of(reader)
        key = (read, interval)
        if key not in self._ranges:
            found = None if read is None else read_range(read, interval, self.definition, self._calendar)
            self._ranges[key] = found
        return self._ranges[key]

    def _read_of(self, reader: TableDefinition) -> Read | None:
        name = self.definition.name.casefold()
        return next((read for read in reader.reads if read.table.casefold() == name), None)


def stale_all(session: Session, table_id: int) -> None:
    """Mark everything that a table holds as stale by definition, without looking at its ledger."""
    coverage = coverage_of(table_id, session.rows("ledger.coverage_of", {"table_id": table_id}))
    everything = coverage.fresh | coverage.stale_set
    session.run("ledger.clear_coverage", {"table_id": table_id})
    _insert(session, table_id, EMPTY, [Stale(interval=part, reason=DEFINITION_CHANGED) for part in everything])


def covered(session: Session, table_id: int) -> IntervalSet:
    """Return all intervals that a table holds, fresh or stale."""
    coverage = coverage_of(table_id, session.rows("ledger.coverage_of", {"table_id": table_id}))
    return coverage.fresh | coverage.stale_set


def _store(
    session: Session, table_id: int, part: Interval, ended: IntervalSet, fresh: IntervalSet, stale: Sequence[Stale]
) -> None:
    """Replace the stored ranges around a part, merged with what is known of it now."""
    span = _span([part, *(one.interval for one in stale), *fresh])
    near = session.rows("ledger.coverage_near", {"table_id": table_id, "start": span.start, "end": span.end})
    existing = coverage_of(table_id, near)
    kept = Coverage(
        table_id=table_id,
        fresh=existing.fresh - ended,
        stale=tuple(cut for one in existing.stale for cut in _cut(one, ended)),
    )
    merged = merge_coverage(kept, fresh, stale)
    session.run_many("ledger.drop_coverage", [{"table_id": table_id, "start": start} for start, _, _ in near])
    _insert(session, table_id, merged.fresh, merged.stale)


def _cut(one: Stale, ended: IntervalSet) -> Iterable[Stale]:
    return [Stale(interval=part, reason=one.reason) for part in IntervalSet.of([one.interval]) - ended]


def _insert(session: Session, table_id: int, fresh: IntervalSet, stale: Iterable[Stale]) -> None:
    ranges = [(part, "") for part in fresh] + [(one.interval, one.reason) for one in stale]
    session.run_many(
        "ledger.add_coverage",
        [{"table_id": table_id, "start": part.start, "end": part.end, "stale": reason} for part, reason in ranges],
    )


def _span(parts: Sequence[Interval]) -> Interval:
    return Interval(min(part.start for part in parts), max(part.end for part in parts))
