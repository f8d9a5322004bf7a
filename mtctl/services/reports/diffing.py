"""Floor 3. The answers of `diff`: what became of a table between two moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.feed import ChangeKind
    from mtctl.core.model import Instant
    from mtctl.ports.engine import CompareRequest
    from mtctl.ports.history import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """What became of one column: `added`, `removed`, `renamed` (`detail` is the former name) or `retyped`."""

    column: str
    change: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalDiff:
    """One stretch that differs: how many rows each moment has there, and what became of them.

    `added`, `removed` and `changed` count rows; they are None until the rows were compared. A row of a key that both
    moments have counts once, as changed.
    """

    label: str
    start: Instant
    end: Instant
    kind: ChangeKind
    rows_before: int
    rows_after: int
    added: int | None = None
    removed: int | None = None
    changed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What differs between two moments of a table, by its ledger; `request` compares the rows.

    `columns` are the names that rows are compared on, `key` those that say which row is which.
    """

    table: str
    before: Moment
    after: Moment
    columns: tuple[str, ...]
    key: tuple[str, ...]
    column_changes: tuple[ColumnChange, ...]
    intervals: tuple[IntervalDiff, ...]
    request: CompareRequest
    zone: str
