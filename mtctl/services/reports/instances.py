"""Floor 3. What `instance show` answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.states import TaskState
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceDetail:
    """Everything `instance show` prints; `labels` are of intervals by task, `logs` are files by attempt."""

    instance: InstanceRow
    tasks: tuple[TaskRow, ...]
    attempts: tuple[AttemptRow, ...]
    events: tuple[EventRow, ...]
    labels: Mapping[int, str]
    error: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCount:
    """How many tasks are in a state, for lists."""

    state: TaskState
    count: int
