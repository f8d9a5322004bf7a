"""Floor 1. Instances, tasks, attempts and events as the store tells them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mtctl.core.values import frozen
from mtctl.core.workflow import TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState, Outcome, TaskState, Trigger

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One workflow instance as lists show it; `tasks` counts task instances by state."""

    instance_id: int
    ulid: str
    title: str
    trigger: Trigger
    state: InstanceState
    queue: str
    holder: str | None
    detached: bool
    cancel_requested: bool
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    tasks: tuple[tuple[TaskState, int], ...]
    rows: int
    manifest: Mapping[str, Any]
    workflow: str | None = None
    version: int | None = None
    logical_date: Instant | None = None
    fire_at: Instant | None = None
    key: str | None = None
    rank: int = 0
    priority: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[tuple[str, str], ...] = ()
    notify: tuple[tuple[str, tuple[str, ...]], ...] = ()


@frozen
class TaskRow:
    """One task instance with its newest attempt.

    `intervals` None: a refresh whose intervals are fixed at its first claim. `waits_for` is the id of an upstream table
    that is not fresh. `timeout` is in microseconds.
    """

    task_id: int
    instance_id: int
    name: str
    table_id: int | None
    batch: Interval | None
    intervals: IntervalSet | None
    interval_count: int
    reasons: tuple[tuple[str, int], ...]
    forced: bool
    state: TaskState
    why: str
    tries: int
    max_tries: int
    ready_at: Instant
    upstream: tuple[int, ...]
    attempt_id: int | None
    started_at: Instant | None
    ended_at: Instant | None
    rows: int | None
    seconds: float | None
    error_code: str | None
    error: str | None
    holder: str | None
    kind: TaskKind = TaskKind.REFRESH
    queue: str = "default"
    priority: int = 0
    timeout: int | None = None
    retry_lost: bool = True
    waits_for: int | None = None
    cancel_requested: bool = False
    spec: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt, for `instance show`."""

    attempt_id: int
    ulid: str
    task_id: int
    number: int
    holder: str
    outcome: Outcome | None
    started_at: Instant
    ended_at: Instant | None
    snapshot_id: int | None
    intervals: int
    rows: int | None
    bytes: int | None
    seconds: float | None
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One line of the append-only log."""

    event_id: int
    at: Instant
    kind: str
    table_id: int | None
    instance_id: int | None
    task_id: int | None
    attempt_id: int | None
    detail: Mapping[str, Any]
    actor: str = ""
    workflow_id: int | None = None
