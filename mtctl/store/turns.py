"""Floor 2. Whose turn it is, and how a task that is not ready waits, is fixed, or gives up a part.

Tasks go by `turn_at`: the time of their insert, moved by rank and priority. Both are worth a fixed wait, so the turn of
everything comes, however much arrives later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant
    from mtctl.store.session import Session

STEP = 60_000_000
"""What a step of priority is worth: a minute of waiting, in microseconds."""

RANK_STEPS = 40
"""How many steps a rank is worth: as many as there are priorities."""


def turn_at(asked_at: Instant, rank: int, priority: int) -> Instant:
    """Return the place in the order of claims of a task that was asked for at an instant."""
    return asked_at + (rank * RANK_STEPS + priority) * STEP


def pick(session: Session, instance_id: int | None) -> int | None:
    """Return the task whose turn it is: of one instance, or of all that nobody owns; None when none can go."""
    asked = {"now": session.now, "boottime": session.boottime, "boot_id": session.boot_id}
    if instance_id is None:
        found = session.rows("turns.pick", asked)
    else:
        found = session.rows("turns.pick_of_instance", asked | {"instance_id": instance_id})
    return min(found)[1] if found else None


def postpone(session: Session, task_id: int, ready_at: Instant, why: str, waits_for: int | None) -> None:
    """Let a pending task wait until an instant, or until a table is published; raises `state_conflict`."""
    bindings = {"task_id": task_id, "ready_at": ready_at, "why": why, "waits_for": waits_for}
    if not session.run("work.postpone", bindings):
        raise _not_pending(task_id)


def wake(session: Session, table_id: int) -> None:
    """Let what waited for a table look again at once."""
    session.run("work.wake", {"table_id": table_id, "now": session.now})


def fix_intervals(session: Session, task_id: int, intervals: IntervalSet, count: int) -> None:
    """Write down what a task does; raises `state_conflict` where that is written already or the task has ended."""
    if not session.run("work.fix_intervals", {"task_id": task_id} | _extent(intervals, count)):
        from mtctl.core.errors import conflict  # noqa: PLC0415 - nobody polls with it

        what = f"what task {task_id} does is fixed already"
        raise conflict("state_conflict", what, fix="look at its state and try again")


def split_task(session: Session, task_id: int, rest: IntervalSet, count: int) -> int:
    """Take `rest` out of a pending task into a new one with the same turn and edges; return the new one's id.

    Raises `state_conflict` where the task is not pending, `split_outside` (a bug) where the rest is not a part of it.
    """
    from mtctl.store import rows  # noqa: PLC0415 - nobody polls with it
    from mtctl.store.events import add_event  # noqa: PLC0415 - the same
    from mtctl.store.troubles import bug  # noqa: PLC0415 - the same

    found = session.row("work.to_split", {"task_id": task_id})
    if found is None:
        raise _not_pending(task_id)
    instance_id, table_id, text, whole = found
    mine = rows.intervals(text)
    kept = mine - rest if mine is not None else None
    if not rest or not kept or mine is None or rest - mine:
        raise bug("split_outside", f"what is split off task {task_id} is not a part of it")

    session.run("work.keep_part", {"task_id": task_id} | _extent(kept, max(whole - count, 1)))
    part = {"task_id": task_id, "now": session.now} | _extent(rest, count)
    part_id: int = session.value("work.add_part", part)
    session.run("work.copy_edges_up", {"task_id": task_id, "part_id": part_id})
    session.run("work.copy_edges_down", {"task_id": task_id, "part_id": part_id})
    add_event(
        session, "task_split", table_id=table_id, instance_id=instance_id, task_id=part_id, of=task_id, intervals=count
    )
    return part_id


def _extent(intervals: IntervalSet, count: int) -> dict[str, object]:
    from mtctl.store.rows import intervals_json  # noqa: PLC0415 - nobody polls with it

    span = intervals.span
    return {
        "start": None if span is None else span.start,
        "end": None if span is None else span.end,
        "intervals": intervals_json(intervals),
        "count": count,
    }


def _not_pending(task_id: int) -> Exception:
    from mtctl.core.errors import conflict  # noqa: PLC0415 - nobody polls with it

    return conflict("state_conflict", f"task {task_id} is not pending", fix="look at its state and try again")
