"""Floor 4. The plan of a range in words, the last step of the wizard: how much, how long, and what it would meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mtctl.core.words import lasting, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.ports.ranges import RivalTask
    from mtctl.services.ranges import Meeting
    from mtctl.services.reports.refreshing import RefreshReport
    from mtctl.services.reports.running import PlannedStep
    from mtctl.tui.drawn.drawing import Looks

_TABLES = 30
_TOLD = 8


def reviewed(report: RefreshReport, meeting: Meeting, looks: Looks) -> Text:
    """Return what a refresh would do, given its dry run and what it would meet."""
    text = Text()
    if not report.plan:
        text.append("\n".join(report.notes) or "nothing is to be done: all of it is fresh")
        return _troubles(text, report, meeting, looks)
    by_table: dict[str, list[PlannedStep]] = {}
    for step in report.plan:
        by_table.setdefault(step.table, []).append(step)
    intervals = sum(step.intervals for step in report.plan)
    batches = many(len(report.plan), "batch", "batches")
    text.append(f"{many(intervals, 'interval')} of {many(len(by_table), 'table')} in {batches}", style="bold")
    text.append(f"  {_estimate(meeting)}\n")
    size = max(len(name) for name in list(by_table)[:_TABLES])
    for name, steps in list(by_table.items())[:_TABLES]:
        text.append(f"  {name:<{size}}  {_table_words(steps)}\n")
    if len(by_table) > _TABLES:
        text.append(f"  and {many(len(by_table) - _TABLES, 'table')} more\n")
    for note in report.notes[:_TOLD]:
        text.append(f"{note}\n")
    return _troubles(text, report, meeting, looks)


def _estimate(meeting: Meeting) -> str:
    if meeting.seconds is None:
        return "no idea how long: nothing of it was ever refreshed"
    less = f", without {', '.join(meeting.unknown[:3])}" if meeting.unknown else ""
    time = f"about {lasting(meeting.seconds)}" if meeting.seconds >= 1 else "less than a second"
    return f"{time} of work by the median of past batches{less}"


def _table_words(steps: Sequence[PlannedStep]) -> str:
    intervals = sum(step.intervals for step in steps)
    first, last = steps[0].interval, steps[-1].interval
    when = first if len(steps) == 1 else f"{first.split('..')[0]}..{last.split('..')[-1]}"
    reasons = dict.fromkeys(reason.rsplit(" (", 1)[0] for step in steps for reason in step.reasons)
    parts = [many(intervals, "interval"), many(len(steps), "batch", "batches"), when, ", ".join(reasons)]
    return "  ".join(part for part in parts if part)


def _troubles(text: Text, report: RefreshReport, meeting: Meeting, looks: Looks) -> Text:
    """Add what is not ready, and who else is about to write the same."""
    late = looks.colour("late")
    for line in report.not_ready[:_TOLD]:
        text.append("! ", style=late).append(f"not ready: {line}\n")
    if len(report.not_ready) > _TOLD:
        text.append("! ", style=late).append(f"and {len(report.not_ready) - _TOLD} more are not ready\n")
    for (ulid, title), tasks in _by_instance(meeting.others).items():
        running = sum(1 for task in tasks if task.state.value == "running")
        tables = ", ".join(dict.fromkeys(task.table for task in tasks))
        how = f"{running} running, {len(tasks) - running} waiting" if running else f"{len(tasks)} waiting"
        where = f"{title} {ulid[-10:]} on {tables} ({how})"
        text.append("! ", style=late).append(f"overlaps {where}: one waits, what is fresh by then is left alone\n")
    text.rstrip()
    return text


def _by_instance(others: Sequence[RivalTask]) -> dict[tuple[str, str], list[RivalTask]]:
    found: dict[tuple[str, str], list[RivalTask]] = {}
    for task in others:
        found.setdefault((task.ulid, task.title), []).append(task)
    return found
