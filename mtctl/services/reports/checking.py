"""Floor 3. What `lake check` and `lake repair` answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is wrong with the lake.

    `check` says what (`missing`, `truncated`, `replaced`, `changed`, `unreadable`, `foreign rows`, `delete file`,
    `inlined data`, `catalog row`), `intervals` whose data it concerns, `path` which file. `mends` is what a repair does
    about it, empty where there is nothing to do: an older version cannot be made again. `version` is `old` (what
    readers see) or `new` while a new version is built beside the old one, else empty.
    """

    table: str
    check: str
    intervals: str
    path: str
    detail: str
    mends: str
    version: str = ""

    @property
    def subject(self) -> str:
        """The table, and which version of it where it has two."""
        return f"{self.table} ({self.version} version)" if self.version else self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `lake check` looked at and found; `foreign` are the tables of other clients in the catalog."""

    files: int
    bytes: int
    deep: bool
    found: tuple[Damage, ...]
    foreign: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What `lake repair` found, and which intervals it made stale or forgot, by table."""

    check: CheckReport
    stale: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    dry_run: bool
