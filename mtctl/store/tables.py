"""Floor 2. Definitions put in force and dropped: own rows, catalog, lineage, workflow, all in one lake snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from mtctl.core.errors import conflict, invalid, not_found
from mtctl.core.interval import EMPTY, WHOLE
from mtctl.core.values import replace
from mtctl.store import lake_table, rows, staleness
from mtctl.store.catalog import Commit
from mtctl.store.columns import evolve
from mtctl.store.definition import encode
from mtctl.store.events import add_event
from mtctl.store.work import cancel_tasks_of
from mtctl.store.workflows import drop_table_workflow, put_table_workflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Table, TableDefinition
    from mtctl.ports.changes import NewTable
    from mtctl.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A definition with its row and lake table; `old` is the table before, `gone` what a rebuild took away."""

    table_id: int
    definition: TableDefinition
    old: Table | None
    gone: IntervalSet
    rebuilt: bool


def put_tables(session: Session, tables: Sequence[NewTable]) -> dict[str, int]:
    """Put definitions in force in one lake snapshot; return table ids by name.

    Raises `table_exists` and `schema_incompatible` (CONFLICT), `upstream_unknown` (INVALID).
    """
    commit = Commit(session)
    placed = [_add(commit, new) if new.table_id is None else _change(commit, new) for new in tables]
    for one in placed:
        _link_reads(session, one)
        put_table_workflow(session, one.table_id, one.definition)
    commit.close(message="apply", extra={"tables": [one.definition.name for one in placed]})

    for one in placed:
        _judge_again(session, one)
    return {one.definition.name: one.table_id for one in placed}


def drop_tables(session: Session, table_ids: Sequence[int]) -> None:
    """Drop tables in one lake snapshot; what read them becomes stale, their idle tasks are cancelled.

    Older snapshots and their files stay for time travel. Raises `table_unknown` (NOT_FOUND).
    """
    commit = Commit(session)
    held: list[tuple[int, IntervalSet]] = []
    for table_id in table_ids:
        table = _table(session, table_id)
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


def _change(commit: Commit, new: NewTable) -> _Placed:
    session = commit.session
    old = _table(session, new.table_id)
    lake = _rebuild(commit, old, new.definition) if new.rebuild else _evolve(commit, old, new.definition)
    definition = replace(new.definition, columns=lake.columns)
    gone = staleness.covered(session, old.table_id) if new.rebuild else EMPTY

    supersedes = new.rebuild or _effective(definition) != _effective(old.definition)
    row = _file_columns(new) | {
        "table_id": old.table_id,
        "name": definition.name,
        "lake_table_id": lake.lake_table_id,
        "folder": lake.folder,
        "raise_epoch": int(supersedes),
    }
    session.run("tables.change_table", row)
    if new.rebuild:
        session.run("tables.note_lake_table", {"lake_table_id": lake.lake_table_id, "table_id": old.table_id})
        _end_ledger(commit, old.table_id)
    if definition != old.definition:
        _put_version(session, old.table_id, definition)
        add_event(session, "table_changed", table_id=old.table_id, name=definition.name, rebuilt=new.rebuild)
    return _Placed(table_id=old.table_id, definition=definition, old=old, gone=gone, rebuilt=new.rebuild)


def _rebuild(commit: Commit, old: Table, definition: TableDefinition) -> lake_table.LakeTable:
    lake_table.drop(commit, old.lake_table_id)
    return lake_table.make(commit, definition, str(uuid4()))


def _evolve(commit: Commit, old: Table, definition: TableDefinition) -> lake_table.LakeTable:
    if definition.name != old.definition.name:
        lake_table.rename(commit, old.lake_table_id, definition.name)
    columns = evolve(commit, old.lake_table_id, definition.name, definition.columns)
    lake_table.comment(commit, old.lake_table_id, definition.comment)
    return lake_table.LakeTable(lake_table_id=old.lake_table_id, folder=old.folder, columns=columns)


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
        "fingerprint": definition.fingerprint,
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
    elif placed.definition.fingerprint != old.definition.fingerprint:
        _judge_own(session, placed)
    if _shape(placed.definition) != _shape(old.definition):
        for (reader_id,) in session.rows("tables.readers", {"table_id": placed.table_id}):
            staleness.refresh_coverage(session, reader_id, staleness.covered(session, reader_id))


def _judge_own(session: Session, placed: _Placed) -> None:
    known = {"table_id": placed.table_id, "fingerprint": placed.definition.fingerprint}
    if len(session.rows("tables.versions_like", known)) > 1:  # back to an earlier content: some may be right again
        staleness.refresh_coverage(session, placed.table_id, staleness.covered(session, placed.table_id))
    else:
        staleness.stale_all(session, placed.table_id)


def _shape(definition: TableDefinition) -> tuple[object, ...]:
    """Return what decides which ranges of a table its readers read."""
    return definition.name.casefold(), definition.mode, definition.partition, definition.zone


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


