"""Floor 3. What `table show` and `table partitions` answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Column, Instant
    from mtctl.services.reports.tables import TableStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDetail:
    """Everything `table show` prints."""

    status: TableStatus
    ddl: str
    query: str
    columns: tuple[Column, ...]
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    sources: tuple[str, ...]
    zone: str
    start: str | None
    end: str | None
    refresh_mode: str | None
    coverage: str
    batchable: bool
    params: tuple[str, ...]
    volatile: tuple[str, ...]
    options: Mapping[str, str]
    fingerprint: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRow:
    """One interval of `table partitions`. `state`: fresh, stale, missing."""

    interval: str
    start: Instant
    end: Instant
    state: str
    reason: str
    rows: int | None
    file: str | None
    attempt: str | None
    refreshed_at: Instant | None
    fingerprint: str | None
