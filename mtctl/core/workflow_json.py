"""Floor 0. Workflows as plain JSON values and back, without loss. What equals its default is left out.

The shape is the store's own and only grows: a key that is missing has its default.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mtctl.core.workflow import (
    CommandSpec,
    DependsOn,
    Export,
    HttpSpec,
    NoticeRule,
    Occasion,
    Overlap,
    RefreshSpec,
    SqlSpec,
    TaskKind,
    Variable,
    VariableKind,
    VariableType,
    WorkflowDefinition,
    WorkflowTask,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.misfire import MisfirePolicy
    from mtctl.core.schedule import Schedule
    from mtctl.core.workflow import Spec

Json = dict[str, Any]


def workflow_json(definition: WorkflowDefinition) -> Json:
    """Return the definition as JSON values; equal definitions give equal ones."""
    document = _kept(definition)
    document["tasks"] = [task_json(task) for task in definition.tasks]
    if definition.schedule is not None:
        document["schedule"] = _schedule_json(definition.schedule)
    if definition.misfire is not None:
        document["misfire"] = _kept(definition.misfire)
    if definition.variables:
        document["variables"] = [_kept(each) for each in definition.variables]
    if definition.depends_on:
        document["depends_on"] = [each.workflow for each in definition.depends_on]
    if definition.notify:
        document["notify"] = [_rule_json(each) for each in definition.notify]
    return document


def workflow_of(document: Mapping[str, Any]) -> WorkflowDefinition:
    """Return the definition that `workflow_json` wrote."""
    parts = dict(document)
    parts["tasks"] = tuple(task_of(each) for each in document["tasks"])
    if "schedule" in parts:
        parts["schedule"] = _schedule_of(parts["schedule"])
    if "misfire" in parts:
        parts["misfire"] = _misfire_of(parts["misfire"])
    if "overlap" in parts:
        parts["overlap"] = Overlap(parts["overlap"])
    if "depends_on" in parts:
        parts["depends_on"] = tuple(DependsOn(workflow=each) for each in parts["depends_on"])
    _shared_of(parts)
    return WorkflowDefinition(**parts)


def task_json(task: WorkflowTask) -> Json:
    """Return one task as JSON values, as an instance freezes it."""
    document = _kept(task)
    document["spec"] = _spec_json(task.spec)
    if task.variables:
        document["variables"] = [_kept(each) for each in task.variables]
    if task.notify:
        document["notify"] = [_rule_json(each) for each in task.notify]
    return document


def task_of(document: Mapping[str, Any]) -> WorkflowTask:
    """Return the task that `task_json` wrote."""
    parts = dict(document)
    parts["kind"] = TaskKind(parts["kind"])
    parts["spec"] = _spec_of(parts["kind"], parts["spec"])
    if "upstream" in parts:
        parts["upstream"] = tuple(parts["upstream"])
    _shared_of(parts)
    return WorkflowTask(**parts)


def _shared_of(parts: Json) -> None:
    if "variables" in parts:
        parts["variables"] = tuple(_variable_of(each) for each in parts["variables"])
    if "notify" in parts:
        parts["notify"] = tuple(_rule_of(each) for each in parts["notify"])
    for key in ("tags", "settings"):
        if key in parts:
            parts[key] = _pairs(parts[key])


@lru_cache(maxsize=32)
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


def _kept(value: Any) -> Json:
    """Return the fields that differ from their default; members of enumerations are texts, and so is JSON's equal."""
    found: Json = {}
    for name, default in _defaults(value.__class__):
        given = getattr(value, name)
        if default is MISSING or given != default:  # a required field is always told
            found[name] = given.value if isinstance(given, Enum) else given
    return found


def _schedule_json(schedule: Schedule) -> Json:
    document = _kept(schedule)
    if schedule.blackout:
        document["blackout"] = [each.text for each in schedule.blackout]
    return document


def _schedule_of(document: Mapping[str, Any]) -> Schedule:
    from mtctl.core.blackout import parse_blackout  # noqa: PLC0415 - a task alone has no schedule
    from mtctl.core.schedule import DstPolicy, Schedule  # noqa: PLC0415 - as above

    parts = dict(document)
    if "dst" in parts:
        parts["dst"] = DstPolicy(parts["dst"])
    if "blackout" in parts:
        parts["blackout"] = tuple(parse_blackout(each) for each in parts["blackout"])
    return Schedule(**parts)


def _misfire_of(document: Mapping[str, Any]) -> MisfirePolicy:
    from mtctl.core.misfire import Misfire, MisfirePolicy  # noqa: PLC0415 - as above

    return MisfirePolicy(**{**document, "kind": Misfire(document["kind"])})


def _rule_json(rule: NoticeRule) -> Json:
    return {"channel": rule.channel, "on": [each.value for each in rule.on]}


def _rule_of(document: Mapping[str, Any]) -> NoticeRule:
    return NoticeRule(channel=document["channel"], on=tuple(Occasion(each) for each in document["on"]))


def _variable_of(document: Mapping[str, Any]) -> Variable:
    kind = VariableType(document["type"]) if "type" in document else VariableType.TEXT
    return Variable(**{**document, "kind": VariableKind(document["kind"]), "type": kind})


def _spec_json(spec: Spec) -> Json:
    document = _kept(spec)
    if isinstance(spec, SqlSpec) and spec.exports:
        document["exports"] = [_kept(each) for each in spec.exports]
    return document


def _spec_of(kind: TaskKind, document: Mapping[str, Any]) -> Spec:
    parts = dict(document)
    match kind:
        case TaskKind.REFRESH:
            return RefreshSpec(**parts)
        case TaskKind.SQL:
            if "exports" in parts:
                parts["exports"] = tuple(Export(**each) for each in parts["exports"])
            return SqlSpec(**parts)
        case TaskKind.COMMAND:
            return CommandSpec(**_tuples(parts))
        case TaskKind.HTTP:
            return HttpSpec(**_tuples(parts))


def _tuples(parts: Json) -> Json:
    """Give back their tuples to the lists of a command or request."""
    for key in ("argv", "inherit", "ok", "transient"):
        if key in parts:
            parts[key] = tuple(parts[key])
    for key in ("env", "headers"):
        if key in parts:
            parts[key] = _pairs(parts[key])
    return parts


def _pairs(values: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values)
