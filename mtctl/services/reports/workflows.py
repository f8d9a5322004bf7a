"""Floor 3. What the workflow commands answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import SkippedFires, WorkflowRow
    from mtctl.services.reports.schedules import FireTime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowChange:
    """One workflow's part of a plan, or what a command did to one.

    `action` is create, change, enable, disable, drop, vanished or none. `diff` are lines of its file form, `- old` and
    `+ new`; `notes` are warnings and hints.
    """

    workflow: str
    action: str
    file: str | None = None
    diff: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    version: int | None = None
    next_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowLine:
    """One line of `workflow list`."""

    row: WorkflowRow
    last: InstanceRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDetail:
    """Everything about one workflow.

    `text` is its definition in the form of a file; `variables` are their values for the next fire (`variables_error`
    where they have none); `fires` are the next fires.
    """

    row: WorkflowRow
    text: str
    versions: tuple[tuple[int, Instant], ...]
    fires: tuple[FireTime, ...]
    instances: tuple[InstanceRow, ...]
    skipped: tuple[SkippedFires, ...]
    variables: tuple[tuple[str, str], ...]
    variables_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowHistory:
    """What came of a workflow's fires, newest first."""

    workflow: str
    instances: tuple[InstanceRow, ...]
    skipped: tuple[SkippedFires, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedWorkflow:
    """One workflow that was checked: `file` where it came from one, its errors and its warnings."""

    workflow: str
    file: str | None
    errors: tuple[MtctlError, ...]
    warnings: tuple[str, ...]
    definition: WorkflowDefinition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAdded:
    """What `workflow add-task` did: the change, the tasks that came, and the downstream tables it proposes."""

    change: WorkflowChange
    tasks: tuple[str, ...]
    proposed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskArgs:
    """What a task of the command line is: exactly one of table, command and http, or a TOML text with its keys.

    None leaves a key as it is (or out); an empty tuple of `upstream` takes it away. Times are texts as written.
    """

    name: str | None = None
    table: str | None = None
    command: tuple[str, ...] | None = None
    http: str | None = None
    upstream: tuple[str, ...] | None = None
    retries: int | None = None
    timeout: str | None = None
    queue: str | None = None
    priority: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArgs:
    """What `workflow run` was asked for. `detach` leaves the work to whoever runs next, `wait` waits for its end."""

    params: tuple[tuple[str, str], ...] = ()
    interval: str | None = None
    task: str | None = None
    upstream: bool = False
    downstream: bool = False
    detach: bool = False
    wait: bool = False
    key: str | None = None
    priority: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """How one task of an instance ended, over all its batches."""

    task: str
    kind: str
    state: str
    intervals: int
    rows: int
    seconds: float
    error: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The end of `workflow run`. `instance` is None where nothing was to be done.

    `existing` says that the idempotency key was taken: nothing new was made. `detached`: it was left to others.
    """

    workflow: str
    instance: str | None
    state: InstanceState | None
    tasks: tuple[TaskResult, ...]
    seconds: float
    existing: bool = False
    detached: bool = False
    interrupted: bool = False
