"""Floor 2. Reads for the lists of tables: how each stands, what it reads, since when it is not what it should be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.lateness import Turned
from mtctl.core.states import Outcome, TaskState, WorkflowState
from mtctl.ports.standing import COUNTED, EndedTry, FlowRow, OpenTask, StandingRow
from mtctl.store.definition import outlines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.model import Instant
    from mtctl.core.table_view import Outline
    from mtctl.store.session import Row, Session


class SqliteStandings:
    """Implements `ports.standing.Standings`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session

    def rows(self, strip: int) -> list[StandingRow]:
        """Return all live tables by name, each with the outcomes of its `strip` newest attempts."""
        found = self.session.rows("standing.rows", {"strip": strip, "counted": COUNTED})
        return [_standing(outline, row) for outline, row in zip(outlines(_heads(found)), found, strict=True)]

    def flows(self) -> list[FlowRow]:
        """Return which workflows refresh which tables."""
        return [
            FlowRow(
                table=table,
                workflow=name,
                state=WorkflowState(state),
                schedule=schedule,
                next_fire_at=next_at,
                due_at=due,
            )
            for table, name, state, schedule, next_at, due in self.session.rows("standing.flows")
        ]

    def turned(self, stale: Iterable[tuple[int, Instant]]) -> dict[int, Turned]:
        """Return what happened since the stale intervals (table id, start) were published; without definitions."""
        found = self.session.rows("standing.turned", {"stale": json.dumps(list(stale))})
        return {
            table_id: Turned(published_at=published or 0, source_at=source, upstream_at=upstream)
            for table_id, published, source, upstream in found
        }

    def sources(self, patterns: Iterable[str]) -> dict[str, tuple[int, Instant]]:
        """Return by pattern (an absolute path or glob) how many known files it names, and when one changed last."""
        found = self.session.rows("standing.sources", {"patterns": json.dumps(sorted(set(patterns)))})
        return {pattern: (files, changed) for pattern, files, changed in found}


def _heads(found: Iterable[Row]) -> list[Row]:
    return [row[:5] for row in found]


def _standing(outline: Outline, row: Row) -> StandingRow:
    return StandingRow(
        outline=outline,
        made_at=row[5],
        definition_at=row[6],
        upstream=() if row[7] == "[]" else tuple(json.loads(row[7])),
        last=_ended(row) if row[8] is not None else None,
        success_at=row[18],
        task=_open(json.loads(row[19])) if row[19] is not None else None,
        strip=() if row[20] == "[]" else tuple(reversed(json.loads(row[20]))),
        counts=() if row[21] == "[]" else tuple((state, number) for state, number in json.loads(row[21])),
    )


def _ended(row: Row) -> EndedTry:
    return EndedTry(
        outcome=Outcome(row[8]),
        ended_at=row[9],
        seconds=row[10],
        error_code=row[11],
        error=row[12],
        task=row[13],
        state=TaskState(row[14]),
        why=row[15],
        tries=row[16],
        instance=row[17],
    )


def _open(part: list[Any]) -> OpenTask:
    found: dict[str, Any] = dict(zip(OpenTask.__annotations__, part, strict=True))  # in the order of the statement
    found |= {
        "state": TaskState(found["state"]),
        "cancel_requested": bool(found["cancel_requested"]),
        "paused": bool(found["paused"]),
    }
    return OpenTask(**found)
