"""Floor 1. What the store says of a table beside its definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.states import Outcome


@frozen
class LastAttempt:
    """The newest ended attempt of a table, for health: None fields where there was none."""

    table_id: int
    outcome: Outcome
    ended_at: Instant
    seconds: float | None
    intervals: int
    rows: int | None
    error_code: str | None
    error: str | None
    last_success_at: Instant | None


@frozen
class TableTotals:
    """What a table holds now: live rows, bytes and files of the lake."""

    table_id: int
    rows: int
    bytes: int
    files: int
