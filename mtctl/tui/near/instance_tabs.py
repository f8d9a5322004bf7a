"""Floor 4. What stands in the tabs of an instance, as text: out of the parts that were read of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mtctl.core.calendar import show_interval
from mtctl.core.interval import WHOLE
from mtctl.core.table_calendar import calendar_of
from mtctl.core.words import lasting, many, moment, size
from mtctl.core.workflow import TaskKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import TableDefinition
    from mtctl.ports.near import NearAttempt, NearEvent, NearInstance, NearTask, TaskWords

_SHOWN = 40


def code_of(task: NearTask, definition: TableDefinition | None) -> tuple[str, str]:
    """Return what a task does as code, and its language."""
    if definition is not None:
        return definition.ddl.strip(), "sql"
    spec: dict[str, Any] = dict(task.row.spec.get("task", {}).get("spec", {}))
    match task.row.kind:
        case TaskKind.SQL:
            parts = [f"-- to {one.get('path', '')}\n{one.get('query', '')}" for one in spec.get("exports", ())]
            parts += [str(spec["script"])] if spec.get("script") else []
            return "\n\n".join(parts), "sql"
        case TaskKind.COMMAND:
            argv = [str(word) for word in spec.get("argv", ())]
            return (argv[0] if spec.get("shell") and argv else shlex.join(argv)), "bash"
        case TaskKind.HTTP:
            return f"{spec.get('method', 'GET')} {spec.get('url', '')}", "text"
        case _:
            return "the table of this task is gone", "text"


def plan_text(task: NearTask, label: str, attempts: Sequence[NearAttempt]) -> str:
    """Return what a task was to do, and what each attempt of it was pinned to and did."""
    row = task.row
    lines = [f"task        {row.name} ({row.kind.value}), queue {row.queue}, priority {row.priority}"]
    if row.kind is TaskKind.REFRESH:
        lines += _intervals(task, label)
        reasons = ", ".join(f"{reason} ({number})" for reason, number in row.reasons)
        lines.append(f"because     {'forced' if row.forced else reasons or 'it was asked for'}")
    if row.timeout is not None:
        lines.append(f"timeout     {lasting(row.timeout / 1e6) if row.timeout else 'none'}")
    lines.append(f"tries       {row.tries} of {row.max_tries}")
    for one in attempts:
        lines.append(f"\nattempt {one.row.number}  {one.row.ulid}")
        pins = [f"reads snapshot {one.pinned_snapshot}"] if one.pinned_snapshot is not None else []
        pins += [f"version {one.version_id}"] if one.version_id is not None else []
        pins += [f"epoch {one.epoch}"] if one.epoch is not None else []
        lines += [f"  {', '.join(pins)}"] if pins else []
        lines.append(f"  {_outcome(one)}")
    return "\n".join(lines)


def _intervals(task: NearTask, label: str) -> list[str]:
    row = task.row
    if row.intervals is None:
        return ["intervals   what is due when it is claimed first"]
    pieces = list(row.intervals)
    if pieces == [WHOLE] or task.outline is None:
        return [f"intervals   {label or 'the whole table'}"]
    calendar = calendar_of(task.outline)
    lines = [f"batch       {label}: {many(row.interval_count, 'interval')}"]
    lines += [f"            {show_interval(piece, calendar)}" for piece in pieces[:_SHOWN]]
    return [*lines, f"            … {len(pieces) - _SHOWN} ranges more"] if len(pieces) > _SHOWN else lines


def _outcome(one: NearAttempt) -> str:
    row = one.row
    parts = [
        row.outcome.value if row.outcome is not None else "running",
        f"from {moment(row.started_at)}",
        f"took {lasting(row.seconds)}" if row.seconds is not None else "",
        many(row.intervals, "interval") if row.intervals else "",
        many(row.rows, "row") if row.rows is not None else "",
        size(row.bytes),
        f"published snapshot {row.snapshot_id}" if row.snapshot_id is not None else "",
        f"by {row.holder}",
    ]
    text = ", ".join(part for part in parts if part)
    return f"{text}\n  error[{row.error_code}]: {row.error}" if row.error else text


def params_text(near: NearInstance) -> str:
    """Return the variables of an instance and what else it was given."""
    row = near.row
    facts = [
        ("instance", row.ulid),
        ("workflow", f"{row.workflow}, version {row.version}" if row.workflow else ""),
        ("trigger", row.trigger.value),
        ("logical date", moment(row.logical_date)),
        ("fire", moment(row.fire_at)),
        ("created", moment(row.created_at)),
        ("started", moment(row.started_at)),
        ("ended", moment(row.ended_at)),
        ("queue", row.queue),
        ("priority", str(row.priority)),
        ("key", row.key or ""),
        ("held by", row.holder or ""),
        ("tags", ", ".join(f"{key}={value}" for key, value in row.tags)),
    ]
    lines = [f"{name:<14}{value}" for name, value in facts if value]
    lines.append("\nvariables")
    lines += [f"  {name} = {value}" for name, value in row.variables.items()] or ["  none"]
    return "\n".join(lines)


def attempts_text(attempts: Sequence[NearAttempt]) -> str:
    """Return the attempts, newest first."""
    lines = [f"{one.task} #{one.row.number}  {_outcome(one)}" for one in attempts]
    return "\n".join(lines) or "nothing has been tried yet"


def events_text(events: Sequence[NearEvent]) -> str:
    """Return the events, oldest first."""
    return "\n".join(event_line(one) for one in events) or "nothing has happened yet"


def event_line(one: NearEvent) -> str:
    """Return one event."""
    event = one.row
    facts = ", ".join(f"{key}={value}" for key, value in event.detail.items() if value not in (None, "", []))
    who = f" by {event.actor}" if event.actor else ""
    return f"{moment(event.at)}  {one.task}  {event.kind}{who}  {facts}".rstrip()


def why_text(near: NearInstance, words: Sequence[TaskWords], root: str) -> str:
    """Return what is to be said of the tasks that did not simply succeed, the full text of each error."""
    lines = [root, ""] if root else []
    lines += [f"{one.task} ({one.state.value}): {one.text}" for one in words]
    if near.row.cancel_requested:
        lines.append("a cancel is requested")
    return "\n".join(lines) or "nothing to say: all went as it should"
