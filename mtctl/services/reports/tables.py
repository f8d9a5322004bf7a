"""Floor 3. What `status` and `table list` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.health import Health
    from mtctl.core.model import Instant, Mode
    from mtctl.ports.work import InstanceRow


@frozen
class HeldUp:
    """Why a new version of a table does not take the place of the old one: intervals that it lacks since they fail.

    `code` and `error` are those of the newest attempt there, `fix` says what to do.
    """

    intervals: str
    code: str
    error: str
    fix: str

    @property
    def text(self) -> str:
        """What is wrong, in words."""
        return f"held up by {self.intervals}: {f'[{self.code}] ' if self.code else ''}{self.error}"


@frozen
class TableStatus:
    """One line of `status` and `table list`. Counts are grain intervals (1 for a whole table).

    `missing` and `stale` are short texts of ranges (empty when none); `why` names the reasons of staleness;
    `coverage` is the strip text. `rebuilding` says how many intervals a new version has of those that it needs before
    readers see it; the counts are those of the new version then. `held_up` says what keeps it from that.
    """

    table: str
    health: Health
    mode: Mode
    grain: str | None
    wanted: int
    fresh: int
    missing_count: int
    stale_count: int
    missing: str
    stale: str
    why: str
    rows: int
    bytes: int
    files: int
    last_success_at: Instant | None
    last_outcome: str | None
    last_error: str | None
    running: str | None
    schedule: str | None
    freshness: str | None
    origin: str
    file: str | None
    comment: str | None
    tags: Mapping[str, str]
    rebuilding: tuple[int, int] | None = None
    held_up: HeldUp | None = None


@frozen
class Status:
    """Health of the whole project. `changed_sources` and `unapplied` are found by stat and hash only."""

    project: str
    tables: tuple[TableStatus, ...]
    changed_sources: tuple[str, ...]
    unapplied: tuple[str, ...]
    vanished: tuple[str, ...]
    running: tuple[InstanceRow, ...]
    snapshot_id: int
    at: Instant = 0  # when it was looked
