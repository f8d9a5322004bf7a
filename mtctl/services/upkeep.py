"""Floor 3. Keeping the lake honest: `verify` recomputes what the books say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import MtctlError
from mtctl.core.evolution import tells_the_same
from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.core.rebuild import NEW, OLD
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import frozen, replace
from mtctl.ports.engine import MeasureRequest
from mtctl.services.naming import unknown_table
from mtctl.services.reports.upkeep import Finding, VerifyReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.core.calendar import Calendar
    from mtctl.core.model import Table
    from mtctl.core.staged import LedgerRow
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine, Measured
    from mtctl.ports.files import DataFile
    from mtctl.ports.store import Store, View

_NAMED = 5
_AT_ONCE = 256
"""So many files are looked at in one scan."""

_PARTS = ("value_count", "null_count", "min", "max", "contains_nan")


class Upkeep:
    """The verbs that look after files."""

    def __init__(self, store: Store, engine: Callable[[], Engine], clock: Clock) -> None:
        """Keep the ports."""
        self._store = store
        self._engine = engine
        self._clock = clock

    def verify(self, names: Sequence[str], *, deep: bool = False) -> VerifyReport:
        """Recompute counts, fingerprints, hashes and statistics from the files and compare them with every book.

        Least and greatest values of a file with its published checksum are those of its footer; `deep` takes all of
        them from the rows.
        """
        began = self._clock.boottime()
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
            for name in names:
                if name.lower() not in tables:
                    raise unknown_table(name, tables)
            chosen = [tables[name.lower()] for name in names] or list(tables.values())
            books = _books(view, chosen)
            unlike = _unlike(view, books)
            # What is kept of a parked version is judged when it is taken back, not before.
            findings = [
                replace(_audit(book.table, found), version=book.version)
                for book in books
                if book.version != OLD
                for found in view.audit(book.table.table_id)
            ]
        notes: list[str] = []
        for book in books:
            found = self._findings(book, notes, unlike, deep=deep)
            findings += [replace(one, version=book.version) for one in found]
        return VerifyReport(
            tables=len(chosen),
            files=sum(len(book.files) for book in books),
            intervals=sum(len(book.rows) for book in books),
            rows=sum(file.rows for book in books for file in book.files),
            bytes=sum(file.bytes for book in books for file in book.files),
            findings=tuple(findings),
            notes=tuple(dict.fromkeys(notes)),
            seconds=(self._clock.boottime() - began) / 1e9,
        )

    def _findings(self, book: _Book, notes: list[str], unlike: frozenset[int], *, deep: bool) -> list[Finding]:
        found = _ledger_findings(book.table, book.files, book.rows)
        by_file: dict[int, list[LedgerRow]] = {}
        for row in book.rows:
            if row.file_id is not None:
                by_file.setdefault(row.file_id, []).append(row)
        looks = [_look(book.table, file, by_file.get(file.file_id, ())) for file in book.files]
        for at in range(0, len(looks), _AT_ONCE):
            some = looks[at : at + _AT_ONCE]
            for look, measured in zip(some, self._surveyed(some, deep=deep), strict=True):
                if measured is None or not _is_as_recorded(look, measured, notes, unlike):
                    found += self._file_findings(look, notes, unlike)
        return found

    def _surveyed(self, looks: Sequence[_Look], *, deep: bool) -> list[Measured | None]:
        """Return what files hold as far as one scan of all of them tells."""
        try:
            return self._engine().survey([look.request for look in looks], deep=deep)
        except MtctlError as error:
            if error.code == "cancelled":
                raise
            return [None] * len(looks)  # one by one tells which file it is

    def _file_findings(self, look: _Look, notes: list[str], unlike: frozenset[int]) -> list[Finding]:
        table, file = look.table, look.file
        labels = _labels([row.interval for row in look.rows], calendar_of(table.definition))
        try:
            measured = self._engine().measure(look.request)
        except MtctlError as error:
            if error.code == "cancelled":
                raise
            return [Finding(table=table.definition.name, check="data file", intervals=labels, detail=str(error))]
        found = [
            Finding(table=table.definition.name, check=check, intervals=labels, detail=f"{file.path}: {detail}")
            for check, detail in _differences(file, measured)
        ]
        return found + _content_findings(table, look.rows, measured, notes, unlike)


@frozen
class _Look:
    """One file, the ledger rows that lie in it by their first row, and what the engine is asked of it."""

    table: Table
    file: DataFile
    rows: Sequence[LedgerRow]
    request: MeasureRequest


def _look(table: Table, file: DataFile, rows: Iterable[LedgerRow]) -> _Look:
    definition, ordered = table.definition, sorted(rows, key=lambda row: row.row_start)
    request = MeasureRequest(
        path=file.path,
        columns=definition.columns,
        ranges=tuple((row.row_start, row.rows) for row in ordered),
        zone=definition.zone,
        partition=definition.partition,
        intervals=tuple(row.interval for row in ordered),
        sha256=file.sha256,
    )
    return _Look(table=table, file=file, rows=ordered, request=request)


def _is_as_recorded(look: _Look, measured: Measured, notes: list[str], unlike: frozenset[int]) -> bool:
    """Return whether all that is written down of a file was found in it; what was not looked at counts as another."""
    if _differences(look.file, measured):
        return False
    true = {stat.field_id: stat for stat in measured.stats}
    for stat in look.file.stats:
        held = true.get(stat.field_id)
        if held is None or any(getattr(stat, part) is not None and getattr(held, part) is None for part in _PARTS):
            return False
    told: list[str] = []
    if _content_findings(look.table, look.rows, measured, told, unlike):
        return False
    notes += told
    return True


@frozen
class _Book:
    """What is written down of one version of a table; `version` is empty where it has only one."""

    table: Table
    version: str
    files: Sequence[DataFile]
    rows: Sequence[LedgerRow]


def _books(view: View, tables: Iterable[Table]) -> list[_Book]:
    """Return what is written down of tables: of those of which a new version is built, of the old one too."""
    parked = view.rebuilds().parked() if view.rebuilding() else {}
    found = []
    for table in tables:
        old = parked.get(table.table_id)
        versions = [(table, "")] if old is None else [(old, OLD), (table, NEW)]
        found += [
            _Book(
                table=one,
                version=version,
                files=view.data_files(one.table_id),
                rows=view.ledger(one.table_id, WHOLE),
            )
            for one, version in versions
        ]
    return found


def _audit(table: Table, found: tuple[str, IntervalSet, str]) -> Finding:
    check, intervals, detail = found
    return Finding(
        table=table.definition.name,
        check=check,
        intervals=_labels(list(intervals), calendar_of(table.definition)),
        detail=detail,
    )


def _differences(file: DataFile, measured: Measured) -> list[tuple[str, str]]:
    found = []
    if file.sha256 != measured.sha256:
        found.append(("sha256", "its bytes are not those that were published"))
    if file.rows != measured.rows:
        found.append(("row count", f"the catalog says {file.rows:,} rows, the file holds {measured.rows:,}"))
    if file.bytes != measured.bytes:
        found.append(("file size", f"the catalog says {file.bytes:,} bytes, the file has {measured.bytes:,}"))
    if file.footer_bytes is not None and file.footer_bytes != measured.footer_bytes:
        found.append(
            (
                "footer",
                f"the catalog says {file.footer_bytes:,} bytes of footer, the file has {measured.footer_bytes:,}",
            )
        )
    true = {stat.field_id: stat for stat in measured.stats}
    for stat in file.stats:
        expected = true.get(stat.field_id)
        if expected is None:
            continue
        for part in _PARTS:
            said, holds = getattr(stat, part), getattr(expected, part)
            if said is not None and holds is not None and said != holds:
                found.append(("statistics", f"column {stat.field_id}: {part} is {said!r}, the data say {holds!r}"))
    return found


def _unlike(view: View, books: Iterable[_Book]) -> frozenset[int]:
    """Return the versions whose rows have other columns now than when their fingerprints were taken."""
    found = set()
    for book in books:
        versions = view.rebuilds().versions({row.version_id for row in book.rows} - {book.table.version_id})
        found |= {one for one, version in versions.items() if not tells_the_same(version, book.table.definition)}
    return frozenset(found)


def _content_findings(
    table: Table, rows: Sequence[LedgerRow], measured: Measured, notes: list[str], unlike: frozenset[int]
) -> list[Finding]:
    calendar = calendar_of(table.definition)
    found = []
    for row, fingerprint, strays in zip(rows, measured.fingerprints, measured.strays, strict=True):
        if strays:
            found.append(_ledger_finding(table, row, calendar, f"{strays:,} of its rows belong to another interval"))
        if row.fingerprint == fingerprint:
            continue
        if row.version_id in unlike:
            notes.append(f"columns of {table.definition.name} changed since: older rows were compared by sha256 only")
            continue
        if row.fingerprint.split("-")[:2] != fingerprint.split("-")[:2]:
            notes.append(
                "fingerprints were made by an engine with another hash function: contents were compared by sha256 only"
            )
            continue
        found.append(
            Finding(
                table=table.definition.name,
                check="fingerprint",
                intervals=_labels([row.interval], calendar),
                detail=f"the ledger says {row.fingerprint}, the rows give {fingerprint}",
            )
        )
    return found


def _ledger_findings(table: Table, files: Sequence[DataFile], rows: Sequence[LedgerRow]) -> list[Finding]:
    """Compare ledger and catalog: every row of every live file belongs to exactly one ledger row."""
    calendar = calendar_of(table.definition)
    found: list[Finding] = []
    by_id = {file.file_id: file for file in files}
    covered: dict[int, list[LedgerRow]] = {file.file_id: [] for file in files}
    last_end: int | None = None
    for row in rows:
        if last_end is not None and row.interval.start < last_end:
            found.append(_ledger_finding(table, row, calendar, "overlaps the interval before it"))
        last_end = row.interval.end
        if calendar is not None and not (
            calendar.is_edge(row.interval.start) and calendar.next(row.interval.start) == row.interval.end
        ):
            found.append(_ledger_finding(table, row, calendar, "is not one interval of the grain"))
        if row.file_id is None:
            continue
        if row.file_id not in by_id:
            found.append(_ledger_finding(table, row, calendar, f"names file {row.file_id}, which is not live"))
            continue
        covered[row.file_id].append(row)
    for file_id, parts in covered.items():
        at = 0
        for row in sorted(parts, key=lambda item: item.row_start):
            if row.row_start != at:
                found.append(
                    _ledger_finding(
                        table, row, calendar, f"begins at row {row.row_start:,} of its file, expected {at:,}"
                    )
                )
            at = row.row_start + row.rows
        if at != by_id[file_id].rows:
            labels = _labels([row.interval for row in parts], calendar)
            found.append(
                Finding(
                    table=table.definition.name,
                    check="ledger",
                    intervals=labels,
                    detail=f"{by_id[file_id].path}: {at:,} rows in the ledger, {by_id[file_id].rows:,} in the catalog",
                )
            )
    return found


def _ledger_finding(table: Table, row: LedgerRow, calendar: Calendar | None, detail: str) -> Finding:
    return Finding(
        table=table.definition.name, check="ledger", intervals=_labels([row.interval], calendar), detail=detail
    )


def _labels(intervals: Sequence[object], calendar: Calendar | None) -> str:
    merged = list(IntervalSet.of(intervals))  # type: ignore[arg-type]
    text = ", ".join(show_interval(piece, calendar) for piece in merged[:_NAMED])
    return f"{text} …" if len(merged) > _NAMED else text
