"""Floor 3. Whether every file of the lake is there and whole, and nobody else has written into our tables.

`check` names what is wrong, `repair` changes the books only: intervals whose file cannot be trusted become stale, and
the next refresh makes them anew. Nothing is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.interval import EMPTY, IntervalSet
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
            tables = _tables(view)
        return RepairReport(
            check=report, stale=_shown(stale, tables), missing=_shown(missing, tables), dry_run=dry_run
        )

    def _look(self, *, deep: bool) -> tuple[CheckReport, list[int]]:
        """Return the report and the ids of live damaged data files of ours."""
        began = self._clock.boottime()
        with self._store.read() as view:
            files, oddities = view.damage().files(), view.damage().oddities()
            foreign = tuple(f"{one.schema}.{one.name}" for one in view.damage().foreign_tables())
            tables = _tables(view)
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
        damages = [_damage(file, found, held.get(file.file_id, ()), tables) for file, *found in bad]
        damages += [_odd(oddity, tables) for oddity in oddities]
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
            by_id = {file.file_id: file.table_id for file in view.damage().files() if file.is_live}
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


def _tables(view: View) -> dict[int, Table]:
    return {table.table_id: table for table in view.tables()}


def _damage(
    file: NamedFile, found: Iterable[str], intervals: tuple[Interval, ...], tables: Mapping[int, Table]
) -> Damage:
    check, detail = found
    if file.table_id is None:
        detail, mends = f"{detail}; the table is another client's", ""
    elif not file.is_live:
        detail, mends = f"{detail}; only older versions read it", ""
    else:
        mends = STALE if intervals else ""
    return Damage(
        table=file.table,
        check=check,
        intervals=_labels(intervals, tables.get(file.table_id) if file.table_id is not None else None),
        path=file.path,
        detail=detail,
        mends=mends,
    )


def _odd(oddity: Oddity, tables: Mapping[int, Table]) -> Damage:
    return Damage(
        table=oddity.table,
        check=oddity.check,
        intervals=_labels(oddity.intervals, tables.get(oddity.table_id)),
        path="",
        detail=oddity.detail,
        mends=_MENDS[oddity.check],
    )


def _shown(found: Mapping[int, IntervalSet], tables: Mapping[int, Table]) -> tuple[tuple[str, str], ...]:
    named = ((tables.get(table_id), intervals) for table_id, intervals in found.items())
    return tuple(sorted((table.definition.name, _labels(tuple(which), table)) for table, which in named if table))


def _labels(intervals: Iterable[Interval], table: Table | None) -> str:
    calendar = calendar_of(table.definition) if table is not None else None
    merged = list(IntervalSet.of(intervals))
    text = ", ".join(show_interval(piece, calendar) for piece in merged[:_NAMED])
    return f"{text} …" if len(merged) > _NAMED else text
