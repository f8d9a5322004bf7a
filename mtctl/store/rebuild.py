"""Floor 2. A new version of a table, built beside the one that readers see, and shown in one snapshot.

The table itself is the new version from the first moment: its lake table, its ledger, its coverage. What readers see
meanwhile is parked: the old lake table keeps the table's name, the new one stands in a schema of its own; the old
ledger rows and coverage stand under the id of a row that nothing lists. When the new version holds what is needed, one
snapshot ends the old lake table and gives its name to the new one, in the transaction that published the last of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.core.names import quote
from mtctl.core.rebuild import Failure, Rebuild, is_whole, kept_of, needed_of
from mtctl.core.values import replace
from mtctl.store import lake_table, rows, staleness, turns
from mtctl.store.catalog import Commit
from mtctl.store.columns import numbered
from mtctl.store.definition import decode
from mtctl.store.events import add_event
from mtctl.store.shown import shown_definition, shown_of
from mtctl.store.view import coverage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, Table, TableDefinition
    from mtctl.store.session import Session
    from mtctl.store.shown import Shown

SCHEMA = "_mtctl"
"""The schema of the lake where new versions stand until they are shown."""


class SqliteRebuilds:
    """Implements `ports.rebuilding.Rebuilds`."""

    def __init__(self, session: Session) -> None:
        """Read within a view's transaction."""
        self._session = session

    def versions(self, version_ids: Iterable[int]) -> dict[int, TableDefinition]:
        """Return definitions by the id of their version."""
        return {one: staleness.version_of(self._session, one) for one in version_ids}

    def pending(self) -> dict[int, Rebuild]:
        """Return the rebuilds in hand by table id."""
        found = {}
        for table_id, shown_id, needed, since_version, begun_at, _, _, text in self._session.rows("rebuild.all"):
            found[table_id] = Rebuild(
                table_id=table_id,
                shown=decode(text),
                fresh=_coverage(self._session, shown_id).fresh,
                needed=rows.intervals(needed) or EMPTY,
                since_version=since_version,
                begun_at=begun_at,
            )
        return found

    def parked(self) -> dict[int, Table]:
        """Return, by the id of each table of which a new version is built, the old one under the id of its books."""
        found = {}
        for table_id, shown_id, *_ in self._session.rows("rebuild.all"):
            name = _table_row(self._session, table_id).definition.name
            old = _table_row(self._session, shown_id)
            found[table_id] = replace(old, definition=replace(old.definition, name=name))
        return found

    def failures(self, table_id: int, since: Instant, limit: int) -> list[Failure]:
        """Return attempts at the version in force that did not end well since an instant, the newest first."""
        asked = {"table_id": table_id, "since": since, "limit": limit}
        return [
            Failure(intervals=rows.intervals(text) or EMPTY, code=code, error=error)
            for text, code, error in self._session.rows("rebuild.failures", asked)
        ]

    def shown(self, tables: Sequence[Table]) -> list[Table]:
        """Return tables as readers see them: the old version of those that are being rebuilt."""
        found = self._session.rows("rebuild.all")
        if not found:
            return list(tables)
        old = {row[0]: row for row in found}
        return [_old(table, old[table.table_id]) if table.table_id in old else table for table in tables]

    def replaced(self, names: Sequence[str], snapshot_id: int) -> bool:
        """Return whether one of these tables is another version now than it was at a snapshot."""
        asked = {"names": json.dumps(list(names)), "snapshot": snapshot_id}
        return bool(names) and self._session.value("rebuild.replaced", asked) is not None


def begin(commit: Commit, old: Table, definition: TableDefinition) -> tuple[lake_table.LakeTable, IntervalSet] | None:
    """Make the lake table of a new version beside the old one; return it with what it must hold before it is shown.

    None where nothing that the old version holds is wanted of the new one: it may take its place at once.
    """
    session = commit.session
    needed = needed_of(old.definition, definition, _coverage(session, old.table_id), session.now)
    if not needed:
        return None
    uuid = str(uuid4())
    table = commit.new_catalog_id()
    folder = lake_table.folder_of(definition.name, uuid)
    columns = numbered(definition.columns)
    schema = lake_table.schema_id(commit, SCHEMA)
    hidden = {"table": table, "uuid": uuid, "snapshot": commit.snapshot, "schema": schema, "folder": folder}
    name = f"{definition.name}_{uuid[:8]}"
    session.run("rebuild.add_hidden_table", hidden | {"name": name})
    commit.note_schema(f"created_table:{quote(SCHEMA)}.{quote(name)}", table)
    lake_table.fill(commit, table, columns, definition.comment)
    return lake_table.LakeTable(lake_table_id=table, folder=folder, columns=columns), needed


def park(commit: Commit, old: Table, needed: IntervalSet, since_version: int) -> None:
    """Put the books of the old version aside, under the id of a row of their own; the table is the new one already."""
    session = commit.session
    uuid = str(uuid4())
    row = {
        "uuid": uuid,
        "name": f"_mtctl_old_{uuid[:8]}",
        "lake_table_id": old.lake_table_id,
        "folder": old.folder,
        "version_id": old.version_id,
        "now": session.now,
    }
    shown_id: int = session.value("rebuild.park", row)
    session.run("rebuild.move_live_rows", {"from": old.table_id, "to": shown_id})
    session.run("rebuild.move_coverage", {"from": old.table_id, "to": shown_id})
    begun = {
        "table_id": old.table_id,
        "shown_id": shown_id,
        "snapshot": commit.snapshot,
        "now": session.now,
        "since_version": since_version,
        "needed": rows.intervals_json(needed),
    }
    session.run("rebuild.add", begun)
    add_event(session, "rebuild_begun", table_id=old.table_id, name=old.definition.name)


def abandon(commit: Commit, table: Table) -> Table:
    """Drop the half-built version of a table, if there is one: the old one is the table again. Return it as it is."""
    session = commit.session
    shown = shown_of(session, table.table_id)
    if shown is None:
        return table
    old = _table_row(session, shown.shown_id)
    lake_table.drop(commit, table.lake_table_id)
    session.run("rebuild.unsee_rows", {"table_id": table.table_id, "begun": shown.begun_snapshot})
    session.run("rebuild.end_live_rows", {"table_id": table.table_id})
    session.run("rebuild.drop_coverage", {"table_id": table.table_id})
    session.run("rebuild.move_live_rows", {"from": shown.shown_id, "to": table.table_id})
    session.run("rebuild.move_coverage", {"from": shown.shown_id, "to": table.table_id})
    session.run("rebuild.drop", {"table_id": table.table_id})
    session.run("rebuild.unpark", {"table_id": shown.shown_id})
    back = {"lake_table_id": old.lake_table_id, "folder": old.folder, "version_id": old.version_id}
    session.run("rebuild.restore_table", back | {"table_id": table.table_id})
    add_event(session, "rebuild_abandoned", table_id=table.table_id, name=table.definition.name)
    definition = replace(old.definition, name=table.definition.name)
    return replace(_table_row(session, table.table_id), definition=definition)


def show_if_whole(session: Session, table: Table) -> None:
    """Show a new version that holds all that is needed; the old one ends in the same snapshot."""
    shown = shown_of(session, table.table_id)
    if shown is None or not is_whole(rows.intervals(shown.needed) or EMPTY, _coverage(session, table.table_id)):
        return
    before = shown_definition(session, shown.shown_id, table.definition.name)
    changed = _changed(session, shown.shown_id, table.table_id)

    commit = Commit(session)
    lake_table.drop(commit, _table_row(session, shown.shown_id).lake_table_id)
    lake_table.rename(commit, table.lake_table_id, table.definition.name)
    commit.close(message=f"show the new version of {table.definition.name}", extra={"table": table.definition.name})
    _join_books(session, table.table_id, shown, commit.snapshot)

    add_event(session, "rebuild_shown", table_id=table.table_id, name=table.definition.name, snapshot=commit.snapshot)
    if staleness.shape(before) == staleness.shape(table.definition):
        staleness.refresh_readers(session, table.table_id, changed)
    else:
        staleness.refresh_all_readers(session, table.table_id)
    turns.wake(session, table.table_id)


def narrow(session: Session, table: Table) -> None:
    """Need no more of a new version than its definition still wants, and show it where it holds that."""
    shown = shown_of(session, table.table_id)
    if shown is None:
        return
    needed = rows.intervals(shown.needed) or EMPTY
    left = kept_of(needed, table.definition, session.now)
    if left != needed:
        session.run("rebuild.need", {"table_id": table.table_id, "needed": rows.intervals_json(left)})
        show_if_whole(session, table)


def rename_shown(commit: Commit, table: Table, name: str) -> bool:
    """Give the old version of a table that is being rebuilt the table's new name; False where there is no rebuild."""
    shown = shown_of(commit.session, table.table_id)
    if shown is None:
        return False
    lake_table.rename(commit, _table_row(commit.session, shown.shown_id).lake_table_id, name)
    return True


def _join_books(session: Session, table_id: int, shown: Shown, snapshot: int) -> None:
    """End the old version's ledger rows and let the new ones begin with the snapshot that shows them."""
    own = {"table_id": table_id, "begun": shown.begun_snapshot}
    session.run("rebuild.unsee_rows", own)
    session.run("rebuild.show_rows", own | {"snapshot": snapshot})
    session.run("rebuild.move_ended_rows", {"from": shown.shown_id, "to": table_id, "snapshot": snapshot})
    session.run("rebuild.drop_coverage", {"table_id": shown.shown_id})
    session.run("rebuild.drop", {"table_id": table_id})
    session.run("rebuild.unpark", {"table_id": shown.shown_id})


def _changed(session: Session, shown_id: int, table_id: int) -> IntervalSet:
    """Return the intervals that read differently once the new version is shown."""
    contents = [
        {Interval(start, end): text for start, end, text in session.rows("rebuild.contents", {"table_id": one})}
        for one in (shown_id, table_id)
    ]
    old, new = contents
    return IntervalSet.of(one for one in old.keys() | new.keys() if old.get(one) != new.get(one))


def _old(table: Table, row: Sequence[object]) -> Table:
    *_, lake_table_id, folder, text = row
    definition = replace(decode(str(text)), name=table.definition.name)
    return replace(table, lake_table_id=lake_table_id, folder=folder, definition=definition)


def _table_row(session: Session, table_id: int) -> Table:
    row = session.row("tables.table", {"table_id": table_id})
    if row is None:
        raise KeyError(table_id)
    return rows.table(row)


def _coverage(session: Session, table_id: int) -> Coverage:
    return coverage_of(table_id, session.rows("ledger.coverage_of", {"table_id": table_id}))
