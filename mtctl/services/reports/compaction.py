"""Floor 3. What a compaction answers."""

from __future__ import annotations

from mtctl.core.values import frozen


@frozen
class CompactedTable:
    """How many live files of how many bytes of one table became how many; `seconds` of work."""

    table: str
    files: int
    into: int
    bytes_before: int
    bytes_after: int
    seconds: float


@frozen
class CompactReport:
    """What was merged, or would be; `troubles` are tables that were left as they are, and why."""

    tables: tuple[CompactedTable, ...]
    troubles: tuple[str, ...]
    seconds: float
    dry_run: bool
