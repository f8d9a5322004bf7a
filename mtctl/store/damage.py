"""Floor 2. What the catalog names, what others have done to it, and the rows that put the books right.

Delete files and foreign rows on our tables are taken out in one snapshot of our own: older snapshots show what they
showed. An interval whose file row is gone for good cannot be read at any snapshot, so it is simply missing again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.ports.damage import DAMAGED, ForeignTable, NamedFile, Oddity
from mtctl.store import staleness
from mtctl.store.catalog import Commit, check_version
from mtctl.store.events import add_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtctl.store.session import Row, Session


class SqliteDamage:
    """Implements `ports.DamageTx` over one session."""

    def __init__(self, session: Session) -> None:
        """Keep the session."""
        self._session = session

    def files(self) -> list[NamedFile]:
        """Return every data file and delete file that the catalog names, by table and id."""
        return [self._named(row) for row in self._session.rows("damage.files")]

    def check_catalog(self) -> None:
        """Raise `catalog_version` (STATE) where another program has migrated the catalog."""
        check_version(self._session)

    def owner(self) -> str:
        """Return the uuid of the project that the state file belongs to."""
        return str(self._session.value("damage.owner"))

    def sample(self, limit: int) -> list[str]:
        """Return the absolute paths of some live files of our tables."""
        rows = self._session.rows("damage.sample", {"limit": limit})
        return [f"{self._session.data_path()}{folder}{path}" for folder, path in rows]

    def intervals(self, file_ids: Iterable[int]) -> dict[int, tuple[Interval, ...]]:
        """Return the live intervals whose rows lie in these files, by file."""
        found: dict[int, list[Interval]] = {}
        for file_id, start, end in self._session.rows("damage.intervals_of", {"files": json.dumps(list(file_ids))}):
            found.setdefault(file_id, []).append(Interval(start, end))
        return {file_id: tuple(intervals) for file_id, intervals in found.items()}

    def oddities(self) -> list[Oddity]:
        """Return what others have done to our tables."""
        return [*self._foreign_rows(), *self._deletes(), *self._inlined(), *self._lost()]

    def foreign_tables(self) -> list[ForeignTable]:
        """Return the live tables of the catalog that are not ours, by schema and name."""
        return [
            ForeignTable(lake_table_id=lake, schema=schema, name=name, files=files, rows=rows, bytes=size)
            for lake, schema, name, files, rows, size in self._session.rows("damage.foreign_tables")
        ]

    def condemn(self, file_ids: Iterable[int]) -> dict[int, IntervalSet]:
        """Make the live intervals of these files stale with the reason `DAMAGED`; return them by table."""
        bindings = {"files": json.dumps(list(file_ids)), "reason": DAMAGED}
        found = _by_table(self._session.rows("damage.condemn", bindings))
        for table_id, intervals in found.items():
            staleness.refresh_coverage(self._session, table_id, intervals)
            add_event(self._session, "damage_marked", table_id=table_id, intervals=len(intervals))
        return found

    def let_foreigners_write(self, *, allowed: bool) -> None:
        """Let other DuckLake clients keep tables of their own in the catalog, or refuse every write again."""
        from mtctl.store.foreign_guard import let_foreigners_write  # noqa: PLC0415 - when the project changes

        let_foreigners_write(self._session, allowed=allowed)

    def evict(self) -> dict[int, IntervalSet]:
        """Take what others wrote out of our tables, and forget intervals whose file row is gone."""
        session = self._session
        lost = _by_table((row[0], row[2], row[3]) for row in session.rows("damage.lost_rows"))
        theirs = session.rows("damage.foreign_files")
        deletes = session.rows("damage.delete_files")
        if not (lost or theirs or deletes):
            return {}

        commit = Commit(session)
        for file_id, *_, lake in theirs:
            session.run("damage.end_foreign_file", {"file": file_id, "snapshot": commit.snapshot})
            commit.note(f"deleted_from_table:{lake}")
        for file_id, *_, lake, _ in deletes:
            session.run("damage.end_delete_file", {"file": file_id, "snapshot": commit.snapshot})
            commit.note(f"inserted_into_table:{lake}")
        snapshot = commit.close(message="repair")
        self._forget(lost, commit.last if snapshot is None else snapshot)

        missing = {row[1]: IntervalSet.of(()) for row in (*theirs, *deletes)} | lost
        for table_id, intervals in missing.items():
            add_event(session, "damage_evicted", table_id=table_id, snapshot=snapshot, intervals=len(intervals))
        return missing

    def _forget(self, lost: dict[int, IntervalSet], snapshot: int) -> None:
        session = self._session
        for row in session.rows("damage.lost_rows"):
            session.run("damage.end_lost", {"table_id": row[0], "start": row[2], "snapshot": snapshot})
        for table_id, intervals in lost.items():
            staleness.refresh_coverage(session, table_id, intervals, intervals)
            staleness.refresh_readers(session, table_id, intervals)

    def _named(self, row: Row) -> NamedFile:
        file_id, table_id, table, path, relative, folder, folder_relative, size, footer, sha256, live, lake = row
        if relative:
            path = f"{self._session.data_path() if folder_relative else ''}{folder}{path}"
        return NamedFile(
            file_id=file_id,
            table_id=table_id,
            table=table,
            path=path,
            bytes=size,
            footer_bytes=footer,
            sha256=sha256,
            is_live=bool(live),
            lake_table_id=lake,
        )

    def _foreign_rows(self) -> Iterator[Oddity]:
        for _, table_id, name, path, rows, lake in self._session.rows("damage.foreign_files"):
            detail = f"{path}: {rows:,} rows that another client has inserted"
            yield Oddity(table_id=table_id, table=name, check="foreign rows", detail=detail, lake_table_id=lake)

    def _deletes(self) -> Iterator[Oddity]:
        found = self._session.rows("damage.delete_files")
        touched = self.intervals(row[6] for row in found)
        for _, table_id, name, path, rows, lake, data_file in found:
            yield Oddity(
                table_id=table_id,
                table=name,
                check="delete file",
                detail=f"{path}: {rows:,} rows that another client has deleted",
                intervals=touched.get(data_file, ()),
                lake_table_id=lake,
            )

    def _inlined(self) -> Iterator[Oddity]:
        for table_id, name, inlined, lake in self._session.rows("damage.inlined"):
            detail = f"{inlined}: rows that another client keeps in the catalog itself"
            yield Oddity(table_id=table_id, table=name, check="inlined data", detail=detail, lake_table_id=lake)

    def _lost(self) -> Iterator[Oddity]:
        for table_id, name, start, end, file_id in self._session.rows("damage.lost_rows"):
            yield Oddity(
                table_id=table_id,
                table=name,
                check="catalog row",
                detail=f"the catalog no longer has file {file_id}, which holds its rows",
                intervals=(Interval(start, end),),
            )


def _by_table(rows: Iterable[Row]) -> dict[int, IntervalSet]:
    found: dict[int, list[Interval]] = {}
    for table_id, start, end in rows:
        found.setdefault(table_id, []).append(Interval(start, end))
    return {table_id: IntervalSet.of(intervals) for table_id, intervals in found.items()}
