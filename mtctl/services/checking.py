"""Floor 3. Whether every file of the lake is there and whole, and nobody else has written into our tables.

`check` names what is wrong, `repair` changes the books only: intervals whose file cannot be trusted become stale, and
the next refresh makes them anew. Nothing is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.interval import EMPTY, IntervalSet
from mtctl.core.rebuild import NEW, OLD
from mtctl.core.table_calendar import calendar_of
from mtctl.services.reports.checking import CheckReport, Damage, RepairReport

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from mtctl.core.interval import Interval
    from mtctl.core.model import Table
    from mtctl.ports.clock import Clock
    from mtctl.ports.damage import NamedFile, Oddity
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store, View

_NAMED = 5

STALE = "stale: refreshed again"
STALE_OLD = "stale: refreshed again if the former definition is; until then the new version is filled"
MISSING = "missing: refreshed again"
TAKEN_OUT = "taken out again"

_MENDS = {"foreign rows": TAKEN_OUT, "delete file": TAKEN_OUT, "catalog row": MISSING, "inlined data": ""}


class Checker:
    """The verbs that look for damage."""

    def __init__(
        self, store: Store, lake: Lake, clock: Clock, stop: threading.Event, claim: Callable[[], None]
    ) -> None:
        """Keep the ports; `stop` ends a check early, `claim` raises where the lake is another project's."""
        self._store = store
        self._lake = lake
        self._clock = clock
        self._stop = stop
        self._claim = claim

    def check(self, *, deep: bool) -> CheckReport:
        """Look at every file that the catalog names; `deep` reads them all and compares their checksums."""
        return self._look(deep=deep)[0]

    def repair(self, *, deep: bool, dry_run: bool) -> RepairReport:
        """Make stale exactly the intervals whose file is damaged, and take out what others wrote into our tables."""
        report, files = self._look(deep=deep)
        if not dry_run:
            self._claim()
        stale, missing = self._would(files) if dry_run else self._mend(files)
        with self._store.read() as view:
            versions = _Versions(view)
        return RepairReport(
            check=report, stale=versions.shown(stale), missing=versions.shown(missing), dry_run=dry_run
        )

    def _look(self, *, deep: bool) -> tuple[CheckReport, list[int]]:
        """Return the report and the ids of live damaged data files of ours."""
        began = self._clock.boottime()
        with self._store.read() as view:
            files, oddities = view.damage().files(), view.damage().oddities()
            foreign = tuple(f"{one.schema}.{one.name}" for one in view.damage().foreign_tables())
            versions = _Versions(view)
        bad: list[tuple[NamedFile, str, str]] = []
        for file in files:
            if self._stop.is_set():
                break
            sha256 = file.sha256 if deep else None
            found = self._lake.examine(file.path, size=file.bytes, footer=file.footer_bytes, sha256=sha256)
            if found is not None:
                bad.append((file, *found))

        live = [file.file_id for file, *_ in bad if file.is_live and file.table_id is not None]
        with self._store.read() as view:
            held = view.damage().intervals(live)
        damages = [_damage(file, found, held.get(file.file_id, ()), versions) for file, *found in bad]
        damages += [_odd(oddity, versions) for oddity in oddities]
        report = CheckReport(
            files=len(files),
            bytes=sum(file.bytes for file in files),
            deep=deep,
            found=tuple(damages),
            foreign=foreign,
            seconds=(self._clock.boottime() - began) / 1e9,
        )
        return report, [file_id for file_id in live if held.get(file_id)]

    def _mend(self, files: Iterable[int]) -> tuple[Mapping[int, IntervalSet], Mapping[int, IntervalSet]]:
        with self._store.write() as tx:
            books = tx.damage()
            missing = books.evict()
            stale = books.condemn(files)
        return stale, missing

    def _would(self, files: Iterable[int]) -> tuple[Mapping[int, IntervalSet], Mapping[int, IntervalSet]]:
        with self._store.read() as view:
            versions = _Versions(view)
            by_id = {file.file_id: versions.books_of(file) for file in view.damage().files() if file.is_live}
            held = view.damage().intervals(files)
            oddities = view.damage().oddities()
        stale: dict[int, IntervalSet] = {}
        for file_id, intervals in held.items():
            table_id = by_id.get(file_id)
            if table_id is not None:
                stale[table_id] = stale.get(table_id, EMPTY) | IntervalSet.of(intervals)
        missing: dict[int, IntervalSet] = {}
        for one in oddities:
            if _MENDS[one.check]:
                lost = IntervalSet.of(one.intervals) if one.check == "catalog row" else EMPTY
                missing[one.table_id] = missing.get(one.table_id, EMPTY) | lost
        return stale, missing


class _Versions:
    """The tables, and of those of which a new version is built both: by what the catalog or the ledger calls them."""

    def __init__(self, view: View) -> None:
        self._tables = {table.table_id: table for table in view.tables()}
        parked = view.rebuilds().parked() if view.rebuilding() else {}
        self._old = {old.table_id: old for old in parked.values()}
        self._by_lake = {old.lake_table_id: (OLD, old) for old in parked.values()}
        self._new = {table_id: self._tables[table_id] for table_id in parked}
        self._by_lake |= {table.lake_table_id: (NEW, table) for table in self._new.values()}

    def of(self, table_id: int | None, lake_table_id: int | None) -> tuple[str, Table | None]:
        """Return which version of a table this is, and the version; None where it is not ours or is gone."""
        found = self._by_lake.get(lake_table_id) if lake_table_id is not None else None
        if found is not None:
            return found
        if table_id is None:
            return "", None
        if table_id in self._old:
            return OLD, self._old[table_id]
        return NEW if table_id in self._new and lake_table_id is None else "", self._tables.get(table_id)

    def books_of(self, file: NamedFile) -> int | None:
        """Return the id under which the ledger has the rows of a file."""
        _, table = self.of(file.table_id, file.lake_table_id)
        return file.table_id if table is None else table.table_id

    def shown(self, found: Mapping[int, IntervalSet]) -> tuple[tuple[str, str], ...]:
        """Return the intervals by table, as a person reads them, in order."""
        lines = []
        for table_id, intervals in found.items():
            version, table = self.of(table_id, None)
            if table is not None:
                name = table.definition.name
                lines.append((f"{name} ({version} version)" if version else name, _labels(tuple(intervals), table)))
        return tuple(sorted(lines))


def _damage(file: NamedFile, found: Iterable[str], intervals: tuple[Interval, ...], versions: _Versions) -> Damage:
    check, detail = found
    version, table = versions.of(file.table_id, file.lake_table_id)
    if file.table_id is None:
        detail, mends = f"{detail}; the table is another client's", ""
    elif not file.is_live:
        detail, mends = f"{detail}; only older versions read it", ""
    else:
        mends = "" if not intervals else STALE_OLD if version == OLD else STALE
    return Damage(
        table=file.table,
        check=check,
        intervals=_labels(intervals, table),
        path=file.path,
        detail=detail,
        mends=mends,
        version=version,
    )


def _odd(oddity: Oddity, versions: _Versions) -> Damage:
    version, table = versions.of(oddity.table_id, oddity.lake_table_id)
    return Damage(
        table=oddity.table if table is None else table.definition.name,
        check=oddity.check,
        intervals=_labels(oddity.intervals, table),
        path="",
        detail=oddity.detail,
        mends=_MENDS[oddity.check],
        version=version,
    )


def _labels(intervals: Iterable[Interval], table: Table | None) -> str:
    calendar = calendar_of(table.definition) if table is not None else None
    merged = list(IntervalSet.of(intervals))
    text = ", ".join(show_interval(piece, calendar) for piece in merged[:_NAMED])
    return f"{text} …" if len(merged) > _NAMED else text
