"""Floor 0. A workflow as frozen values: its tasks, when it fires, and what a task takes from it.

A table's own schedule is a workflow of one task (`table` names it). What a task leaves open (`None`) is the
workflow's to say: `retries_of` and its like are the one place where that is decided (Alibaba: the task's value wins).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mtctl.core.misfire import MisfirePolicy
    from mtctl.core.schedule import Schedule

RETRIES = 2
"""How often a task is tried again when neither it nor its workflow says: three tries in all."""

TIMEOUT = 3_600_000_000
"""How long a try may take when nobody says, in microseconds: one hour. 0 means for ever and must be written."""

LOWEST, HIGHEST = 19, -20
"""The range of priorities; the smaller number goes first (Flower)."""


class TaskKind(StrEnum):
    """What a task does."""

    REFRESH = "refresh"  # the due intervals of a table
    SQL = "sql"  # SELECTs written to files, or a script run in an attached database
    COMMAND = "command"  # a program with its arguments
    HTTP = "http"  # one request


class Overlap(StrEnum):
    """What a fire does while an earlier instance of the workflow is open."""

    QUEUE_ONE = "queue_one"  # waits; a further fire is skipped while one waits
    QUEUE_ALL = "queue_all"  # waits, each in its turn
    SKIP = "skip"  # is skipped
    CANCEL_RUNNING = "cancel_running"  # stops the earlier one, then runs
    ALLOW = "allow"  # runs beside it


class Occasion(StrEnum):
    """When somebody is told."""

    START = "start"  # an instance has begun
    SUCCESS = "success"  # it ended well
    FAILURE = "failure"  # it failed for good
    RECOVERY = "recovery"  # it ended well after one that failed
    LATE = "late"  # its fire is more than a minute past and nothing has begun


class VariableKind(StrEnum):
    """How a variable gets its value."""

    STATIC = "static"  # it is written down
    TIME = "time"  # the fire, moved and formatted
    EXPRESSION = "expression"  # put together from text and other variables


class VariableType(StrEnum):
    """What a value must look like; it is bound with this type."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"
    TIMESTAMP = "timestamp"
    IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of a workflow or task.

    `value` is the text of a static one, the Java date pattern of a time one (with `offset` such as `-1 DAY`), the text
    with `${…}` of an expression.
    """

    name: str
    kind: VariableKind
    value: str
    type: VariableType = VariableType.TEXT
    offset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSpec:
    """Refresh what is due of a table at the fire."""

    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One SELECT whose result becomes one file: `format` is parquet, csv or json; `path` may name variables."""

    query: str
    path: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSpec:
    """Exports, or a script against a writable database file (`database`, a path in an allowed folder)."""

    exports: tuple[Export, ...] = ()
    script: str | None = None
    database: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A program: `argv` (one text only with `shell`), the names of variables it inherits, and those it is given.

    `ok` are the exit codes of success, `transient` those that are worth another try (none given: all the others).
    """

    argv: tuple[str, ...]
    shell: bool = False
    env: tuple[tuple[str, str], ...] = ()
    inherit: tuple[str, ...] = ()
    folder: str | None = None
    ok: tuple[int, ...] = (0,)
    transient: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSpec:
    """One request; header values may be `env:` or `file:` references.

    `ok` are the expected statuses (none given: 2xx).
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    ok: tuple[int, ...] = ()


Spec: TypeAlias = "RefreshSpec | SqlSpec | CommandSpec | HttpSpec"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTask:
    """One node of a workflow; None means what the workflow says.

    `when` is a SELECT giving one boolean: false skips the task with that reason. `max_rows` fails a refresh that
    yields more rows. `retry_lost` says that a try whose holder died may be tried again (False for programs that must
    not run twice). `timeout` is in microseconds.
    """

    name: str
    kind: TaskKind
    spec: Spec
    upstream: tuple[str, ...] = ()
    retries: int | None = None
    timeout: int | None = None
    queue: str | None = None
    priority: int | None = None
    retry_lost: bool = True
    when: str | None = None
    max_rows: int | None = None
    variables: tuple[Variable, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    notify: tuple[NoticeRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRule:
    """Tell a channel of the project (`[notify.<channel>]`) on these occasions."""

    channel: str
    on: tuple[Occasion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependsOn:
    """Wait for another workflow's instance of the same data interval (its fire lies in ours) to succeed."""

    workflow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDefinition:
    """A whole, checked workflow. `schedule` None: it runs only when told. `table` is set for a table's own workflow.

    `settings` are Flink's `execution.*` options: threads and memory have a meaning, the others are kept and named in
    a warning. `enabled` is the state at creation.
    """

    name: str
    tasks: tuple[WorkflowTask, ...]
    zone: str
    schedule: Schedule | None = None
    misfire: MisfirePolicy | None = None
    overlap: Overlap = Overlap.QUEUE_ONE
    variables: tuple[Variable, ...] = ()
    retries: int = RETRIES
    timeout: int = TIMEOUT
    queue: str = "default"
    priority: int = 0
    tags: tuple[tuple[str, str], ...] = ()
    max_parallel: int | None = None
    depends_on: tuple[DependsOn, ...] = ()
    notify: tuple[NoticeRule, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    comment: str | None = None
    enabled: bool = True
    table: str | None = None
    continuous: bool = False  # a table's workflow that only looks for what is stale: no instance where nothing is


def retries_of(workflow: WorkflowDefinition, task: WorkflowTask) -> int:
    """Return how often the task is tried again."""
    return workflow.retries if task.retries is None else task.retries


def timeout_of(workflow: WorkflowDefinition, task: WorkflowTask) -> int | None:
    """Return how long one try of the task may take in microseconds, None for ever."""
    return (workflow.timeout if task.timeout is None else task.timeout) or None


def queue_of(workflow: WorkflowDefinition, task: WorkflowTask) -> str:
    """Return the queue of the task."""
    return task.queue or workflow.queue


def priority_of(workflow: WorkflowDefinition, task: WorkflowTask) -> int:
    """Return the priority of the task."""
    return workflow.priority if task.priority is None else task.priority
