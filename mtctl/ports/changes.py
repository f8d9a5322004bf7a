"""Floor 1. What goes into the store and what comes of it: tables, instances, claims, publications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.model import Instant, Origin, Table, TableDefinition
    from mtctl.core.plan import PlannedTask
    from mtctl.core.staged import Staged
    from mtctl.core.states import Outcome, Transition, Trigger
    from mtctl.ports.work import TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTable:
    """A definition to put in force: new (`table_id` None), changed, or rebuilt (old data dropped, new lake table).

    `bump` raises the epoch and marks all coverage stale with `stale_reason` (a changed fingerprint).
    """

    definition: TableDefinition
    origin: Origin
    file: str | None = None
    file_sha256: str | None = None
    file_size: int | None = None
    file_mtime_ns: int | None = None
    table_id: int | None = None
    rebuild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """An instance to insert with its tasks in `created`; `advance` and `apply` follow in the same transaction."""

    ulid: str
    title: str
    trigger: Trigger
    manifest: Mapping[str, Any]
    tasks: tuple[PlannedTask, ...]
    forced: bool
    holder_id: int | None
    detached: bool
    max_tries: int
    queue: str = "default"
    priority: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A task instance just taken: it is `running` under a fresh attempt whose id is the fence."""

    attempt_id: int
    attempt_ulid: str
    task: TaskRow
    table: Table
    snapshot_id: int
    requested_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What one attempt makes visible, all or nothing.

    `files` are the staged files under their final names (relative to the table folder), in the order that
    `staged.intervals[i].file` counts; `ends` the live file ids that the new files replace; `clears` the intervals
    whose ledger rows end (the batch, or WHOLE); `reads` per upstream table id the digests of what was read for each
    interval; `columns_by_field` maps nothing: columns come from the definition in force at `version_id`.
    """

    claimed: Claimed
    staged: Staged
    files: tuple[str, ...]
    ends: tuple[int, ...]
    clears: tuple[Interval, ...]
    reads: Mapping[Interval, tuple[tuple[int, str], ...]]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publish did: the snapshot (None when nothing visible changed), rows, and what it made stale."""

    snapshot_id: int | None
    rows: int
    changed: IntervalSet
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a publish did not happen: `lost` (the attempt is no longer mine) or `superseded` (table or file moved)."""

    outcome: Outcome
    why: str
