"""Floor 2. Turns rows of the named statements into the values of the ports; column orders are those of the SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.model import Origin, Table
from mtctl.core.states import Outcome
from mtctl.store.definition import decode, decode_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import TableDefinition
    from mtctl.ports.tables import LastAttempt
    from mtctl.store.session import Row

_ORIGINS = {origin.value: origin for origin in Origin}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def table(row: Row) -> Table:
    """Return a table with its definition in force."""
    return _table(row, decode(row[10]))


def tables(found: Sequence[Row]) -> list[Table]:
    """Return the tables of many rows."""
    return list(map(_table, found, decode_all(row[10] for row in found)))


def _table(row: Row, definition: TableDefinition) -> Table:
    return Table(
        table_id=row[0],
        uuid=row[1],
        lake_table_id=row[2],
        folder=row[3],
        epoch=row[4],
        version_id=row[5],
        origin=_ORIGINS[row[6]],
        file=row[7],
        file_sha256=row[8],
        created_at=row[9],
        definition=definition,
    )


def reads(text: str) -> tuple[tuple[int, str], ...]:
    """Return recorded reads: upstream table id and digest of what was read."""
    return () if text == "[]" else tuple((upstream, digest) for upstream, digest in json.loads(text))


def intervals_json(intervals: Iterable[Interval]) -> str:
    """Return intervals as `[[start, end], …]`."""
    return json.dumps([[interval.start, interval.end] for interval in intervals])


def intervals(text: str | None) -> IntervalSet | None:
    """Return what `intervals_json` wrote; None, which means not known yet, for None."""
    return None if text is None else IntervalSet.of(Interval(start, end) for start, end in json.loads(text))


def last_attempt(row: Row) -> LastAttempt:
    """Return the newest ended attempt of a table."""
    from mtctl.ports.tables import LastAttempt  # noqa: PLC0415 - a refresh does not ask

    return LastAttempt(
        table_id=row[0],
        outcome=_OUTCOMES[row[1]],
        ended_at=row[2],
        seconds=row[3],
        intervals=row[4],
        rows=row[5],
        error_code=row[6],
        error=row[7],
        last_success_at=row[8],
    )
