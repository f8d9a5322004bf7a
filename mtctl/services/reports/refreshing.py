"""Floor 3. What `refresh` is asked and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen, replace

if TYPE_CHECKING:
    from mtctl.core.states import InstanceState
    from mtctl.services.reports.running import PlannedStep


@frozen
class RefreshArgs:
    """What `refresh` was asked for, as parsed words; intervals are texts because each table has its own grain."""

    selectors: tuple[str, ...] = ()
    everything: bool = False
    intervals: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    partition: tuple[tuple[str, str], ...] = ()
    full: bool = False
    upstream: bool = False
    downstream: bool = False
    force: bool = False
    batch: int | None = None
    detach: bool = False
    dry_run: bool = False
    strict: bool = False


@frozen
class TableResult:
    """What a refresh did to one table. `state`: success, failed, cancelled, skipped, up_to_date."""

    table: str
    state: str
    intervals: int
    tasks: int
    rows: int
    seconds: float
    error: str | None
    error_code: str | None


@frozen
class RefreshReport:
    """The end of a `refresh` or `up --once`.

    `instance` is None when nothing was to be done or with `--dry-run`. `not_ready` are lines `table interval: needs …`,
    `notes` are hints for stderr (left-out open intervals, up to date tables).
    """

    instance: str | None
    state: InstanceState | None
    plan: tuple[PlannedStep, ...]
    tables: tuple[TableResult, ...]
    not_ready: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    interrupted: bool = False
    detached: bool = False

    def joined(self, other: RefreshReport) -> RefreshReport:
        """Return this report with what another run right after it did; what that found up to date is left out."""
        more = tuple(table for table in other.tables if table.tasks)
        return replace(
            self,
            tables=(*self.tables, *more),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            seconds=self.seconds + other.seconds,
            interrupted=other.interrupted,
        )
