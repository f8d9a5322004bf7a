"""Floor 4. What was done to workflows, and how a run of one ended, as answers and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record, State
from mtctl.cli.exit import ExitCode
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import InstanceState
from mtctl.core.words import count, lasting, many, moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.reports.workflows import RunReport, TaskAdded, TaskResult, WorkflowChange

CHANGE_FIELDS = ("workflow", "action", "file", "version", "next_at", "notes", "diff")
_RUN_FIELDS = ("kind", "task", "task_kind", "state", "intervals", "rows", "seconds", "error_code", "error")

SIGNS = {"create": "+", "change": "~", "enable": "~", "disable": "~", "drop": "-", "vanished": "?", "none": "="}
"""The sign before each change."""

_PLANNED = {
    "create": "is new",
    "change": "changes",
    "drop": "is dropped; what it has open is cancelled",
    "vanished": "has no file any more and stays (`mtctl apply --prune` drops it)",
    "none": "is as applied",
}
_DONE = {
    "create": "created",
    "change": "changed",
    "enable": "enabled",
    "disable": "disabled",
    "drop": "deleted",
    "none": "unchanged",
}


def changes_answer(changes: Sequence[WorkflowChange], schema: str, *, dry_run: bool = False) -> Answer:
    """Return what was done, or with `dry_run` would be done, to workflows."""
    lines = [line for change in changes for line in (planned_lines if dry_run else _done_lines)(change)]
    notes = () if dry_run else _warnings(changes)
    return Answer(
        schema=schema,
        records=tuple(map(change_record, changes)),
        fields=CHANGE_FIELDS,
        blocks=(Lines(tuple(lines)),),
        warnings=notes,
    )


def task_added_answer(added: TaskAdded) -> Answer:
    """Return which tasks came, and the tables that are proposed beside them."""
    lines = [*_done_lines(added.change), *(f"  + task {name}" for name in added.tasks)]
    if added.proposed:
        lines.append(f"proposed: {', '.join(added.proposed)} (they read it; --with-downstream adds them)")
    record: Record = {**change_record(added.change), "tasks": list(added.tasks), "proposed": list(added.proposed)}
    return Answer(
        schema="mtctl.workflow.add-task/v1",
        records=(record,),
        fields=(*CHANGE_FIELDS, "tasks", "proposed"),
        blocks=(Lines(tuple(lines)),),
        warnings=_warnings([added.change]),
    )


def planned_lines(change: WorkflowChange) -> tuple[str, ...]:
    """Return the paragraph of a change that is planned."""
    aside = f" ({change.file})" if change.file else ""
    return (
        f"{SIGNS[change.action]} workflow {change.workflow} {_PLANNED[change.action]}{aside}",
        *(f"    {line}" for line in change.diff),
        *(f"    note: {note}" for note in change.notes),
    )


def applied_workflow_lines(changes: Sequence[WorkflowChange]) -> list[str]:
    """Return a line for each workflow that an apply changed or left without its file."""
    lines = [
        f"{SIGNS[change.action]} workflow {change.workflow} {_DONE[change.action]}"
        + (f" ({change.file})" if change.file else "")
        for change in changes
        if change.action in {"create", "change", "drop"}
    ]
    return lines + [
        f"? workflow {change.workflow} {_PLANNED['vanished']}" for change in changes if change.action == "vanished"
    ]


def change_record(change: WorkflowChange) -> Record:
    """Return a change for machines."""
    return {
        "kind": "workflow_change",
        "workflow": change.workflow,
        "action": change.action,
        "file": change.file,
        "version": change.version,
        "next_at": rfc3339(change.next_at),
        "notes": list(change.notes),
        "diff": list(change.diff),
    }


def run_answer(report: RunReport) -> Answer:
    """Return how the tasks of a run ended."""
    summary: Record = {
        "kind": "run",
        "workflow": report.workflow,
        "instance": report.instance,
        "state": str(report.state) if report.state is not None else None,
        "existing": report.existing,
        "detached": report.detached,
        "interrupted": report.interrupted,
        "seconds": round(report.seconds, 3),
    }
    tasks: tuple[Record, ...] = tuple(
        {
            "kind": "task",
            "task": task.task,
            "task_kind": task.kind,
            "state": task.state,
            "intervals": task.intervals,
            "rows": task.rows,
            "seconds": round(task.seconds, 3),
            "error_code": task.error_code,
            "error": task.error,
        }
        for task in report.tasks
    )
    return Answer(
        schema="mtctl.workflow.run/v1", records=(*tasks, summary), fields=_RUN_FIELDS, blocks=_run_blocks(report)
    )


def run_exit(report: RunReport) -> ExitCode:
    """Return the exit code of a run that was not interrupted; one that others do and that has not ended is OK."""
    if report.state not in {InstanceState.FAILED, InstanceState.CANCELLED}:
        return ExitCode.OK
    lost = [task for task in report.tasks if task.state in {"failed", "cancelled"}]
    if all(_is_locked(task) for task in lost if task.error_code) and any(map(_is_locked, lost)):
        return ExitCode.BUSY
    won = any(task.state == "success" for task in report.tasks)
    return ExitCode.PARTIAL if won else ExitCode.FAILED


def run_errors(report: RunReport) -> tuple[MtctlError, ...]:
    """Return an error for each task that failed."""
    code = int(run_exit(report))
    return tuple(
        MtctlError(
            task.error_code or "task_failed",
            task.error or "the task failed",
            kind=Kind.FAILED,
            where=f"task {task.task}",
            fix=f"see `mtctl instance show {report.instance}`",
            details={"task": task.task, "exit": code},
        )
        for task in report.tasks
        if task.state == "failed" or _is_locked(task)
    )


def _is_locked(task: TaskResult) -> bool:
    """Whether a task was left because somebody else has a source of it open."""
    return task.state == "cancelled" and task.error_code == "source_locked"


def _run_blocks(report: RunReport) -> tuple[Block, ...]:
    if report.instance is None:
        return (Lines((f"nothing to do: everything that {report.workflow} refreshes is fresh",)),)
    if report.detached and report.state in {InstanceState.PENDING, InstanceState.RUNNING}:
        return (Lines((f"queued as instance {report.instance}",)),)
    heads = ("TASK", "KIND", "STATE", "INTERVALS", "ROWS", "SECONDS")
    rows = tuple(
        (task.task, task.kind, State(task.state), task.intervals or "", count(task.rows or None), f"{task.seconds:.2f}")
        for task in report.tasks
    )
    ending = " – stopped" if report.interrupted else " – made before with this key" if report.existing else ""
    total = f"instance {report.instance} {report.state}: {many(len(rows), 'task')} in {lasting(report.seconds)}{ending}"
    return Grid(heads=heads, rows=rows, right=frozenset({"INTERVALS", "ROWS", "SECONDS"})), Lines((total,))


def _done_lines(change: WorkflowChange) -> tuple[str, ...]:
    if change.action == "none":
        why = f": {change.notes[0]}" if change.notes else ""
        return (f"= workflow {change.workflow} unchanged{why}",)
    version = f" (version {change.version})" if change.action == "change" else ""
    next_ = f", next {moment(change.next_at)}" if change.next_at is not None and change.action != "drop" else ""
    diff = tuple(f"    {line}" for line in change.diff) if change.action == "change" else ()
    return (f"{SIGNS[change.action]} workflow {change.workflow} {_DONE[change.action]}{version}{next_}", *diff)


def _warnings(changes: Sequence[WorkflowChange]) -> tuple[str, ...]:
    return tuple(note for change in changes if change.action != "none" for note in change.notes)
