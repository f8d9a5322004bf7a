"""Floor 2. Brings back a dropped table: a new lake table with its files under second names, its ledger and workflow.

What the catalog says of the old lake table stays as it is: older snapshots go on showing it, and its end too. Rows keep
their row ids and field ids, statistics and digests; what is no longer whole is left out, and so is missing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.errors import conflict, invalid
from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.core.model import Origin
from mtctl.ports.undrop import Dropped, DroppedFile, Undropped
from mtctl.store import lake_table, staleness
from mtctl.store.catalog import Commit
from mtctl.store.definition import decode, encode
from mtctl.store.events import add_event
from mtctl.store.workflows import put_table_workflow

if TYPE_CHECKING:
    from collections.abc import Collection

    from mtctl.core.model import TableDefinition
    from mtctl.store.session import Session


class SqliteUndropping:
    """Implements `ports.Undropping`; valid inside the transaction whose session it got."""

    def __init__(self, session: Session) -> None:
        """Keep the session."""
        self._session = session

    def names(self) -> list[str]:
        """Return the names of dropped tables of which anything is kept."""
        return [name for (name,) in self._session.rows("undrop.names")]

    def dropped(self, name: str, new_name: str, uuid: str) -> Dropped | None:
        """Return the table that bore a name last and was dropped, as it would come back under a new one."""
        session = self._session
        row = session.row("undrop.dropped", {"name": name})
        if row is None:
            return None
        table_id, dropped_at, lake, origin, file, snapshot, folder, definition = row
        of = {"table_id": table_id, "lake": lake, "snapshot": snapshot}
        top = session.data_path() + folder
        files = tuple(
            DroppedFile(file_id=file_id, path=top + path, name=path.rpartition("/")[2])
            for file_id, path in session.rows("undrop.files", of)
        )
        listed = json.dumps([one.file_id for one in files])
        intervals, lost = session.row("undrop.held", of | {"files": listed}) or (0, 0)
        had_data = bool(session.value("undrop.has_data", {"table_id": table_id}))
        return Dropped(
            table_id=table_id,
            definition=decode(definition),
            origin=Origin(origin),
            file=file,
            dropped_at=dropped_at,
            snapshot_id=snapshot,
            lake_table_id=lake,
            uuid=uuid,
            folder=lake_table.folder_of(new_name, uuid),
            files=files,
            intervals=intervals,
            had_data=had_data,
            is_whole=not lost and (intervals > 0 or not had_data),
        )

    def undrop(
        self, dropped: Dropped, definition: TableDefinition, placed: Collection[int], *, keeps_file: bool
    ) -> Undropped:
        """Put a dropped table in force again under the definition's name, with those files that were `placed`."""
        session = self._session
        self._check(dropped, definition.name)
        commit = Commit(session)
        made = lake_table.make(commit, definition, dropped.uuid, keeps_ids=True)
        self._put_back(dropped, definition, made, keeps_file=keeps_file)
        new = {"lake": made.lake_table_id, "old": dropped.lake_table_id, "snapshot": commit.snapshot}
        session.run("undrop.reserve_columns", new)
        session.run("undrop.copy_table_stats", new)
        whole = self._whole_files(dropped)
        files: list[tuple[int | None, int | None]] = [(None, None)]
        files += [
            (file.file_id, _copy_file(commit, made.lake_table_id, file))
            for file in dropped.files
            if file.file_id in placed and file.file_id in whole
        ]
        if len(files) > 1:
            commit.note(f"inserted_into_table:{made.lake_table_id}")
        snapshot = commit.close(message=f"undrop {definition.name}", extra={"tables": [definition.name]})

        for old, file_id in files:
            row = {"table_id": dropped.table_id, "dropped": dropped.snapshot_id, "snapshot": snapshot}
            session.run("undrop.copy_ledger", row | {"old": old, "file": file_id})
        _link(session, dropped.table_id, definition)
        put_table_workflow(session, dropped.table_id, definition)
        staleness.refresh_coverage(session, dropped.table_id, IntervalSet.of([WHOLE]))
        staleness.refresh_readers(session, dropped.table_id, staleness.covered(session, dropped.table_id))
        found = staleness.rows_within(session, dropped.table_id, WHOLE)
        rows = sum(one.rows for one in found)
        add_event(session, "table_undropped", table_id=dropped.table_id, name=definition.name, intervals=len(found))
        return Undropped(snapshot_id=snapshot or commit.last, intervals=len(found), rows=rows)

    def _whole_files(self, dropped: Dropped) -> set[int]:
        """Return the files of a dropped table whose rows catalog and ledger still know: expiry takes both in steps."""
        of = {"table_id": dropped.table_id, "lake": dropped.lake_table_id, "snapshot": dropped.snapshot_id}
        return {file_id for file_id, _ in self._session.rows("undrop.files", of)}

    def _check(self, dropped: Dropped, name: str) -> None:
        session = self._session
        same = {"table_id": dropped.table_id, "dropped_at": dropped.dropped_at}
        if session.row("undrop.still_dropped", same) is None:
            raise conflict("undrop_outdated", f"table {name} was brought back meanwhile", fix="see `mtctl table list`")
        if session.value("tables.table_id", {"name": name}) is not None:
            raise conflict("table_exists", f"table {name!r} exists", fix="choose another name with --as")

    def _put_back(
        self, dropped: Dropped, definition: TableDefinition, made: lake_table.LakeTable, *, keeps_file: bool
    ) -> None:
        session = self._session
        row = {
            "table_id": dropped.table_id,
            "name": definition.name,
            "origin": (dropped.origin if keeps_file else Origin.COMMAND).value,
            "file": dropped.file if keeps_file else None,
            "lake": made.lake_table_id,
            "folder": made.folder,
        }
        session.run("undrop.put_back", row)
        session.run("tables.note_lake_table", {"lake_table_id": made.lake_table_id, "table_id": dropped.table_id})
        session.run("tables.relink_readers", {"table_id": dropped.table_id, "name": definition.name})
        if definition != dropped.definition:
            version = {
                "table_id": dropped.table_id,
                "fingerprint": definition.fingerprint,
                "definition": encode(definition),
                "now": session.now,
            }
            version_id = session.value("tables.add_version", version)
            session.run("tables.enforce_version", {"table_id": dropped.table_id, "version_id": version_id})


def _copy_file(commit: Commit, lake: int, file: DroppedFile) -> int:
    """Add the second row of a file, under its second name; return its id."""
    file_id = commit.new_file_id()
    copy = {"file": file_id, "lake": lake, "old": file.file_id, "snapshot": commit.snapshot, "path": file.name}
    for name in ("copy_file", "copy_stats", "copy_digest"):
        commit.session.run(f"undrop.{name}", copy)
    return file_id


def _link(session: Session, table_id: int, definition: TableDefinition) -> None:
    """Write the lineage again; what the table reads must be there."""
    for read in definition.reads:
        upstream_id = session.value("tables.table_id", {"name": read.table})
        if upstream_id is None:
            what = f"table {definition.name} reads {read.table}, which does not exist"
            raise invalid("upstream_unknown", what, fix=f"bring that back first: `mtctl table undrop {read.table}`")
        session.run("tables.add_read", {"table_id": table_id, "upstream_id": upstream_id})
