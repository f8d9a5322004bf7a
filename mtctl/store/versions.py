"""Floor 2. The versions of one table: the snapshots that changed it, each with what is known of how."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.interval import MAX_INSTANT, Interval, IntervalSet
from mtctl.core.lake_types import shown
from mtctl.ports.history import Moment, PastRefresh, PastVersion
from mtctl.store.catalog import instant_of
from mtctl.store.rebuild import SCHEMA as HIDDEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.store.session import Row, Session


def versions(session: Session, table_id: int, limit: int) -> list[PastVersion]:
    """Return the snapshots that changed a table, the newest first."""
    of = {"table_id": table_id}
    names: list[Row] = session.rows("history.names", of | {"hidden": HIDDEN})
    columns: list[Row] = session.rows("history.columns", of)
    found = session.rows("history.versions", of | {"before": MAX_INSTANT, "limit": limit})
    return [_version(session, table_id, row, names, columns) for row in found]


def _version(
    session: Session, table_id: int, row: Row, names: Sequence[Row], columns: Sequence[Row]
) -> PastVersion:
    snapshot, time, words, author, message, extra = row
    at = {"table_id": table_id, "snapshot": snapshot}
    stands = _standing(names, snapshot)
    moved = [(name, shown(kind), begin, end) for lake, name, kind, begin, end in columns if lake in stands]
    return PastVersion(
        moment=Moment(snapshot_id=snapshot, at=instant_of(time)),
        words=tuple((words or "").split(",")),
        author=author,
        message=message,
        names_began=tuple((lake, name) for lake, name, begin, _ in names if begin == snapshot),
        names_ended=tuple((lake, name) for lake, name, _, end in names if end == snapshot),
        columns_began=tuple((name, kind) for name, kind, begin, _ in moved if begin == snapshot),
        columns_ended=tuple((name, kind) for name, kind, _, end in moved if end == snapshot),
        rows_gone=session.value("history.went", at) or 0,
        refresh=_refresh(session, table_id, snapshot, extra),
    )


def _standing(names: Sequence[Row], snapshot: int) -> set[int]:
    """Return the lake tables that were there before a snapshot and after it: only their columns came or went."""
    before = {lake for lake, _, begin, end in names if begin < snapshot and (end is None or end >= snapshot)}
    after = {lake for lake, _, begin, end in names if begin <= snapshot and (end is None or end > snapshot)}
    return before & after


def _refresh(session: Session, table_id: int, snapshot: int, extra: str | None) -> PastRefresh | None:
    """Return the attempt that a snapshot names; what foreign clients write there is none."""
    try:
        said = json.loads(extra or "null")
    except ValueError:
        return None
    ulid = said.get("attempt") if isinstance(said, dict) else None
    found = session.row("history.attempt", {"ulid": ulid}) if isinstance(ulid, str) else None
    if found is None:
        return None
    attempt_id, attempt, intervals, rows, instance = found
    came = {"attempt_id": attempt_id, "table_id": table_id, "snapshot": snapshot}
    spans = IntervalSet.of(Interval(start, end) for start, end in session.rows("history.came", came))
    return PastRefresh(instance=instance, attempt=attempt, intervals=intervals, rows=rows, spans=spans)
