"""Floor 4. What the verbs on instances and queues did, as answers and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Grid, Lines, Record, State
from mtctl.cli.errors import exit_of
from mtctl.cli.exit import ExitCode
from mtctl.core.states import InstanceState
from mtctl.core.words import lasting, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.ports.work import EventRow, InstanceRow
    from mtctl.ports.workflows import QueueRow
    from mtctl.services.reports.queues import QueueChanged
    from mtctl.services.reports.verbs import VerbReport, WaitReport

_VERB_FIELDS = ("id", "title", "verb", "state", "changed", "text", "tasks", "running")
_WAIT_FIELDS = ("id", "title", "state", "reached", "timed_out", "seconds")
_QUEUE_FIELDS = ("name", "slots", "running", "waiting", "paused", "paused_why", "memory", "threads", "holders")
EVENT_FIELDS = ("id", "at", "event", "task", "actor", "detail")


def verbs_answer(reports: Sequence[VerbReport], verb: str) -> Answer:
    """Return what a verb did to each instance."""
    records: tuple[Record, ...] = tuple(
        {
            "kind": "instance",
            "id": report.instance,
            "title": report.title,
            "verb": report.verb,
            "state": str(report.state),
            "changed": report.changed,
            "text": report.text,
            "tasks": list(report.tasks),
            "running": report.running,
        }
        for report in reports
    )
    rows = tuple((report.instance, State(report.state), report.title, report.text) for report in reports)
    block = Grid(heads=("INSTANCE", "STATE", "TITLE", "DETAIL"), rows=rows)
    return Answer(
        schema=f"mtctl.instance.{verb}/v1",
        records=records,
        fields=_VERB_FIELDS,
        blocks=(block,) if reports else (Lines(("nothing is open",)),),
    )


def verbs_exit(reports: Sequence[VerbReport]) -> ExitCode:
    """Return the exit code of a verb: that of the trouble, PARTIAL where some of several went well."""
    codes = [ExitCode.OK if report.problem is None else exit_of(report.problem) for report in reports]
    bad = [code for code in codes if code is not ExitCode.OK]
    if not bad:
        return ExitCode.OK
    return bad[0] if len(set(codes)) == 1 else ExitCode.PARTIAL


def ended_exit(states: Sequence[InstanceState]) -> ExitCode:
    """Return the exit code of instances that have ended."""
    good = [state is InstanceState.SUCCESS for state in states]
    if all(good):
        return ExitCode.OK
    return ExitCode.PARTIAL if any(good) else ExitCode.FAILED


def waits_answer(reports: Sequence[WaitReport]) -> Answer:
    """Return how waiting ended for each instance."""
    records: tuple[Record, ...] = tuple(
        {
            "kind": "instance",
            "id": report.instance,
            "title": report.title,
            "state": str(report.state),
            "reached": report.reached,
            "timed_out": report.timed_out,
            "seconds": report.seconds,
        }
        for report in reports
    )
    rows = tuple(
        (report.instance, State(report.state), report.title, lasting(report.seconds)) for report in reports
    )
    block = Grid(heads=("INSTANCE", "STATE", "TITLE", "WAITED"), rows=rows)
    return Answer(schema="mtctl.instance.wait/v1", records=records, fields=_WAIT_FIELDS, blocks=(block,))


def queues_answer(rows: Sequence[QueueRow]) -> Answer:
    """Return all queues."""
    heads = ("NAME", "SLOTS", "RUNNING", "WAITING", "PAUSED", "HOLDERS")
    cells = tuple(
        (
            row.name,
            row.slots,
            row.running,
            row.waiting,
            (row.paused_why or "yes") if row.paused else "",
            ", ".join(row.holders),
        )
        for row in rows
    )
    return Answer(
        schema="mtctl.queue.list/v1",
        records=tuple(map(_queue_record, rows)),
        fields=_QUEUE_FIELDS,
        blocks=(Grid(heads=heads, rows=cells),),
    )


def queue_answer(changed: QueueChanged) -> Answer:
    """Return what a verb did to a queue."""
    base: Record = _queue_record(changed.row) if changed.row is not None else {"kind": "queue", "name": changed.name}
    record: Record = {**base, "verb": changed.verb, "changed": changed.changed, "text": changed.text}
    return Answer(
        schema=f"mtctl.queue.{changed.verb}/v1",
        records=(record,),
        fields=(*_QUEUE_FIELDS, "verb", "changed", "text"),
        blocks=(Lines((f"queue {changed.name} {changed.text}",)),),
    )


def event_record(event: EventRow, task: str) -> Record:
    """Return one event of an instance."""
    return {
        "kind": "event",
        "id": event.event_id,
        "at": rfc3339(event.at),
        "event": event.kind,
        "task": task or None,
        "actor": event.actor or None,
        "detail": dict(event.detail),
    }


def event_line(event: EventRow, task: str) -> str:
    """Return one event for people: when, what, of which task, by whom."""
    detail = event.detail
    is_move = "from" in detail and "to" in detail
    moved = f"{detail['from']} → {detail['to']}" if is_move else event.kind.replace("_", " ")
    what = f"{task} {moved}" if task else f"instance {moved}" if is_move else moved
    parts = [(rfc3339(event.at) or "")[:19].replace("T", " "), what]
    why = detail.get("why") or detail.get("reason")
    parts += [f"({why})"] if why else []
    parts += [f"by {event.actor}"] if event.actor else []
    return "  ".join(parts)


def watched_answer(row: InstanceRow, records: Sequence[Record]) -> Answer:
    """Return the events of an instance that was watched to its end, for formats that come at once."""
    return Answer(
        schema="mtctl.instance.watch/v1",
        records=tuple(records),
        fields=EVENT_FIELDS,
        blocks=(Lines((f"{row.ulid} ended {row.state}",)),),
    )


def _queue_record(row: QueueRow) -> Record:
    return {
        "kind": "queue",
        "name": row.name,
        "slots": row.slots,
        "running": row.running,
        "waiting": row.waiting,
        "paused": row.paused,
        "paused_why": row.paused_why or None,
        "memory": row.memory,
        "threads": row.threads,
        "holders": list(row.holders),
    }
