"""Floor 4. What is read for one tab of an instance, in the reading thread: a statement or two, and the end of a log."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.names import MAIN, quote, split_name
from mtctl.core.states import InstanceState
from mtctl.core.table_calendar import calendar_of
from mtctl.core.workflow import TaskKind
from mtctl.tui.near import instance_tabs as tabs
from mtctl.tui.near.asking import query
from mtctl.tui.near.log_text import Piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.app import App as Project
    from mtctl.ports.near import NearTask, Try
    from mtctl.services.near import TaskPart
    from mtctl.tui.near.asking import Told

TAIL_BYTES = 64 << 10
"""Of a log that is opened, its end."""

MORE_BYTES = 512 << 10
"""Of a log that is followed, so much at once."""

LOGS = 3
"""Attempts whose output is shown: the newest."""

ROWS = 200
"""Rows of a preview."""

_OF_TASK = frozenset({"logs", "sql", "plan", "rows"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TabFound:
    """What was read for a tab. `subject` is what it is of; a preview is asked by `rows`, as `command` does it."""

    name: str
    subject: str = ""
    text: str = ""
    language: str = ""
    pieces: tuple[Piece, ...] = ()
    lines: tuple[str, ...] = ()
    rows: Callable[[Project], Told] | None = None
    command: str = ""


def read_tab(
    project: Project, name: str, part: TaskPart, task: NearTask | None, end_of: Callable[[str], int | None]
) -> TabFound:
    """Read a tab of an instance, for one of its tasks; `end_of` says up to where an attempt's output is there."""
    if name in _OF_TASK:
        return _read_task(project, name, part, task, end_of) if task else TabFound(name=name, text="it has no task")
    near, instance_id = project.board.near, part.near.row.instance_id
    match name:
        case "params":
            text = tabs.params_text(part.near)
        case "attempts":
            text = tabs.attempts_text(near.attempts(instance_id, None))
        case "events":
            text = tabs.events_text(near.events(instance_id, None))
        case _:
            text = tabs.why_text(part.near, near.words(instance_id), _root(project, part))
    return TabFound(name=name, text=text)


def _read_task(
    project: Project, name: str, part: TaskPart, task: NearTask, end_of: Callable[[str], int | None]
) -> TabFound:
    near, row = project.board.near, task.row
    match name:
        case "logs":
            return _logs(project, part, task, end_of)
        case "sql":
            code, language = tabs.code_of(task, near.definition(row.task_id))
            return TabFound(name=name, text=code, language=language)
        case "plan":
            attempts = near.attempts(row.instance_id, row.task_id)
            return TabFound(name=name, text=tabs.plan_text(task, part.labels.get(row.task_id, ""), attempts))
        case _:
            return _rows(task)


def _root(project: Project, part: TaskPart) -> str:
    """Return why an instance that has not succeeded is as it is."""
    if part.near.row.state is InstanceState.SUCCESS:
        return ""
    try:
        why = project.operator.whys.why(part.near.row.ulid).why
    except MtctlError as error:
        return error.what
    return f"{why.root.subject}: {why.root.text}" + (f"\ndo: {why.root.fix}" if why.root.fix else "")


def _logs(project: Project, part: TaskPart, task: NearTask, end_of: Callable[[str], int | None]) -> TabFound:
    from mtctl.services.logs import log_path, tail  # noqa: PLC0415 - where somebody reads logs

    subject = f"{part.near.row.ulid}/{task.row.task_id}"
    folder = project.project.state_folder / "logs"
    pieces = []
    for one in task.tries[-LOGS:] if task.row.kind is not TaskKind.REFRESH else ():
        known = end_of(one.ulid)
        found = tail(log_path(folder, one.ulid), known, TAIL_BYTES if known is None else MORE_BYTES)
        if found is not None:
            pieces.append(_piece(task, one, found[0], found[1], known))
    if pieces and task.row.error:
        data = f"error[{task.row.error_code}]: {task.row.error}\n".encode()
        key = f"{task.tries[-1].ulid} error"
        pieces.append(Piece(attempt=key, title="it failed", begin=0, end=len(data), data=data))
    if pieces:
        return TabFound(name="logs", subject=subject, pieces=tuple(pieces))
    events = project.board.near.events(part.near.row.instance_id, task.row.task_id)
    lines = [tabs.event_line(one) for one in events]
    if task.row.error:
        lines += ["", f"error[{task.row.error_code}]: {task.row.error}"]
    about = "a refresh writes no output" if task.row.kind is TaskKind.REFRESH else "no output is there"
    text = "\n".join([f"--- {task.row.name}: {about}; what happened to it", *lines])
    return TabFound(name="logs", subject=subject, lines=tuple(text.splitlines()))


def _piece(task: NearTask, one: Try, data: bytes, end: int, known: int | None) -> Piece:
    # Text that was cut within a letter would begin with half of one: the first line of a tail is left out.
    begin = end - len(data)
    if known is None and begin:
        rest = data.partition(b"\n")[2]
        data, begin = rest or data, end - len(rest or data)
    title = f"{task.row.name}, attempt {one.number} ({one.ulid})"
    return Piece(attempt=one.ulid, title=title, begin=begin, end=end, data=data)


def _rows(task: NearTask) -> TabFound:
    """Return how the rows that a refresh wrote are asked for: those of its intervals, as of what it published."""
    if task.outline is None:
        return TabFound(name="rows", text="only refreshes write rows")
    snapshots = [one.snapshot_id for one in task.tries if one.snapshot_id is not None]
    if not snapshots:
        return TabFound(name="rows", text="nothing is published yet")
    sql, at = rows_of(task.outline.name) + _within(task), str(snapshots[-1])
    return TabFound(
        name="rows",
        subject=f"{task.row.task_id} {at}",
        rows=lambda project: _kept(project, sql, at),
        command=shlex.join(["mtctl", "query", sql, "--limit", str(ROWS), "--at", at]),
    )


def _kept(project: Project, sql: str, at: str) -> Told:
    """Ask as of a snapshot, or as of now where it is not kept any more: that is told."""
    try:
        return query(project, sql, at, ROWS)
    except MtctlError as error:
        if error.code != "snapshot_expired":
            raise
    found = query(project, sql, "", ROWS)
    return replace(found, moment=f"{found.moment}; snapshot {at} is not kept any more")


def rows_of(table: str) -> str:
    """Return the SELECT that reads a table."""
    schema, name = split_name(table)
    return f"FROM {quote(name)}" if schema == MAIN else f"FROM {quote(schema)}.{quote(name)}"


def _within(task: NearTask) -> str:
    """Return the condition that takes the rows of a task's batch; none where its column is no plain time."""
    outline, batch = task.outline, task.row.batch
    if outline is None or outline.partition is None or batch is None or batch == WHOLE:
        return ""
    [column, *more] = outline.partition.columns
    calendar = calendar_of(outline)
    if more or column.formatter is not None or calendar is None or column.type not in {"DATE", "TIMESTAMP"}:
        return ""
    name = quote(column.name)
    # Our own times in the spelling of ISO, never anybody's text.
    low, high = (calendar.label(one).isoformat(sep=" ") for one in (batch.start, batch.end))
    if column.type == "DATE":
        low, high = low[:10], high[:10]
    return f" WHERE {name} >= {column.type} '{low}' AND {name} < {column.type} '{high}'"
