"""Floor 3. What became of a table between two moments: intervals by the ledger, rows by the engine.

Only intervals whose content may differ are opened; what was carried into another file, compacted or refreshed to the
same content is not. Rows are compared on the columns that both moments have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import Kind, MtctlError, not_found, usage
from mtctl.core.feed import Part, changes
from mtctl.core.names import joined_name, one_name
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import frozen, replace
from mtctl.ports.engine import CompareRequest, FileRange, Relation
from mtctl.services.asking import Asking
from mtctl.services.damaged import explained, told
from mtctl.services.deletions import deleted
from mtctl.services.diff_columns import Shared, shared
from mtctl.services.moments import known_moment, moment_of, shown
from mtctl.services.naming import unknown_table
from mtctl.services.past import by_name, refuse_odd
from mtctl.services.reports.diffing import Diff, IntervalDiff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.feed import IntervalChange
    from mtctl.core.model import Column, TableDefinition
    from mtctl.ports.engine import DeleteFile, QueryResult
    from mtctl.ports.history import Moment, Past, PastFile, PastTable
    from mtctl.ports.store import View

_LOOK_BACK = 50
"""How many moves of a table's ledger are looked at for the one before that changed its content."""


class Differ(Asking):
    """Compares two moments of one table."""

    def diff(self, name: str, earlier: str | None, later: str | None, key: Sequence[str] | None = None) -> Diff:
        """Return what differs between two moments (numbers or times), by the ledger alone; no row is read.

        `later` None means now, `earlier` None the version before that. `key` None means the primary key. Errors: those
        of `moments.moment_of`, `table_unknown`, `table_foreign`, `version_only`, `column_unknown`, `foreign_rows`.
        """
        with self._store.read() as view:
            before, after = self._moments(view, one_name(name), earlier, later)
        for snapshot_id in sorted({before.snapshot_id, after.snapshot_id}):
            self._pin(snapshot_id)
        with self._store.read() as view:
            for moment in (before, after):
                known_moment(view.past(), moment.snapshot_id, field="")
            return self._diff(view, one_name(name), (before, after), key)

    def rows(self, diff: Diff, limit: int | None) -> QueryResult:
        """Return the rows that differ, a chunk at a time: (change, times, the columns)."""
        return self._compare(diff, diff.request, limit)

    def summary(self, diff: Diff) -> tuple[IntervalDiff, ...]:
        """Return the intervals with their counts of rows: all rows of them are compared."""
        if not diff.intervals:
            return ()
        result = self._compare(diff, replace(diff.request, summary=True), None)
        counts = {int(row[0] or 0): [int(one or 0) for one in row[1:]] for chunk in result.chunks for row in chunk}
        found = []
        for number, interval in enumerate(diff.intervals):
            added, removed, changed = counts.get(number, (0, 0, 0))
            found.append(replace(interval, added=added, removed=removed, changed=changed))
        return tuple(found)

    # --- parts --------------------------------------------------------------------------------------------------

    def _compare(self, diff: Diff, request: CompareRequest, limit: int | None) -> QueryResult:
        at = diff.after.snapshot_id
        return told(
            lambda: self._engine().compare(request, diff.zone, limit),
            lambda error: explained(error, self._store, self._lake(), [diff.table], at),
        )

    def _moments(self, view: View, name: str, earlier: str | None, later: str | None) -> tuple[Moment, Moment]:
        past, zone, now = view.past(), self._project.zone, self._clock.now()
        after = past.newest() if later is None else moment_of(past, later, zone=zone, now=now, field="--to")
        if earlier is not None:
            before = moment_of(past, earlier, zone=zone, now=now, field="--from")
        else:
            before = _version_before(view, _table_at(past, name, (after,)), after)
        if before.snapshot_id > after.snapshot_id:
            fix = "swap them"
            raise usage("moments_backwards", f"{shown(before)} is later than {shown(after)}", where="--from", fix=fix)
        return before, after

    def _diff(self, view: View, name: str, moments: tuple[Moment, Moment], key: Sequence[str] | None) -> Diff:
        past, (before, after) = view.past(), moments
        table = _table_at(past, name, (after, before))
        table_id = _own(table)
        sides = [_of_id(past, table_id, moment) for moment in moments]
        common = _shared(past, table, sides, moments)

        definition = past.definition(table_id)
        held = [_holding(view, side, moment) for side, moment in zip(sides, moments, strict=True)]
        found = changes(*(_parts(past, table_id, one) for one in held))
        names = tuple(column.name for column in common.after)
        keys = _keys(definition.primary_key if key is None else key, names, given=key is not None)
        request = CompareRequest(
            before=_relation("before_rows", common.before, held[0], _ranges(held[0], found, old=True)),
            after=_relation("after_rows", common.after, held[1], _ranges(held[1], found, old=False)),
            names=names,
            key=tuple(names.index(one) for one in keys),
        )
        return Diff(
            table=joined_name(table.schema, table.name),
            before=before,
            after=after,
            columns=names,
            key=keys,
            column_changes=common.changes if None not in sides else (),
            intervals=tuple(_interval(change, definition) for change in found),
            request=request,
            zone=definition.zone,
        )


def _table_at(past: Past, name: str, moments: Sequence[Moment]) -> PastTable:
    """Return the table that bears a name at the first of these moments that has one; error `table_unknown`."""
    for moment in moments:
        found = by_name(past.tables(moment.snapshot_id)).get(name)
        if found is not None:
            return found
    error = unknown_table(name, by_name(past.tables(moments[0].snapshot_id)))
    error.where = f"in {shown(moments[0])}"
    raise error


def _own(table: PastTable) -> int:
    if table.table_id is None:
        raise MtctlError(
            "table_foreign",
            f"table {table.name!r} was made by a foreign client",
            kind=Kind.CONFLICT,
            fix="mtctl keeps no ledger of it; DuckDB's table_changes() shows its changes",
        )
    return table.table_id


def _of_id(past: Past, table_id: int, moment: Moment) -> PastTable | None:
    """Return the same table at a moment, whatever it was called then; None where it was not there."""
    return next((table for table in past.tables(moment.snapshot_id) if table.table_id == table_id), None)


def _shared(
    past: Past, table: PastTable, sides: Sequence[PastTable | None], moments: tuple[Moment, Moment]
) -> Shared:
    """Return the columns that both moments have; where the table was not there, those of the other moment."""
    before, after = moments
    old_lake, old = _columns(past, sides[0], before) if sides[0] is not None else _columns(past, table, after)
    new_lake, new = _columns(past, sides[1], after) if sides[1] is not None else _columns(past, table, before)
    return shared(old, new, same_lake=old_lake == new_lake)


def _columns(past: Past, table: PastTable, moment: Moment) -> tuple[int, tuple[Column, ...]]:
    lake = table.lake_table_id
    return lake, past.columns([lake], moment.snapshot_id)[lake]


@frozen
class _Holding:
    """What one moment holds of a table, by file id; `table` None: the table was not there. `gone` is by data file."""

    table: PastTable | None
    moment: Moment
    files: Mapping[int, PastFile]
    gone: Mapping[str, DeleteFile]


def _holding(view: View, table: PastTable | None, moment: Moment, *, only_changes: bool = False) -> _Holding:
    """Return what a table holds; to tell only what changed, its files matter where rows of them were deleted."""
    if table is None:
        return _Holding(table=None, moment=moment, files={}, gone={})
    lake, at = table.lake_table_id, moment.snapshot_id
    gone = {one.data: one for one in deleted(view, {lake: table.name}, at).get(lake, ())}
    files = [] if only_changes and not gone else view.past().files([lake], at)[lake]
    return _Holding(table=table, moment=moment, files={file.file_id: file for file in files}, gone=gone)


def _version_before(view: View, table: PastTable, after: Moment) -> Moment:
    """Return the newest moment at which a table's content was another; error `version_only`."""
    past, table_id = view.past(), _own(table)
    now = _parts(past, table_id, _holding(view, table, after, only_changes=True))
    moves = past.moves(table_id, after.snapshot_id, _LOOK_BACK)
    for moved in moves:
        found = past.before(moved)
        if found is None:
            break
        held = _holding(view, _of_id(past, table_id, found), found, only_changes=True)
        if changes(_parts(past, table_id, held), now):
            return found
    what = f"no version of table {table.name!r} before {shown(after)} is kept, or it has only one"
    if len(moves) == _LOOK_BACK:
        what = f"the {_LOOK_BACK} versions of table {table.name!r} up to {shown(after)} hold the same"
    raise not_found("version_only", what, fix="name a moment with --from; `mtctl table history` lists them")


def _parts(past: Past, table_id: int, held: _Holding) -> list[Part]:
    return [
        Part(
            interval=row.interval,
            fingerprint=f"{row.fingerprint}{_mark(held, row.file_id)}",
            rows=row.rows,
            file_id=row.file_id,
            row_start=row.row_start,
        )
        for row in past.ledger(table_id, held.moment.snapshot_id)
    ]


def _mark(held: _Holding, file_id: int | None) -> str:
    """Return what tells a file that a foreign client has deleted rows from from its former self; most often nothing."""
    file = held.files.get(file_id) if held.gone and file_id is not None else None
    one = held.gone.get(file.path) if file is not None else None
    if one is None:
        return ""
    return f"-{one.path}-{held.moment.snapshot_id if one.is_partial else ''}"


def _ranges(held: _Holding, found: Sequence[IntervalChange], *, old: bool) -> tuple[FileRange, ...]:
    """Return the rows that one side has in the stretches that differ, each with the number of its stretch."""
    if held.table is None:
        return ()
    refuse_odd(held.table, held.files.values())
    ranges = []
    for number, change in enumerate(found):
        for part in change.before if old else change.after:
            if part.file_id is None:
                continue
            file = held.files.get(part.file_id)
            if file is None:
                raise _unnamed(held.table.name, part.file_id)
            whole = part.rows == file.rows
            ranges.append(FileRange(path=file.path, start=part.row_start, rows=part.rows, part=number, whole=whole))
    return tuple(ranges)


def _unnamed(table: str, file_id: int) -> MtctlError:
    return MtctlError(
        "file_unknown",
        f"the ledger of table {table!r} names file {file_id}, which the catalog does not show then",
        kind=Kind.ENGINE,
        fix="a foreign client may have expired or merged it: `mtctl lake check` tells",
    )


def _relation(name: str, columns: Sequence[Column], held: _Holding, ranges: tuple[FileRange, ...]) -> Relation:
    named = tuple(replace(column, name=f"c{place}") for place, column in enumerate(columns))
    read = {one.path for one in ranges}
    gone = tuple(one for path, one in held.gone.items() if path in read)
    return Relation(names=(name,), columns=named, ranges=ranges, snapshot_id=held.moment.snapshot_id, deleted=gone)


def _keys(wanted: Sequence[str], names: Sequence[str], *, given: bool) -> tuple[str, ...]:
    """Return the key's columns; none where the primary key is not whole. Error `column_unknown` for a given one."""
    spelled = {name.lower(): name for name in names}
    for one in wanted:
        if one.lower() not in spelled and given:
            fix = f"both moments have {', '.join(names)}"
            raise not_found("column_unknown", f"{one!r} is no column of both moments", where="--key", fix=fix)
    found = tuple(dict.fromkeys(spelled[one.lower()] for one in wanted if one.lower() in spelled))
    return found if len(found) == len({one.lower() for one in wanted}) else ()


def _interval(change: IntervalChange, definition: TableDefinition) -> IntervalDiff:
    return IntervalDiff(
        label=show_interval(change.span, calendar_of(definition)),
        start=change.span.start,
        end=change.span.end,
        kind=change.kind,
        rows_before=sum(part.rows for part in change.before),
        rows_after=sum(part.rows for part in change.after),
    )
