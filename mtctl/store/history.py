"""Floor 2. Earlier moments: snapshots that are kept, and the tables, columns and files of each.

Everything is read as of one snapshot by the catalog's half-open rule: begun at or before it, not ended by it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import WHOLE
from mtctl.core.lake_types import LakeColumn, duckdb_type
from mtctl.core.model import Column
from mtctl.ports.history import Moment, PastFile, PastTable
from mtctl.store.catalog import instant_of, time_text
from mtctl.store.ledger_rows import ledger_row
from mtctl.store.rebuild import SCHEMA as HIDDEN
from mtctl.store.shown import shown_of
from mtctl.store.staleness import definition_of
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.staged import LedgerRow
    from mtctl.ports.history import PastVersion
    from mtctl.store.session import Row, Session
    from mtctl.store.undrop import SqliteUndropping


class SqlitePast:
    """Implements `ports.Past`; valid inside the transaction whose session it got."""

    def __init__(self, session: Session) -> None:
        """Keep the session."""
        self._session = session

    def moment(self, snapshot_id: int) -> Moment | None:
        """Return a snapshot, None where it does not exist or is no longer kept."""
        return _moment(self._session.row("history.moment", {"snapshot": snapshot_id}))

    def oldest(self) -> Moment:
        """Return the oldest snapshot that is kept."""
        return _certain(self._session.row("history.oldest"))

    def newest(self) -> Moment:
        """Return the newest snapshot."""
        return _certain(self._session.row("history.newest"))

    def at_or_before(self, instant: Instant) -> Moment | None:
        """Return the newest kept snapshot that was there at an instant."""
        return _moment(self._session.row("history.at_or_before", {"time": time_text(instant)}))

    def before(self, snapshot_id: int) -> Moment | None:
        """Return the newest kept snapshot with a smaller id."""
        return _moment(self._session.row("history.before", {"snapshot": snapshot_id}))

    def after(self, snapshot_id: int) -> Moment | None:
        """Return the oldest kept snapshot with a greater id."""
        return _moment(self._session.row("history.after", {"snapshot": snapshot_id}))

    def tables(self, snapshot_id: int) -> list[PastTable]:
        """Return all tables of the lake as they were at a snapshot, by schema and name."""
        listed = self._session.rows("history.tables_at", {"snapshot": snapshot_id, "hidden": HIDDEN})
        return [
            PastTable(
                lake_table_id=lake_table_id,
                schema=schema,
                name=name,
                table_id=table_id,
                odd="a foreign client keeps rows of it in the catalog itself" if inlined else "",
            )
            for lake_table_id, schema, name, table_id, inlined in listed
        ]

    def columns(self, lake_table_ids: Iterable[int], snapshot_id: int) -> dict[int, tuple[Column, ...]]:
        """Return the columns of tables at a snapshot, in their order; every asked table is a key."""
        asked = list(lake_table_ids)
        parts: dict[int, list[LakeColumn]] = {table: [] for table in asked}
        at = {"snapshot": snapshot_id, "lake_table_ids": json.dumps(asked)}
        for table, column, name, kind, nullable, parent in self._session.rows("history.columns_at", at):
            row = LakeColumn(column_id=column, name=name, type=kind, nullable=bool(nullable), parent=parent)
            parts[table].append(row)
        return {table: _columns(rows) for table, rows in parts.items()}

    def files(self, lake_table_ids: Iterable[int], snapshot_id: int) -> dict[int, list[PastFile]]:
        """Return the data files of tables at a snapshot, by id; every asked table is a key."""
        asked = list(lake_table_ids)
        listed = json.dumps(asked)
        found: dict[int, list[PastFile]] = {table: [] for table in asked}
        data_path = self._session.data_path()
        for row in self._session.rows("history.files_at", {"lake_table_ids": listed, "snapshot": snapshot_id}):
            file_id, table, path, relative, folder, rows, partial, *_ = row
            found[table].append(
                PastFile(
                    file_id=file_id,
                    lake_table_id=table,
                    path=f"{data_path}{folder}{path}" if relative else path,
                    rows=rows,
                    is_partial=bool(partial),
                    odd=_odd(row),
                )
            )
        return found

    def definition(self, table_id: int) -> TableDefinition:
        """Return the definition in force of a table of mtctl's own, the last one of a dropped table."""
        return definition_of(self._session, table_id)

    def moves(self, table_id: int, snapshot_id: int, limit: int) -> list[int]:
        """Return the newest snapshots up to one that moved what the ledger says of a table, the newest first."""
        asked = {"table_id": table_id, "snapshot": snapshot_id, "limit": limit}
        return [one for (one,) in self._session.rows("history.moves", asked)]

    def ledger(self, table_id: int, snapshot_id: int) -> list[LedgerRow]:
        """Return the ledger rows of a table as readers saw it at a snapshot, by start.

        While a new version is built beside the shown one, what readers see stands under another id.
        """
        bindings = {"start": WHOLE.start, "end": WHOLE.end, "snapshot": snapshot_id}
        own = self._session.rows("ledger.rows_at", bindings | {"table_id": table_id})
        found = [ledger_row(table_id, row) for row in own]
        shown = shown_of(self._session, table_id)
        if shown is None:
            return found
        parked = self._session.rows("ledger.rows_at", bindings | {"table_id": shown.shown_id})
        found = [row for row in found if row.begin_snapshot < shown.begun_snapshot]
        found += [ledger_row(table_id, row) for row in parked]
        return sorted(found, key=lambda row: row.interval)

    def bearer(self, name: str) -> int | None:
        """Return the id of the table of mtctl's own that bears a name, or that bore it last; None where none did."""
        found = self._session.row("history.named", {"name": name})
        return None if found is None else int(found[0])

    def versions(self, table_id: int, limit: int) -> list[PastVersion]:
        """Return the snapshots that changed a table, the newest first."""
        from mtctl.store.versions import versions  # noqa: PLC0415 - a query of the past need not load it

        return versions(self._session, table_id, limit)

    def undropping(self) -> SqliteUndropping:
        """Return the reads of dropped tables, and in a write transaction the step that brings one back."""
        from mtctl.store.undrop import SqliteUndropping  # noqa: PLC0415 - a query of the past need not load it

        return SqliteUndropping(self._session)


def _odd(row: Row) -> str:
    *_, mapped = row
    return "a foreign client added it, without field ids" if mapped else ""


def _columns(rows: Sequence[LakeColumn]) -> tuple[Column, ...]:
    found = []
    for row in rows:
        if row.parent is None:
            stored = duckdb_type(row, rows)
            found.append(
                Column(
                    name=row.name,
                    type=stored,
                    stored_type=stored,
                    lake_type=row.type,
                    field_id=row.column_id,
                    nullable=row.nullable,
                )
            )
    return tuple(found)


def _moment(row: Row | None) -> Moment | None:
    return None if row is None else Moment(snapshot_id=row[0], at=instant_of(row[1]))


def _certain(row: Row | None) -> Moment:
    found = _moment(row)
    if found is None:
        raise bug("catalog_empty", "the catalog has no snapshot")
    return found
