"""Floor 4. Workflows as answers: the list, one in full, its history and graph, checks and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Facts, Grid, Lines, Record, State
from mtctl.cli.show_schedules import stretch
from mtctl.core.words import ago, bounds, lasting, many, moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Instant
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import SkippedFires, WorkflowRow
    from mtctl.services.reports.workflows import (
        CheckedWorkflow,
        WorkflowDetail,
        WorkflowHistory,
        WorkflowLine,
    )

_FIELDS = (
    *("workflow", "state", "origin", "file", "table", "version", "schedule", "zone", "tasks", "next_at", "due_at"),
    *("last_fire_at", "last_instance", "last_state", "last_at", "instances"),
)
_COUNTED = ("pending", "running", "suspended", "success", "failed", "cancelled")


def lines_answer(lines: Sequence[WorkflowLine], now: Instant) -> Answer:
    """Return all workflows, each with its instances by state."""
    heads = ("WORKFLOW", "STATE", "SCHEDULE", "TASKS", "NEXT", "LAST", "ENDED", "INSTANCES")
    rows = tuple(
        (
            line.row.name,
            State(line.row.state),
            _schedule(line.row),
            len(line.row.definition.tasks),
            _left(line.row.next_fire_at, now),
            State(line.last.state) if line.last is not None else "",
            ago(line.last.ended_at, now) if line.last is not None else "",
            counts_text(line.row),
        )
        for line in lines
    )
    block: Block = Grid(heads=heads, rows=rows) if rows else Lines(("there is no workflow",))
    records = tuple(_line_record(line.row, line.last) for line in lines)
    return Answer(schema="mtctl.workflow.list/v1", records=records, fields=_FIELDS, blocks=(block,))


def detail_answer(detail: WorkflowDetail, now: Instant) -> Answer:
    """Return everything about one workflow."""
    row = detail.row
    last = detail.instances[0] if detail.instances else None
    source = row.file or (f"table {row.definition.table}" if row.definition.table else "made by command")
    pairs = (
        ("workflow", row.name),
        ("comment", row.definition.comment),
        ("state", State(row.state)),
        ("defined in", source),
        ("version", f"{row.version} of {moment(row.changed_at)}"),
        ("schedule", _schedule(row)),
        ("next fire", f"{moment(row.next_fire_at)} (in {_left(row.next_fire_at, now)})" if row.next_fire_at else None),
        ("last fire", moment(row.last_fire_at)),
        ("instances", counts_text(row)),
        ("variables", detail.variables_error or None),
    )
    blocks: list[Block] = [Facts(tuple(pair for pair in pairs if pair[1] not in {None, ""}))]
    blocks.append(Lines(("Definition", *(f"  {line}" for line in detail.text.rstrip().splitlines()))))
    if detail.fires:
        fires = tuple((fire.local, moment(fire.at)) for fire in detail.fires)
        blocks.append(Grid(heads=("LOCAL", "UTC"), rows=fires, title="Next fires"))
    if detail.variables:
        blocks.append(Grid(heads=("VARIABLE", "VALUE"), rows=detail.variables, title="Variables of the next fire"))
    if detail.instances:
        blocks.append(_instance_grid(detail.instances))
    if detail.skipped:
        blocks.append(_skipped_grid(detail.skipped))
    record: Record = {
        **_line_record(row, last),
        "comment": row.definition.comment,
        "definition": detail.text,
        "versions": [{"version": version, "at": rfc3339(at)} for version, at in detail.versions],
        "next": [{"at": rfc3339(f.at), "local": f.local, "offset": f.offset, "dst": f.dst} for f in detail.fires],
        "variables": dict(detail.variables),
        "variables_error": detail.variables_error or None,
        "last_instances": [_instance(one) for one in detail.instances],
        "skipped": [_skipped(one) for one in detail.skipped],
    }
    return Answer(schema="mtctl.workflow.show/v1", records=(record,), fields=_FIELDS, blocks=tuple(blocks))


def history_answer(history: WorkflowHistory, limit: int) -> Answer:
    """Return instances and skipped fires."""
    blocks: list[Block] = []
    if history.instances:
        blocks.append(_instance_grid(history.instances))
    if history.skipped:
        blocks.append(_skipped_grid(history.skipped))
    if not blocks:
        blocks.append(Lines((f"{history.workflow} has not fired yet",)))
    records = (*map(_instance, history.instances), *map(_skipped, history.skipped))
    fields = ("kind", "id", "state", "trigger", "logical_date", "fire_at", "created_at", "started_at", "finished_at",
              "duration_s", "first_fire_at", "last_fire_at", "fires", "reason")  # fmt: skip
    return Answer(
        schema="mtctl.workflow.history/v1", records=records, fields=fields, blocks=tuple(blocks), limit=limit
    )


def graph_answer(name: str, form: str, text: str) -> Answer:
    """Return the picture of a workflow, as it is."""
    record: Record = {"kind": "graph", "workflow": name, "format": form, "text": text}
    lines = tuple(text.rstrip("\n").split("\n"))
    return Answer(
        schema="mtctl.workflow.graph/v1",
        records=(record,),
        fields=("workflow", "format", "text"),
        blocks=(Lines(lines),),
    )


def checked_answer(found: Sequence[CheckedWorkflow]) -> Answer:
    """Return which workflows are valid; their warnings are the answer's."""
    rows = tuple(
        (one.workflow, one.file, f"{many(len(one.errors), 'error')}" if one.errors else "valid", len(one.warnings))
        for one in found
    )
    block: Block = (
        Grid(heads=("WORKFLOW", "FILE", "VERDICT", "WARNINGS"), rows=rows) if rows else Lines(("no workflow files",))
    )
    records: tuple[Record, ...] = tuple(
        {
            "kind": "workflow",
            "workflow": one.workflow,
            "file": one.file,
            "valid": not one.errors,
            "errors": [str(error) for error in one.errors],
            "warnings": list(one.warnings),
        }
        for one in found
    )
    return Answer(
        schema="mtctl.workflow.validate/v1",
        records=records,
        fields=("workflow", "file", "valid", "errors", "warnings"),
        blocks=(block,),
        warnings=tuple(f"{one.workflow}: {line}" for one in found for line in one.warnings),
    )


def counts_text(row: WorkflowRow) -> str:
    """Return the instances by state, `3 success, 1 failed`."""
    counts = {str(state): number for state, number in row.counts}
    return ", ".join(f"{counts[state]} {state}" for state in _COUNTED if counts.get(state))


def _line_record(row: WorkflowRow, last: InstanceRow | None) -> Record:
    schedule = row.definition.schedule
    counts = {str(state): number for state, number in row.counts}
    return {
        "kind": "workflow",
        "workflow": row.name,
        "state": str(row.state),
        "origin": row.origin,
        "file": row.file,
        "table": row.definition.table,
        "version": row.version,
        "schedule": schedule.text if schedule is not None else None,
        "zone": row.definition.zone,
        "tasks": len(row.definition.tasks),
        "next_at": rfc3339(row.next_fire_at),
        "due_at": rfc3339(row.due_at),
        "last_fire_at": rfc3339(row.last_fire_at),
        "last_instance": last.ulid if last is not None else None,
        "last_state": str(last.state) if last is not None else None,
        "last_at": rfc3339(last.ended_at or last.created_at) if last is not None else None,
        "instances": {state: counts.get(state, 0) for state in _COUNTED},
    }


def _schedule(row: WorkflowRow) -> str:
    schedule = row.definition.schedule
    if schedule is None:
        return "on demand"
    return schedule.text if schedule.zone == "UTC" else f"{schedule.text} ({schedule.zone})"


def _left(at: Instant | None, now: Instant) -> str:
    return "" if at is None else stretch(max(0, at - now) / 1_000_000)


def _instance_grid(instances: Sequence[InstanceRow]) -> Grid:
    heads = ("INSTANCE", "STATE", "TRIGGER", "FIRE", "STARTED", "TOOK")
    rows = tuple(
        (
            one.ulid,
            State(one.state),
            str(one.trigger),
            moment(one.fire_at),
            moment(one.started_at),
            lasting(_seconds(one)),
        )
        for one in instances
    )
    return Grid(heads=heads, rows=rows, title="Instances")


def _skipped_grid(skipped: Sequence[SkippedFires]) -> Grid:
    rows = tuple(
        (moment(one.first_fire_at), moment(one.last_fire_at), one.fires if one.fires is not None else "?", one.reason)
        for one in skipped
    )
    return Grid(heads=("FIRST", "LAST", "FIRES", "REASON"), rows=rows, title="Skipped fires")


def _instance(row: InstanceRow) -> Record:
    interval = None if row.logical_date is None or row.fire_at is None else bounds(row.logical_date, row.fire_at)
    return {
        "kind": "instance",
        "id": row.ulid,
        "title": row.title,
        "trigger": str(row.trigger),
        "state": str(row.state),
        "version": row.version,
        "logical_date": rfc3339(row.logical_date),
        "fire_at": rfc3339(row.fire_at),
        "interval": interval,
        "created_at": rfc3339(row.created_at),
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.ended_at),
        "duration_s": _seconds(row),
        "tasks": {str(state): number for state, number in row.tasks},
        "rows": row.rows,
    }


def _skipped(one: SkippedFires) -> Record:
    return {
        "kind": "skipped",
        "first_fire_at": rfc3339(one.first_fire_at),
        "last_fire_at": rfc3339(one.last_fire_at),
        "fires": one.fires,
        "reason": one.reason,
        "at": rfc3339(one.at),
    }


def _seconds(row: InstanceRow) -> float | None:
    if row.started_at is None or row.ended_at is None:
        return None
    return (row.ended_at - row.started_at) / 1_000_000
