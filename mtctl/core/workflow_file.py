"""Floor 0. A parsed `workflows/*.toml` as a checked definition; what only the rest of the project knows comes later.

Everything that the file alone decides is decided here: keys, types, ranges, names, edges, variables, commands.
Whether tables, queues, channels and other workflows exist is for `workflow_checks.validate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.names import closest
from mtctl.core.schedule import Dialect, DstPolicy, Schedule, parse_schedule
from mtctl.core.selector import find_cycle
from mtctl.core.workflow import (
    HIGHEST,
    LOWEST,
    RETRIES,
    TIMEOUT,
    DependsOn,
    Overlap,
    Variable,
    WorkflowDefinition,
    WorkflowTask,
)
from mtctl.core.workflow_fields import Fields, check_plain_name
from mtctl.core.workflow_notify import notice_rules
from mtctl.core.workflow_settings import settings_of
from mtctl.core.workflow_tasks import LONGEST_TIMEOUT, MOST_RETRIES, read_name, read_task, read_variables
from mtctl.core.workflow_variables import resolve
from mtctl.core.zones import zone as check_zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORKFLOW_KEYS = (
    "name", "comment", "enabled", "schedule", "dialect", "dst", "time_zone", "start", "end", "jitter", "blackout",
    "misfire", "misfire_window", "misfire_cap", "overlap", "retries", "timeout", "queue", "priority", "tags",
    "max_parallel", "depends_on", "notify", "settings", "variables", "tasks",
)  # fmt: skip
"""The keys of a workflow file."""

MOST_TASKS = 10_000
"""Tasks of one workflow."""

_TIMED = ("dialect", "dst", "start", "end", "jitter", "blackout", "misfire", "misfire_window", "misfire_cap")
_SAMPLE = 1_709_254_800_000_000
"""A fire to try variables with: 2024-03-01T01:00Z; they are tried at definition, not at the first night."""
_HOUR = 3_600_000_000


def read_workflow(document: Mapping[str, Any], *, name: str, file: str, zone: str) -> WorkflowDefinition:
    """Return the definition of a parsed file; `zone` is the project's, where the file names none.

    `name` is what it is called without a name of its own: the file's stem, or empty where it needs one.

    Errors (INVALID) have the place `workflows/x.toml: tasks[2].retries`: `key_unknown`, `workflow_value`,
    `workflow_name`, `duration`, `schedule`, `blackout`, those of times and zones, `task_kind`, `task_duplicate`,
    `task_unknown`, `task_self`, `cycle`, and those of variables, commands and requests.
    """
    fields = Fields(document, WORKFLOW_KEYS, file=file)
    own_zone = fields.text("time_zone", one_line=True) or zone
    check_zone(own_zone, where=fields.where("time_zone"))
    variables = read_variables(fields)
    tasks = _tasks(fields, variables, file)
    chosen = fields.text("name") or name
    if not chosen:
        raise fields.bad("name", "is missing", 'add name = "…"')
    check_plain_name(chosen, "workflow", where=fields.where("name"))
    schedule = _schedule(fields, own_zone)
    retries, timeout = fields.whole("retries", 0, MOST_RETRIES), fields.duration("timeout", zero=True)
    if timeout is not None and timeout > LONGEST_TIMEOUT:
        raise fields.bad("timeout", "is longer than a year", 'write "0" for ever')
    definition = WorkflowDefinition(
        name=chosen,
        tasks=tasks,
        zone=own_zone,
        schedule=schedule,
        misfire=_misfire(fields, schedule),
        overlap=fields.choice("overlap", Overlap) or Overlap.QUEUE_ONE,
        variables=variables,
        retries=RETRIES if retries is None else retries,
        timeout=TIMEOUT if timeout is None else timeout,
        queue=read_name(fields, "queue") or "default",
        priority=fields.whole("priority", HIGHEST, LOWEST) or 0,
        tags=fields.tags("tags"),
        max_parallel=fields.whole("max_parallel", 1, MOST_TASKS),
        depends_on=_depends_on(fields, chosen),
        notify=notice_rules(fields),
        settings=fields.settings("settings"),
        comment=fields.text("comment"),
        enabled=fields.flag("enabled", default=True),
    )
    _try(definition, fields)
    return definition


def check_tasks(tasks: Sequence[WorkflowTask], *, file: str = "") -> None:
    """Refuse names that two tasks bear, and edges that lead nowhere, to themselves or in a circle.

    Errors (INVALID): `task_duplicate`, `task_unknown`, `task_self`, `cycle` with its path.
    """
    first: dict[str, int] = {}
    for at, task in enumerate(tasks, 1):
        folded = task.name.lower()
        if folded in first:
            what = f"tasks[{first[folded]}] and tasks[{at}] are both named '{task.name}'"
            raise invalid("task_duplicate", what, where=_place(file, at, "name"), fix="rename one of them")
        first[folded] = at
    names = [task.name for task in tasks]
    known = set(names)
    for at, task in enumerate(tasks, 1):
        for upstream in task.upstream:
            where = _place(file, at, "upstream")
            if upstream == task.name:
                raise invalid("task_self", f"the task '{task.name}' waits for itself", where=where, fix="remove it")
            if upstream not in known:
                near = closest(upstream, names)
                raise MtctlError(
                    "task_unknown", f"the task '{task.name}' waits for '{upstream}', which is no task of the workflow",
                    kind=Kind.INVALID, where=where,
                    fix=f"did you mean '{near}'?" if near else f"the tasks are {', '.join(names[:20])}",
                    details={"did_you_mean": [near]} if near else None,
                )  # fmt: skip
    cycle = find_cycle({task.name: frozenset(task.upstream) for task in tasks})
    if cycle is not None:
        where = _place(file, first[cycle[0].lower()], "upstream")
        what = f"tasks wait for each other: {' → '.join(cycle)}"
        error = invalid("cycle", what, where=where, fix="take one of the edges out")
        error.details["path"] = list(cycle)
        raise error


def _tasks(fields: Fields, variables: tuple[Variable, ...], file: str) -> tuple[WorkflowTask, ...]:
    documents = fields.items("tasks")
    if not documents:
        raise fields.bad("tasks", "are missing", "add [[tasks]] with a name and what it does")
    if len(documents) > MOST_TASKS:
        raise fields.bad("tasks", f"are {len(documents):,}", f"write at most {MOST_TASKS:,}")
    tasks = tuple(read_task(each, at, variables, file) for at, each in enumerate(documents, 1))
    check_tasks(tasks, file=file)
    return tasks


def _schedule(fields: Fields, zone: str) -> Schedule | None:
    text = fields.text("schedule", one_line=True)
    if text is None:
        alone = next((key for key in _TIMED if key in fields), None)
        if alone is not None:
            raise fields.bad(alone, "has no meaning without a schedule", 'add schedule = "0 2 * * *", or remove it')
        return None
    dialect = fields.choice("dialect", Dialect)
    blackout = fields.texts("blackout")
    start, end = fields.instant("start", zone), fields.instant("end", zone)
    if start is not None and end is not None and end <= start:
        raise fields.bad("end", "does not come after the start", "write a later end")
    return parse_schedule(
        text,
        zone=zone,
        dialect=dialect.value if dialect is not None else None,
        dst=fields.choice("dst", DstPolicy) or DstPolicy.CRON,
        start=start,
        end=end,
        jitter=fields.duration("jitter") or 0,
        blackout=blackout,
        where=fields.where("schedule"),
    )


def _misfire(fields: Fields, schedule: Schedule | None) -> MisfirePolicy | None:
    """Return the policy; without a word from the file a workflow catches up with one run that covers now."""
    if schedule is None:
        return None
    usual = MisfirePolicy(kind=Misfire.LATEST)
    window, cap = fields.duration("misfire_window"), fields.whole("misfire_cap", 1, 10_000)
    return MisfirePolicy(
        kind=fields.choice("misfire", Misfire) or usual.kind,
        window=usual.window if window is None else window,
        cap=usual.cap if cap is None else cap,
    )


def _depends_on(fields: Fields, name: str) -> tuple[DependsOn, ...]:
    names = fields.names("depends_on", "workflow")
    if name in names:
        raise fields.bad("depends_on", "names the workflow itself", "remove it")
    return tuple(DependsOn(workflow=each) for each in names)


def _try(definition: WorkflowDefinition, fields: Fields) -> None:
    """Put the variables and settings to a test, so that a circle or a doubling is found now."""
    for place, variables in [("variables", ()), *((f"tasks[{at}].variables", task.variables)
                             for at, task in enumerate(definition.tasks, 1) if task.variables)]:  # fmt: skip
        try:
            resolve(
                definition.variables, variables, fire=_SAMPLE, logical_date=_SAMPLE - _HOUR, zone=definition.zone,
                params={},
            )  # fmt: skip
        except MtctlError as error:
            error.where = error.where or fields.where(place)
            raise
    settings_of(definition.settings, where=fields.where("settings"))
    for at, task in enumerate(definition.tasks, 1):
        settings_of(task.settings, where=fields.where(f"tasks[{at}].settings"))


def _place(file: str, at: int, key: str) -> str:
    return ": ".join(part for part in (file, f"tasks[{at}].{key}") if part)
