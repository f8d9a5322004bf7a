"""Floor 2. Reads of one consistent moment: tables, coverage, ledger, files, sources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.ledger import Coverage, Stale
from mtctl.core.model import SourceFile
from mtctl.store import rows
from mtctl.store.definition import outlines
from mtctl.store.lookups import LookupView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtctl.core.model import Table
    from mtctl.core.rebuild import Rebuild
    from mtctl.core.staged import ColumnStats, LedgerRow
    from mtctl.core.table_view import Outline
    from mtctl.ports.damage import Deletion
    from mtctl.ports.files import DataFile
    from mtctl.ports.tables import LastAttempt, TableTotals
    from mtctl.store.board import SqliteBoard
    from mtctl.store.compaction import SqliteCompaction
    from mtctl.store.damage import SqliteDamage
    from mtctl.store.history import SqlitePast
    from mtctl.store.near import SqliteNear
    from mtctl.store.rebuild import SqliteRebuilds
    from mtctl.store.retention import SqliteRetention
    from mtctl.store.session import Row


class SqliteView(LookupView):
    """Implements `ports.View`; valid inside the transaction that made it."""

    def tables(self, names: Sequence[str] | None = None) -> list[Table]:
        """Return live tables by name order; of `names` only those that exist."""
        if names is None:
            return rows.tables(self.session.rows("tables.tables"))
        return rows.tables(self.session.rows("tables.tables_named", {"names": json.dumps(list(names))}))

    def outlines(self) -> list[Outline]:
        """Return what looking takes of the live tables, by name order."""
        return outlines(self.session.rows("tables.outlines"))

    def coverage(self) -> dict[int, Coverage]:
        """Return the merged coverage of every table that has any."""
        found: dict[int, list[Row]] = {}
        for table_id, *part in self.session.rows("ledger.coverage"):
            found.setdefault(table_id, []).append(tuple(part))
        return {table_id: coverage_of(table_id, parts) for table_id, parts in found.items()}

    def ledger(self, table_id: int, within: Interval, snapshot_id: int | None = None) -> list[LedgerRow]:
        """Return the ledger rows overlapping `within`, live now or at a snapshot, by start."""
        from mtctl.store.ledger_rows import ledger_row  # noqa: PLC0415 - not for commands that only look

        bindings = {"table_id": table_id, "start": within.start, "end": within.end}
        if snapshot_id is None:
            found = self.session.rows("ledger.rows", bindings)
        else:
            found = self._rows_at(bindings | {"snapshot": snapshot_id})
        return [ledger_row(table_id, row) for row in found]

    def _rows_at(self, bindings: dict[str, int]) -> list[Row]:
        """Return ledger rows at a snapshot as readers saw them: a new version that is not shown yet is left out."""
        found = self.session.rows("ledger.rows_at", bindings)
        rebuild = self.session.row("rebuild.of", bindings)
        if rebuild is None:
            return found
        shown = self.session.rows("ledger.rows_at", bindings | {"table_id": rebuild[0]})
        return sorted([row for row in found if row[10] < rebuild[1]] + shown)

    def data_files(self, table_id: int, snapshot_id: int | None = None) -> list[DataFile]:
        """Return the live data files of a table with sha256 and statistics, by id."""
        from mtctl.store.ledger_rows import data_file  # noqa: PLC0415 - not for commands that only look

        if snapshot_id is None:
            found = self.session.rows("catalog.files_of", {"table_id": table_id})
        else:
            found = self.session.rows("catalog.files_of_at", {"table_id": table_id, "snapshot": snapshot_id})
        stats = self._stats([row[0] for row in found])
        return [data_file(row, self._absolute(row[2], row[3], row[4]), tuple(stats.get(row[0], ()))) for row in found]

    def file_paths(self, table_ids: Iterable[int], snapshot_id: int) -> dict[int, tuple[str, ...]]:
        """Return the absolute paths of the data files of tables at a snapshot; every asked table is a key."""
        asked = list(table_ids)
        paths: dict[int, list[str]] = {table_id: [] for table_id in asked}
        bindings = {"table_ids": json.dumps(asked), "snapshot": snapshot_id}
        data_path = self.session.data_path()
        for table_id, path, relative, folder in self.session.rows("catalog.paths_at", bindings):
            paths[table_id].append(f"{data_path}{folder}{path}" if relative else path)
        return {table_id: tuple(found) for table_id, found in paths.items()}

    def board(self) -> SqliteBoard:
        """Return the reads of dashboards."""
        from mtctl.store.board import SqliteBoard  # noqa: PLC0415 - only dashboards

        return SqliteBoard(self.session)

    def near(self) -> SqliteNear:
        """Return the reads of one thing from near."""
        from mtctl.store.near import SqliteNear  # noqa: PLC0415 - only dashboards

        return SqliteNear(self.session)

    def foreign_writes(self) -> bool:
        """Return whether other DuckLake clients may keep tables of their own in the catalog."""
        return self.session.row("catalog.foreign_writes") is not None

    def deletions(self, lake_table_ids: Iterable[int], snapshot_id: int) -> list[Deletion]:
        """Return what other clients have deleted of these lake tables at a snapshot."""
        from mtctl.store.deletions import deletions  # noqa: PLC0415 - only who reads rows

        return deletions(self.session, lake_table_ids, snapshot_id)

    def damage(self) -> SqliteDamage:
        """Return the looks at damage, and in a write transaction what puts the books right."""
        from mtctl.store.damage import SqliteDamage  # noqa: PLC0415 - only who checks the lake

        return SqliteDamage(self.session)

    def past(self) -> SqlitePast:
        """Return the reads of earlier moments."""
        from mtctl.store.history import SqlitePast  # noqa: PLC0415 - looking at the present loads none of it

        return SqlitePast(self.session)

    def retention(self) -> SqliteRetention:
        """Return the reads of what is old, and in a write transaction the steps that let it go."""
        from mtctl.store.retention import SqliteRetention  # noqa: PLC0415 - only upkeep asks

        return SqliteRetention(self.session)

    def compaction(self) -> SqliteCompaction:
        """Return the reads of compaction; what changes anything needs a write transaction."""
        from mtctl.store.compaction import SqliteCompaction  # noqa: PLC0415 - only compaction asks

        return SqliteCompaction(self.session)

    def partial_paths(self, snapshot_id: int) -> frozenset[str]:
        """Return the absolute paths of files that hold rows which came after a snapshot beside those that it shows."""
        found = self.session.rows("compaction.partial_paths", {"snapshot": snapshot_id})
        return frozenset(self._absolute(path, relative, folder) for path, relative, folder in found)

    def file_bounds(self, table_id: int, snapshot_id: int, field_id: int) -> Iterator[tuple[str, str, str, int | None]]:
        """Yield absolute path, least and greatest value and number of NULL of a column, where a file has both."""
        asked = {"table_id": table_id, "snapshot": snapshot_id, "field": field_id}
        data_path = self.session.data_path()
        for path, relative, folder, least, greatest, nulls in self.session.rows("pruning.file_bounds", asked):
            yield f"{data_path}{folder}{path}" if relative else path, least, greatest, nulls

    def rebuilding(self) -> dict[int, Rebuild]:
        """Return the rebuilds in hand by table id."""
        return {} if self.session.value("tables.any_rebuild") is None else self.rebuilds().pending()

    def rebuilds(self) -> SqliteRebuilds:
        """Return the reads of table versions."""
        from mtctl.store.rebuild import SqliteRebuilds  # noqa: PLC0415 - few commands ask

        return SqliteRebuilds(self.session)

    def snapshot(self) -> int:
        """Return the newest snapshot id."""
        return int(self.session.value("catalog.newest"))

    def totals(self) -> dict[int, TableTotals]:
        """Return what every table holds."""
        from mtctl.ports.tables import TableTotals  # noqa: PLC0415 - a refresh does not ask

        return {
            table_id: TableTotals(table_id=table_id, rows=total, bytes=size, files=files)
            for table_id, total, size, files in self.session.rows("views.totals")
        }

    def last_attempts(self) -> dict[int, LastAttempt]:
        """Return the newest ended attempt of every table."""
        return {row[0]: rows.last_attempt(row) for row in self.session.rows("views.last_attempts")}

    def seconds_per_interval(self, table_ids: Iterable[int]) -> dict[int, float]:
        """Return, from the ten newest successful attempts, seconds per interval."""
        found = self.session.rows("views.speed", {"table_ids": json.dumps(list(table_ids))})
        return {table_id: seconds / intervals for table_id, seconds, intervals in found if seconds is not None}

    def sources(self, table_ids: Iterable[int]) -> dict[int, list[SourceFile]]:
        """Return, per table, the file versions that its live ledger rows were built from."""
        asked = set(table_ids)
        sets: dict[int, list[int]] = {}
        for source_set_id, table_id in self.session.rows("ledger.set_pairs"):
            if table_id in asked:
                sets.setdefault(table_id, []).append(source_set_id)

        wanted = sorted({one for found in sets.values() for one in found})
        files: dict[int, list[SourceFile]] = {}
        for source_set_id, *part in self.session.rows("ledger.set_files", {"sets": json.dumps(wanted)}):
            files.setdefault(source_set_id, []).append(_source_file(tuple(part)))
        return {
            table_id: list(dict.fromkeys(file for one in found for file in files.get(one, ())))
            for table_id, found in sets.items()
        }

    def built_from(self, table_id: int) -> list[tuple[IntervalSet, frozenset[str]]]:
        """Return the live intervals that still count, grouped by the paths of the files that they were built from."""
        found = []
        for (source_set_id,) in self.session.rows("ledger.sets_in_force", {"table_id": table_id}):
            bindings = {"table_id": table_id, "source_set_id": source_set_id}
            intervals = IntervalSet.of(Interval(*row) for row in self.session.rows("ledger.rows_of_set", bindings))
            files = self.session.rows("ledger.set_files", {"sets": json.dumps([source_set_id])})
            found.append((intervals, frozenset(path for _, path, *_ in files)))
        return found

    def outdated_sources(self, table_id: int) -> IntervalSet:
        """Return the intervals built from a file version that is no longer current."""
        found = self.session.rows("ledger.outdated_rows", {"table_id": table_id})
        return IntervalSet.of(Interval(start, end) for start, end in found)

    def applied_files(self) -> dict[str, tuple[int, str, int | None, int | None]]:
        """Return by file: table id, sha256, size, mtime_ns of what was applied from it."""
        return {file: (one, sha or "", size, mtime) for file, one, sha, size, mtime in self._applied()}

    def known_paths(self) -> set[str]:
        """Return every data file path (absolute) that the catalog or a schedule for deletion names."""
        return {self._absolute(*row) for row in self.session.rows("catalog.known_paths")}

    def audit(self, table_id: int) -> list[tuple[str, IntervalSet, str]]:
        """Return where the store's own books disagree about a table: (check, intervals, detail)."""
        from mtctl.store.audit import disagreements  # noqa: PLC0415 - only verify looks that hard

        return disagreements(self, table_id)

    def _applied(self) -> list[Row]:
        return self.session.rows("tables.applied_files")

    def _stats(self, files: list[int]) -> dict[int, list[ColumnStats]]:
        from mtctl.store.ledger_rows import column_stats  # noqa: PLC0415 - not for commands that only look

        found: dict[int, list[ColumnStats]] = {}
        for row in self.session.rows("catalog.stats_of", {"files": json.dumps(files)}):
            found.setdefault(row[0], []).append(column_stats(row))
        return found

    def _absolute(self, path: str, relative: int, folder: str) -> str:
        return f"{self.session.data_path()}{folder}{path}" if relative else path


def coverage_of(table_id: int, parts: Iterable[Row]) -> Coverage:
    """Return coverage from its rows (start, end, stale reason or '')."""
    fresh: list[Interval] = []
    stale: list[Stale] = []
    for start, end, reason in parts:
        if reason:
            stale.append(Stale(interval=Interval(start, end), reason=reason))
        else:
            fresh.append(Interval(start, end))
    return Coverage(table_id=table_id, fresh=IntervalSet.of(fresh), stale=tuple(stale))


def _source_file(part: Row) -> SourceFile:
    path, size, mtime_ns, inode, sha256 = part
    return SourceFile(path=path, size=size, mtime_ns=mtime_ns, inode=inode, sha256=sha256)
