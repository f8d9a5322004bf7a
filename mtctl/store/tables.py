"""Floor 2. Definitions put in force and dropped: own rows, catalog, lineage, workflow, all in one lake snapshot."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from mtctl.core.errors import conflict, invalid, not_found
from mtctl.core.interval import EMPTY, WHOLE
from mtctl.core.values import replace
from mtctl.store import lake_table, rebuild, rows, staleness
from mtctl.store.catalog import Commit
from mtctl.store.columns import evolve, numbered
from mtctl.store.definition import encode
from mtctl.store.events import add_event
from mtctl.store.work import cancel_tasks_of
from mtctl.store.workflows import drop_table_workflow, put_table_workflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Column, Table, TableDefinition
    from mtctl.ports.changes import NewTable
    from mtctl.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A definition with its row and lake table; `old` is the table before, `gone` what a rebuild took away.

    `restored` says that a new version was given up: what the old one holds is to be judged again.
    """

    table_id: int
    definition: TableDefinition
    old: Table | None
    gone: IntervalSet
    rebuilt: bool
    restored: bool = False


def put_tables(session: Session, tables: Sequence[NewTable]) -> dict[str, int]:
    """Put definitions in force in one lake snapshot; return table ids by name.

    Raises `table_exists` and `schema_incompatible` (CONFLICT), `upstream_unknown` (INVALID).
    """
    commit = Commit(session)
    since: int = session.value("rebuild.newest_version")
    placed = [_add(commit, new) if new.table_id is None else _change(commit, new, since) for new in tables]
    for one in placed:
        _link_reads(session, one)
        put_table_workflow(session, one.table_id, one.definition)
    commit.close(message="apply", extra={"tables": [one.definition.name for one in placed]})

    for one in placed:
        _judge_again(session, one)
        if one.old is not None and not one.rebuilt:
            rebuild.narrow(session, _table(session, one.table_id))
    other = [one.table_id for one in placed if one.old is not None and _other_intervals(one.old, one.definition)]
    cancel_tasks_of(session, other, "the intervals of the table are others now")
    return {one.definition.name: one.table_id for one in placed}


def drop_tables(session: Session, table_ids: Sequence[int]) -> None:
    """Drop tables in one lake snapshot; what read them becomes stale, their idle tasks are cancelled.

    Older snapshots and their files stay for time travel. Raises `table_unknown` (NOT_FOUND).
    """
    commit = Commit(session)
    held: list[tuple[int, IntervalSet]] = []
    for table_id in table_ids:
        table = _table(session, table_id)
        table = rebuild.abandon(commit, table)
        held.append((table_id, staleness.covered(session, table_id)))
        lake_table.drop(commit, table.lake_table_id)
        _end_ledger(commit, table_id)
        if not session.run("tables.drop_table", {"table_id": table_id, "now": session.now}):
            raise not_found("table_unknown", f"table {table.definition.name} is dropped already")
        session.run("tables.clear_reads", {"table_id": table_id})
        drop_table_workflow(session, table_id)
        add_event(session, "table_dropped", table_id=table_id, name=table.definition.name)
    commit.close(message="drop")

    for table_id, gone in held:
        staleness.refresh_readers(session, table_id, gone)
    cancel_tasks_of(session, table_ids, "table dropped")


def _add(commit: Commit, new: NewTable) -> _Placed:
    session = commit.session
    definition = new.definition
    if session.value("tables.table_id", {"name": definition.name}) is not None:
        raise conflict("table_exists", f"table {definition.name} exists already", fix="choose another name")

    uuid = str(uuid4())
    made = lake_table.make(commit, definition, uuid)
    definition = replace(definition, columns=made.columns)
    row = _file_columns(new) | {
        "uuid": uuid,
        "name": definition.name,
        "lake_table_id": made.lake_table_id,
        "folder": made.folder,
        "now": session.now,
    }
    table_id: int = session.value("tables.add_table", row)
    session.run("tables.note_lake_table", {"lake_table_id": made.lake_table_id, "table_id": table_id})
    session.run("tables.relink_readers", {"table_id": table_id, "name": definition.name})
    _put_version(session, table_id, definition)
    add_event(session, "table_created", table_id=table_id, name=definition.name)
    return _Placed(table_id=table_id, definition=definition, old=None, gone=EMPTY, rebuilt=False)


def _change(commit: Commit, new: NewTable, since_version: int) -> _Placed:
    was = _table(commit.session, new.table_id)
    old = rebuild.abandon(commit, was) if new.rebuild or new.abandon else was
    if new.rebuild:
        return _renew(commit, new, old, since_version)
    lake = _evolve(commit, old, new.definition)
    definition = replace(new.definition, columns=lake.columns, content=_content(old, new, lake.columns))
    _write_change(commit, new, definition, lake, supersedes=_effective(definition) != _effective(was.definition))
    if definition != old.definition or new.abandon:
        _put_version(commit.session, old.table_id, definition)
        add_event(commit.session, "table_changed", table_id=old.table_id, name=definition.name, rebuilt=False)
    return _Placed(
        table_id=old.table_id, definition=definition, old=old, gone=EMPTY, rebuilt=False, restored=new.abandon
    )


def _renew(commit: Commit, new: NewTable, old: Table, since_version: int) -> _Placed:
    """Build a new version: beside the old one where that holds something that is wanted, else in its place at once."""
    session = commit.session
    gone = EMPTY
    beside = rebuild.begin(commit, old, new.definition)
    lake = _rebuild(commit, old, new.definition) if beside is None else beside[0]
    definition = replace(new.definition, columns=lake.columns, content="")
    _write_change(commit, new, definition, lake, supersedes=True)
    session.run("tables.note_lake_table", {"lake_table_id": lake.lake_table_id, "table_id": old.table_id})
    if beside is None:
        gone = staleness.covered(session, old.table_id)
        _end_ledger(commit, old.table_id)
    else:
        rebuild.park(commit, old, beside[1], since_version)
    _put_version(session, old.table_id, definition)
    add_event(session, "table_changed", table_id=old.table_id, name=definition.name, rebuilt=True)
    return _Placed(table_id=old.table_id, definition=definition, old=old, gone=gone, rebuilt=True)


def _write_change(
    commit: Commit, new: NewTable, definition: TableDefinition, lake: lake_table.LakeTable, *, supersedes: bool
) -> None:
    row = _file_columns(new) | {
        "table_id": new.table_id,
        "name": definition.name,
        "lake_table_id": lake.lake_table_id,
        "folder": lake.folder,
        "raise_epoch": int(supersedes),
    }
    commit.session.run("tables.change_table", row)


def _rebuild(commit: Commit, old: Table, definition: TableDefinition) -> lake_table.LakeTable:
    lake_table.drop(commit, old.lake_table_id)
    return lake_table.make(commit, definition, str(uuid4()))


def _evolve(commit: Commit, old: Table, definition: TableDefinition) -> lake_table.LakeTable:
    if definition.name != old.definition.name and not rebuild.rename_shown(commit, old, definition.name):
        lake_table.rename(commit, old.lake_table_id, definition.name)
    columns = evolve(commit, old.lake_table_id, old.definition, definition)
    lake_table.comment(commit, old.lake_table_id, definition.comment)
    return lake_table.LakeTable(lake_table_id=old.lake_table_id, folder=old.folder, columns=columns)


def _content(old: Table, new: NewTable, columns: tuple[Column, ...]) -> str:
    """Return what marks the data of a changed definition, '' where its fingerprint does.

    Columns that came and went and came again are other columns: rows of the first ones hold nothing of them.
    """
    if new.keeps or new.definition.fingerprint == old.definition.fingerprint:
        return "" if old.definition.mark == new.definition.fingerprint else old.definition.mark
    ids = [column.field_id for column in columns]
    if ids == [column.field_id for column in numbered(columns)]:
        return ""
    return hashlib.sha256(f"{new.definition.fingerprint} {ids}".encode()).hexdigest()[:32]


def _effective(definition: TableDefinition) -> TableDefinition:
    """Return the definition without what a running attempt may ignore: words about the table, and when it runs."""
    columns = tuple(replace(column, comment=None) for column in definition.columns)
    return replace(
        definition,
        ddl="",
        columns=columns,
        comment=None,
        refresh_mode=None,
        freshness=None,
        schedule=None,
        tags=(),
        options=(),
    )


def _put_version(session: Session, table_id: int, definition: TableDefinition) -> None:
    bindings = {
        "table_id": table_id,
        "fingerprint": definition.mark,
        "definition": encode(definition),
        "now": session.now,
    }
    version_id = session.value("tables.add_version", bindings)
    session.run("tables.enforce_version", {"table_id": table_id, "version_id": version_id})


def _link_reads(session: Session, placed: _Placed) -> None:
    session.run("tables.clear_reads", {"table_id": placed.table_id})
    for read in placed.definition.reads:
        upstream_id = session.value("tables.table_id", {"name": read.table})
        if upstream_id is None:
            what = f"table {placed.definition.name} reads {read.table}, which does not exist"
            raise invalid("upstream_unknown", what, fix=f"define {read.table}, or correct the name in the query")
        session.run("tables.add_read", {"table_id": placed.table_id, "upstream_id": upstream_id})


def _judge_again(session: Session, placed: _Placed) -> None:
    """Bring coverage in step with a changed definition: its own, and that of what reads it."""
    old = placed.old
    if old is None:
        return
    if placed.rebuilt:
        session.run("ledger.clear_coverage", {"table_id": placed.table_id})
        staleness.refresh_readers(session, placed.table_id, placed.gone)
    elif placed.restored:
        staleness.refresh_coverage(session, placed.table_id, staleness.covered(session, placed.table_id))
    elif placed.definition.mark != old.definition.mark:
        _judge_own(session, placed)
    if staleness.shape(placed.definition) != staleness.shape(old.definition):
        staleness.refresh_all_readers(session, placed.table_id)


def _other_intervals(old: Table, new: TableDefinition) -> bool:
    """Return whether open tasks of a table may be for intervals that it has no more."""
    return _division(old.definition) != _division(new)


def _division(definition: TableDefinition) -> tuple[object, ...]:
    """Return what divides time into a table's intervals."""
    if definition.partition is None:
        return (definition.mode,)
    return definition.mode, definition.zone, definition.partition.grain, definition.partition.columns


def _judge_own(session: Session, placed: _Placed) -> None:
    known = {"table_id": placed.table_id, "fingerprint": placed.definition.mark}
    if len(session.rows("tables.versions_like", known)) > 1:  # back to an earlier content: some may be right again
        staleness.refresh_coverage(session, placed.table_id, staleness.covered(session, placed.table_id))
    else:
        staleness.stale_all(session, placed.table_id)


def _end_ledger(commit: Commit, table_id: int) -> None:
    bindings = {"table_id": table_id, "snapshot": commit.snapshot, "start": WHOLE.start, "end": WHOLE.end}
    commit.session.run("ledger.end_rows", bindings)
    commit.session.run("ledger.clear_coverage", {"table_id": table_id})


def _table(session: Session, table_id: int | None) -> Table:
    row = session.row("tables.table", {"table_id": table_id})
    if row is None:
        raise not_found("table_unknown", f"there is no table with id {table_id}")
    return rows.table(row)


def _file_columns(new: NewTable) -> dict[str, object]:
    return {
        "origin": new.origin.value,
        "file": new.file,
        "file_sha256": new.file_sha256,
        "file_size": new.file_size,
        "file_mtime_ns": new.file_mtime_ns,
    }


