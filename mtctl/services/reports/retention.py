"""Floor 3. What `lake info` and `lake expire` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.ports.retention import LakeCounts, PinRow


@frozen
class ExpiryReport:
    """What an expiry let go, or would.

    `snapshots` and `files` of `bytes` are of the lake, `kept` how many snapshots stay; `rows` are those of ledger and
    catalog, `instances` and `events` of the history. `longest_ms` is the longest time that the write lock was held.
    """

    snapshots: int
    kept: int
    files: int
    bytes: int
    rows: int
    instances: int
    events: int
    longest_ms: float
    dry_run: bool
    finished: bool = True


@frozen
class InfoTable:
    """Old versions of one table: how many, and what old files take."""

    table: str
    versions: int
    live_bytes: int
    old_bytes: int


@frozen
class InfoReport:
    """The lake in numbers, who holds what, and what the next expiry would do."""

    counts: LakeCounts
    data_path: str
    tables: tuple[InfoTable, ...]
    pins: tuple[PinRow, ...]
    next: ExpiryReport
    now: Instant
