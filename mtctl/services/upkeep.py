"""Floor 3. Keeping the lake honest: `verify` recomputes what the books say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import MtctlError
from mtctl.core.evolution import tells_the_same
from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.core.table_calendar import calendar_of
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


class Upkeep:
    """The verbs that look after files."""

    def __init__(self, store: Store, engine: Callable[[], Engine], clock: Clock) -> None:
        """Keep the ports."""
        self._store = store
        self._engine = engine
        self._clock = clock

    def verify(self, names: Sequence[str]) -> VerifyReport:
        """Recompute counts, fingerprints, hashes and statistics from the files and compare them with every book."""
        began = self._clock.boottime()
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
            for name in names:
                if name.lower() not in tables:
                    raise unknown_table(name, tables)
            chosen = [tables[name.lower()] for name in names] or list(tables.values())
            books = [(table, view.data_files(table.table_id), view.ledger(table.table_id, WHOLE)) for table in chosen]
            unlike = _unlike(view, books)
            findings = [_audit(table, found) for table in chosen for found in view.audit(table.table_id)]
        notes: list[str] = []
        for table, files, rows in books:
            findings += _ledger_findings(table, files, rows)
            by_file: dict[int, list[LedgerRow]] = {}
            for row in rows:
                if row.file_id is not None:
                    by_file.setdefault(row.file_id, []).append(row)
            for file in files:
                findings += self._file_findings(
                    table, file, sorted(by_file.get(file.file_id, ()), key=lambda row: row.row_start), notes, unlike
                )
        return VerifyReport(
            tables=len(books),
            files=sum(len(files) for _, files, _ in books),
            intervals=sum(len(rows) for _, _, rows in books),
            rows=sum(file.rows for _, files, _ in books for file in files),
            bytes=sum(file.bytes for _, files, _ in books for file in files),
            findings=tuple(findings),
            notes=tuple(dict.fromkeys(notes)),
            seconds=(self._clock.boottime() - began) / 1e9,
        )

    def _file_findings(
        self, table: Table, file: DataFile, rows: Sequence[LedgerRow], notes: list[str], unlike: frozenset[int]
    ) -> list[Finding]:
        definition = table.definition
        labels = _labels([row.interval for row in rows], calendar_of(definition))
        request = MeasureRequest(
            path=file.path,
            columns=definition.columns,
            ranges=tuple((row.row_start, row.rows) for row in rows),
            zone=definition.zone,
            partition=definition.partition,
            intervals=tuple(row.interval for row in rows),
        )
        try:
            measured = self._engine().measure(request)
        except MtctlError as error:
            return [Finding(table=definition.name, check="data file", intervals=labels, detail=str(error))]
        found = [
            Finding(table=definition.name, check=check, intervals=labels, detail=f"{file.path}: {detail}")
            for check, detail in _differences(file, measured)
        ]
        return found + _content_findings(table, rows, measured, notes, unlike)


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
        for part in ("value_count", "null_count", "min", "max", "contains_nan"):
            said, holds = getattr(stat, part), getattr(expected, part)
            if said is not None and holds is not None and said != holds:
                found.append(("statistics", f"column {stat.field_id}: {part} is {said!r}, the data say {holds!r}"))
    return found


def _unlike(view: View, books: Iterable[tuple[Table, list[DataFile], list[LedgerRow]]]) -> frozenset[int]:
    """Return the versions whose rows have other columns now than when their fingerprints were taken."""
    found = set()
    for table, _, rows in books:
        versions = view.rebuilds().versions({row.version_id for row in rows} - {table.version_id})
        found |= {one for one, version in versions.items() if not tells_the_same(version, table.definition)}
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
