"""Floor 3. Compaction: small files of a table become fewer, and nobody reads anything else than before.

A refresh never waits for it. The files are written beside the live ones; the one transaction that puts them in their
place first looks whether an attempt of the table runs or anything was changed, and then leaves all as it is. An attempt
that is claimed later finds the new files. So there is one writer a table at any time, and the lock lasts a millisecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl import trace
from mtctl.core.compaction import Size, Small, cold, merges, worthwhile
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.model import Mode
from mtctl.core.values import frozen, replace
from mtctl.ports.damage import DAMAGED
from mtctl.ports.rewriting import Compaction, Replaced, Rewrite, RewriteRequest
from mtctl.services.naming import unknown_table
from mtctl.services.reports.compaction import CompactedTable, CompactReport
from mtctl.services.rewriting import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.config import Project
    from mtctl.core.model import Table
    from mtctl.core.staged import LedgerRow
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine
    from mtctl.ports.files import Lake
    from mtctl.ports.rewriting import CompactionFile
    from mtctl.ports.store import Store, View
    from mtctl.services.holder import Holder

ROUND_BYTES = 256 << 20
"""How many bytes of files a round of upkeep writes anew at most."""

FEW = 4
"""A table with fewer small files than these is not looked at by a round."""


@frozen
class _Books:
    """What is known of one table's files at one moment."""

    table: Table
    epoch: int
    files: dict[int, CompactionFile]
    rows: dict[int, list[LedgerRow]]


class _All:
    """What the verb merges: everything that makes fewer files."""

    def is_over(self) -> bool:
        return False

    def takes(self, _size: int) -> bool:
        return True

    def files(self, found: list[Small]) -> list[Small]:
        return found

    def chosen(self, groups: list[tuple[Small, ...]]) -> list[tuple[Small, ...]]:
        return groups


class _Round:
    """What a round of upkeep merges: what is worth it, so many bytes, until it is over."""

    def __init__(self, *, over: Callable[[], bool], clock: Clock, target: Size) -> None:
        self._over = over
        self._now = clock.now()
        self._target = target
        self._left = ROUND_BYTES

    def is_over(self) -> bool:
        return self._over() or self._left <= 0

    def takes(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0

    def files(self, found: list[Small]) -> list[Small]:
        return cold(found, self._target, self._now)

    def chosen(self, groups: list[tuple[Small, ...]]) -> list[tuple[Small, ...]]:
        return worthwhile(groups, self._now)


class Compactor:
    """Merges small files, by a verb or in a round of upkeep."""

    def __init__(self, project: Project, store: Store, engine: Callable[[], Engine], lake: Lake, clock: Clock) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._engine = engine
        self._lake = lake
        self._clock = clock
        self._target = Size(rows=project.target_file_rows, bytes=project.target_file_bytes)

    def compact(self, names: Sequence[str], holder: Holder | None) -> CompactReport:
        """Merge all that may be merged of the named tables, of all when none is named; without a holder only look."""
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
        for name in names:
            if name.lower() not in tables:
                raise unknown_table(name, tables)
        chosen = [tables[name.lower()] for name in dict.fromkeys(names)] or list(tables.values())
        return self._work(chosen, holder, _All())

    def round(self, holder: Holder, over: Callable[[], bool] = lambda: False) -> CompactReport:
        """Merge what is worth it, for at most `ROUND_BYTES` and until it is `over`."""
        return self._work(self._crowded(), holder, _Round(over=over, clock=self._clock, target=self._target))

    def is_due(self) -> bool:
        """Return whether a round may find anything, by the books alone: no engine is asked."""
        rules = _Round(over=lambda: False, clock=self._clock, target=self._target)
        with self._store.read() as view:
            found = [_books(view, table) for table in self._crowded(view)]
        plans = (merges(rules.files(_smalls(books)), self._target) for books in found if books is not None)
        return any(rules.chosen(plan) for plan in plans)

    def _crowded(self, view: View | None = None) -> list[Table]:
        if view is None:
            with self._store.read() as own:
                return self._crowded(own)
        few = view.compaction().small_files(self._target.rows // 2, self._target.bytes // 2)
        crowded = {table_id for table_id, count in few.items() if count >= FEW}
        return [table for table in view.tables() if table.table_id in crowded] if crowded else []

    def _work(self, tables: Sequence[Table], holder: Holder | None, rules: _All | _Round) -> CompactReport:
        began = self._clock.boottime()
        done: list[CompactedTable] = []
        troubles: list[str] = []
        for table in tables:
            if rules.is_over():
                break
            try:
                found = self._table(table, holder, rules)
            except MtctlError as error:
                if error.code == "cancelled" or error.kind in {Kind.STATE, Kind.BUSY}:
                    raise
                troubles.append(f"{table.definition.name}: {error}")
                continue
            if found is not None:
                done.append(found)
        seconds = (self._clock.boottime() - began) / 1e9
        return CompactReport(tables=tuple(done), troubles=tuple(troubles), seconds=seconds, dry_run=holder is None)

    def _table(self, table: Table, holder: Holder | None, rules: _All | _Round) -> CompactedTable | None:
        began = self._clock.boottime()
        with self._store.read() as view:
            books = _books(view, table)
        if books is None:
            return None
        files = into = before = after = 0
        for group in self._groups(books, rules):
            size = sum(one.bytes for one in group)
            if rules.is_over() or not rules.takes(size):
                break
            written = size if holder is None else self._merge(books, group, holder)
            if written is None:
                break  # somebody writes the table: its files are other ones now
            files, into, before, after = files + len(group), into + 1, before + size, after + written
        if not files:
            return None
        return CompactedTable(
            table=table.definition.name,
            files=files,
            into=into,
            bytes_before=before,
            bytes_after=after,
            seconds=(self._clock.boottime() - began) / 1e9,
        )

    def _groups(self, books: _Books, rules: _All | _Round) -> list[tuple[Small, ...]]:
        """Return what is to be merged; only files that any group has are asked for their columns."""
        first = rules.chosen(merges(rules.files(_smalls(books)), self._target))
        asked = [one for group in first for one in group]
        if not asked:
            return []
        layouts = self._engine().layouts([books.files[one.file_id].file.path for one in asked])
        alike = [replace(one, layout=layout) for one, layout in zip(asked, layouts, strict=True)]
        return rules.chosen(merges(alike, self._target))

    def _merge(self, books: _Books, group: Sequence[Small], holder: Holder) -> int | None:
        """Write one group as one file and publish it; None where the table is being written."""
        rewrite = Rewrite(
            origins=tuple(origin_of(books.files[one.file_id].file, books.rows[one.file_id]) for one in group)
        )
        folder, ulid = books.table.folder, holder.new_ulid()
        with self._store.write() as tx:
            if tx.compaction().is_busy(books.table.table_id):
                return None
            tx.compaction().hold_staged(holder.holder_id, ulid)
        paths: list[str] = []
        published = False
        try:
            request = RewriteRequest(rewrites=(rewrite,), folder=str(self._project.lake / "_staging"), file_prefix=ulid)
            [file] = self._engine().rewrite(request)
            paths.append(file.path)
            [name] = self._lake.place((file,), folder)
            paths.append(str(self._project.lake / "data" / folder / name))
            trace.point("renamed")
            replaced = (Replaced(rewrite=rewrite, file=file, name=name),)
            with self._store.write() as tx:
                changed = tx.compaction().compact(Compaction(table=books.table, epoch=books.epoch, replaced=replaced))
                tx.compaction().release_staged(ulid)
            published = changed is not None
            trace.point("published")
        except MtctlError as error:
            # After trouble with the state file the commit may have lasted all the same: then only gc may judge.
            published = error.kind is Kind.STATE
            raise
        finally:
            if not published:
                self._lake.discard(paths)
        return file.bytes if published else None


def _books(view: View, table: Table) -> _Books | None:
    """Return a table's files, and of each its ledger rows; None for one that has nothing to merge."""
    epoch = view.compaction().epoch(table.table_id)
    if epoch is None or table.definition.mode is Mode.FULL or view.compaction().is_busy(table.table_id):
        return None
    files = {one.file.file_id: one for one in view.compaction().compaction_files(table.table_id)}
    rows: dict[int, list[LedgerRow]] = {}
    for row in view.ledger(table.table_id, WHOLE):
        if row.file_id in files:
            rows.setdefault(row.file_id, []).append(row)
    # What the ledger does not know whole is for `verify` to tell of, a damaged file for the next refresh to replace.
    known = {one: found for one, found in rows.items() if _is_whole(files[one], found)}
    return _Books(table=table, epoch=epoch, files=files, rows=known) if len(known) > 1 else None


def _is_whole(one: CompactionFile, rows: Sequence[LedgerRow]) -> bool:
    return sum(row.rows for row in rows) == one.file.rows and all(row.invalidated != DAMAGED for row in rows)


def _smalls(books: _Books) -> list[Small]:
    return [_small(books, file_id) for file_id in books.rows]


def _small(books: _Books, file_id: int) -> Small:
    found = books.files[file_id]
    return Small(
        file_id=file_id,
        start=min(row.interval.start for row in books.rows[file_id]),
        rows=found.file.rows,
        bytes=found.file.bytes,
        written_at=found.written_at,
    )
