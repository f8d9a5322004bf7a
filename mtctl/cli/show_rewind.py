"""Floor 4. `scheduler rewind` as lines before the question and as an answer after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record
from mtctl.core.pulse import lasting
from mtctl.core.words import many, moment, rfc3339

if TYPE_CHECKING:
    from mtctl.services.reports.rewinding import MarkBack, RewindReport

_FIELDS = ("changed", "at", "written_at", "ahead_seconds", "workflows", "tasks", "instances")
_SHOWN = 20  # workflows that are told one by one before the question


def rewind_lines(report: RewindReport) -> list[str]:
    """Return what lies ahead, for whoever is asked whether to bring it back."""
    marks = [f"  {one.workflow}: {_moved(one)}" for one in report.workflows[:_SHOWN]]
    left = len(report.workflows) - _SHOWN
    times = f"the clock says {moment(report.at)}, the state file was last written at {moment(report.written_at)}"
    return [
        f"{times}, {lasting(report.ahead)} ahead",
        f"{many(len(report.workflows), 'workflow')} with marks ahead" + (":" if marks else ""),
        *marks,
        *([f"  and {left} more"] if left > 0 else []),
        *_counts(report, "wait more than a day longer"),
    ]


def rewind_answer(report: RewindReport) -> Answer:
    """Return what was brought back."""
    blocks: tuple[Block, ...] = (Lines(("nothing to rewind: nothing in the state file lies ahead of the clock",)),)
    if report.done:
        heads = ("WORKFLOW", "MARK", "BACK TO", "NEXT FIRE")
        rows = tuple(
            (one.workflow, moment(one.last_fire_at), moment(one.back_to), moment(one.fires_at))
            for one in report.workflows
        )
        counts = _counts(report, "that waited for an instant ahead may begin")
        told = Lines((f"the newest time is {moment(report.at)} again", *counts))
        blocks = (told, Grid(heads=heads, rows=rows)) if rows else (told,)
    record: Record = {
        "kind": "rewind",
        "changed": report.done,
        "at": rfc3339(report.at),
        "written_at": rfc3339(report.written_at),
        "ahead_seconds": report.ahead,
        "workflows": [_mark(one) for one in report.workflows],
        "tasks": report.tasks,
        "instances": report.instances,
    }
    return Answer(schema="mtctl.scheduler.rewind/v1", records=(record,), fields=_FIELDS, blocks=blocks)


def _moved(one: MarkBack) -> str:
    parts = []
    if one.last_fire_at != one.back_to:
        parts.append(f"mark {moment(one.last_fire_at)} back to {moment(one.back_to) or 'none'}")
    if one.next_fire_at is not None or one.fires_at is not None:
        parts.append(f"next fire {moment(one.fires_at)}")
    return ", ".join(parts) + ("; its schedule goes on" if one.again else "")


def _counts(report: RewindReport, tasks: str) -> list[str]:
    found = [f"{many(report.tasks, 'task')} {tasks}"] if report.tasks else []
    if report.instances:
        made = f"{many(report.instances, 'instance')} made for fires that are still to come"
        found.append(f"{made} stay: those fires are not made again")
    return found


def _mark(one: MarkBack) -> Record:
    return {
        "workflow": one.workflow,
        "last_fire_at": rfc3339(one.last_fire_at),
        "next_fire_at": rfc3339(one.next_fire_at),
        "back_to": rfc3339(one.back_to),
        "fires_at": rfc3339(one.fires_at),
        "enabled_again": one.again,
    }
