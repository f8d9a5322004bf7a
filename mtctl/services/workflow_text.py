"""Floor 3. A workflow in the form of its file: as TOML text for people, as keys to edit, as lines to compare.

Reading the text again gives an equal definition, so every change of a person, by file, editor or command, goes through
the one parser with all its checks.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from mtctl.core.calendar import show
from mtctl.core.misfire import Misfire
from mtctl.core.workflow import (
    RETRIES,
    TIMEOUT,
    CommandSpec,
    HttpSpec,
    Overlap,
    RefreshSpec,
    SqlSpec,
    VariableKind,
    VariableType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.schedule import Schedule
    from mtctl.core.workflow import NoticeRule, Variable, WorkflowDefinition, WorkflowTask

_SECOND = 1_000_000
_UNITS = ((86_400 * _SECOND, "d"), (3600 * _SECOND, "h"), (60 * _SECOND, "m"), (_SECOND, "s"))


def duration_text(microseconds: int) -> str:
    """Return a length of time in the largest unit that divides it, `90m`; zero is `0`."""
    for size, unit in _UNITS:
        if microseconds and microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return "0" if not microseconds else f"{max(1, microseconds // _SECOND)}s"


def file_form(definition: WorkflowDefinition) -> dict[str, Any]:
    """Return the keys and values of a workflow file; what has its default is left out."""
    schedule = definition.schedule
    found: dict[str, Any] = {
        "name": definition.name,
        "comment": definition.comment,
        "enabled": None if definition.enabled else False,
        **(_schedule_form(schedule) if schedule is not None else {}),
        "time_zone": definition.zone,
    }
    policy = definition.misfire
    if policy is not None:
        usual = type(policy)(kind=policy.kind)
        found["misfire"] = str(policy.kind) if policy.kind is not Misfire.LATEST else None
        found["misfire_window"] = duration_text(policy.window) if policy.window != usual.window else None
        found["misfire_cap"] = policy.cap if policy.cap != usual.cap else None
    found |= {
        "overlap": str(definition.overlap) if definition.overlap is not Overlap.QUEUE_ONE else None,
        "retries": definition.retries if definition.retries != RETRIES else None,
        "timeout": duration_text(definition.timeout) if definition.timeout != TIMEOUT else None,
        "queue": definition.queue if definition.queue != "default" else None,
        "priority": definition.priority or None,
        "max_parallel": definition.max_parallel,
        "depends_on": [one.workflow for one in definition.depends_on] or None,
        "tags": dict(definition.tags) or None,
        "settings": dict(definition.settings) or None,
        "notify": [_notice_form(rule) for rule in definition.notify] or None,
        "variables": {one.name: _variable_form(one) for one in definition.variables} or None,
        "tasks": [task_form(task) for task in definition.tasks],
    }
    return {key: value for key, value in found.items() if value is not None}


def task_form(task: WorkflowTask) -> dict[str, Any]:
    """Return the keys and values of one task."""
    found = {
        "name": task.name,
        **_spec_form(task.spec),
        "upstream": list(task.upstream) or None,
        "retries": task.retries,
        "timeout": duration_text(task.timeout) if task.timeout is not None else None,
        "queue": task.queue,
        "priority": task.priority,
        "retry_lost": None if task.retry_lost else False,
        "when": task.when,
        "max_rows": task.max_rows,
        "tags": dict(task.tags) or None,
        "settings": dict(task.settings) or None,
        "notify": [_notice_form(rule) for rule in task.notify] or None,
        "variables": {one.name: _variable_form(one) for one in task.variables} or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def toml_text(form: Mapping[str, Any]) -> str:
    """Return keys and values as TOML."""
    import tomli_w  # noqa: PLC0415 - only where a definition is shown or edited

    return tomli_w.dumps(form, multiline_strings=True)


def lines_of(definition: WorkflowDefinition) -> list[str]:
    """Return a definition as the lines of its file form."""
    return toml_text(file_form(definition)).splitlines()


def diff_lines(old: WorkflowDefinition | None, new: WorkflowDefinition | None) -> tuple[str, ...]:
    """Return what differs, `- old` and `+ new` lines of the file form; the heads of tables stand with them."""
    before = _full_lines(file_form(old)) if old is not None else []
    after = _full_lines(file_form(new)) if new is not None else []
    return tuple(line for line in difflib.ndiff(before, after) if line[0] in "+-")


def _full_lines(form: Mapping[str, Any], path: str = "") -> list[str]:
    """Return a line for each value with its whole path, `tasks.load.retries = 3`, so that a line says where it is."""
    found: list[str] = []
    for key, value in form.items():
        full = f"{path}{key}"
        if key == "tasks" and not path:
            for task in value:
                found += _full_lines({k: v for k, v in task.items() if k != "name"}, f"tasks.{task['name']}.")
        elif isinstance(value, dict):
            found += _full_lines(value, f"{full}.")
        else:
            found += _value_lines(full, value)
    return found


def _value_lines(name: str, value: Any) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        return [f"{name}:", *(f"  {line}" for line in value.strip().splitlines())]
    return [f"{name} = {_literal(value)}"]


def _literal(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{key} = {_literal(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)


def _schedule_form(schedule: Schedule) -> dict[str, Any]:
    return {
        "schedule": schedule.text,
        "dialect": _dialect(schedule),
        "dst": str(schedule.dst) if str(schedule.dst) != "cron" else None,
        "start": show(schedule.start, schedule.zone) if schedule.start is not None else None,
        "end": show(schedule.end, schedule.zone) if schedule.end is not None else None,
        "jitter": duration_text(schedule.jitter) if schedule.jitter else None,
        "blackout": [one.text for one in schedule.blackout] or None,
    }


def _dialect(schedule: Schedule) -> str | None:
    """Return the dialect where the text alone does not tell it."""
    words = schedule.text.split()
    needs = schedule.dialect is not None and len(words) == 6 and "?" not in schedule.text
    return str(schedule.dialect) if needs else None


def _spec_form(spec: RefreshSpec | SqlSpec | CommandSpec | HttpSpec) -> dict[str, Any]:
    match spec:
        case RefreshSpec():
            return {"table": spec.table}
        case CommandSpec():
            return _command_form(spec)
        case HttpSpec():
            usual = HttpSpec(method=spec.method, url=spec.url)
            http: dict[str, Any] = {"method": spec.method, "url": spec.url}
            http |= {"headers": dict(spec.headers)} if spec.headers else {}
            http |= {"body": spec.body} if spec.body is not None else {}
            http |= {"ok": list(spec.ok)} if spec.ok != usual.ok else {}
            return {"http": http}
        case SqlSpec():
            sql: dict[str, Any] = {}
            if spec.exports:
                sql["exports"] = [{"query": e.query, "path": e.path, "format": e.format} for e in spec.exports]
            sql |= {"script": spec.script} if spec.script is not None else {}
            sql |= {"database": spec.database} if spec.database is not None else {}
            return {"sql": sql}


def _command_form(spec: CommandSpec) -> dict[str, Any]:
    argv: Any = spec.argv[0] if spec.shell else list(spec.argv)
    found: dict[str, Any] = {"command": argv, "shell": True if spec.shell else None}
    found |= {
        "env": dict(spec.env) or None,
        "inherit": list(spec.inherit) or None,
        "folder": spec.folder,
        "ok": list(spec.ok) if spec.ok != (0,) else None,
        "transient": list(spec.transient) or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _notice_form(rule: NoticeRule) -> dict[str, Any]:
    return {"channel": rule.channel, "on": [str(one) for one in rule.on]}


def _variable_form(variable: Variable) -> dict[str, Any]:
    key = {VariableKind.STATIC: "value", VariableKind.TIME: "time", VariableKind.EXPRESSION: "expression"}
    found: dict[str, Any] = {key[variable.kind]: variable.value}
    found |= {"offset": variable.offset} if variable.offset else {}
    found |= {"type": str(variable.type)} if variable.type is not VariableType.TEXT else {}
    return found


def put_task(form: dict[str, Any], task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file form with a task added, or changed where one bears its name."""
    tasks = [dict(task) if one["name"] == task["name"] else one for one in form["tasks"]]
    if all(one["name"] != task["name"] for one in form["tasks"]):
        tasks.append(dict(task))
    return {**form, "tasks": tasks}


def without_task(form: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the file form without a task."""
    return {**form, "tasks": [one for one in form["tasks"] if one["name"] != name]}


def names_below(form: Mapping[str, Any], name: str) -> list[str]:
    """Return the tasks that wait for a task."""
    return [one["name"] for one in form["tasks"] if name in one.get("upstream", ())]
