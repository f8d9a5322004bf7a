"""Floor 3. What `verify` and `lake gc` answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing `verify` found wrong: which check, which table, which intervals, what differs.

    `version` is `old` (what readers see) or `new` while a new version is built beside the old one, else empty.
    """

    table: str
    check: str
    intervals: str
    detail: str
    version: str = ""

    @property
    def subject(self) -> str:
        """The table, and which version of it where it has two."""
        return f"{self.table} ({self.version} version)" if self.version else self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` looked at and found."""

    tables: int
    files: int
    intervals: int
    rows: int
    bytes: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GcReport:
    """What `lake gc` removed (or would): files of the lake, and how many log files of forgotten attempts."""

    removed: tuple[str, ...]
    bytes: int
    kept_young: int
    dry_run: bool
    logs: int = 0
