"""Floor 1. Workflows, their fires and queues as the store tells and takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState, WorkflowState
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.changes import NewInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRow:
    """One live workflow: the version in force, whether it fires, and how far it has come.

    `origin`: table, file or command. `last_fire_at` is the newest fire that was made or skipped, `next_fire_at` the
    one to come, `due_at` that with its jitter; all None where there is none. `floor` is the instant before which it
    makes no fire: when it was created, or enabled without catching up. `counts` are its instances by state.
    """

    workflow_id: int
    name: str
    state: WorkflowState
    version: int
    origin: str
    definition: WorkflowDefinition
    table_id: int | None
    file: str | None
    file_sha256: str | None
    created_at: Instant
    changed_at: Instant
    last_fire_at: Instant | None
    next_fire_at: Instant | None
    due_at: Instant | None
    counts: tuple[tuple[InstanceState, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """A workflow to put in force: new (`workflow_id` None) or a new version of one.

    `next_fire_at` and `due_at` follow from its schedule; `last_fire_at` None keeps the mark where it is.
    """

    definition: WorkflowDefinition
    state: WorkflowState
    origin: str
    workflow_id: int | None = None
    file: str | None = None
    file_sha256: str | None = None
    file_size: int | None = None
    file_mtime_ns: int | None = None
    last_fire_at: Instant | None = None
    next_fire_at: Instant | None = None
    due_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a workflow's fires have come to: what was handled last, and what comes next (None: nothing more)."""

    last_fire_at: Instant | None
    next_fire_at: Instant | None
    due_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFires:
    """A range of fires that made no instance: both ends are fires, `fires` None where they were not counted."""

    first_fire_at: Instant
    last_fire_at: Instant
    fires: int | None
    reason: str
    at: Instant = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What one look at a workflow's schedule makes: instances, skipped fires, and the mark after them.

    All of it goes in together; an instance whose logical date is there already is left out without a word.
    """

    workflow_id: int
    version: int
    instances: tuple[NewInstance, ...]
    skipped: tuple[SkippedFires, ...]
    mark: Mark
    completed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One queue: its slots, who holds them, and how many tasks wait for one.

    `memory` and `threads` limit the runners that work for it, None means the project's.
    """

    name: str
    slots: int
    paused: bool
    paused_why: str
    memory: str | None
    threads: int | None
    running: int
    waiting: int
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInstance:
    """An instance of a workflow that has not ended; a `serial` one waits for others of its workflow."""

    instance_id: int
    ulid: str
    state: InstanceState
    fire_at: Instant | None
    started: bool
    serial: bool = False
