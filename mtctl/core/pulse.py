"""Floor 0. Does the project make progress? Judged by what is done, never by which process lives.

A process that lives and does nothing is the worst failure there is, so a due fire that nobody made counts, and the
process id of a daemon does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.calendar import iso_utc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Instant

LATE_FIRE = 120_000_000
"""How long a fire may be due and not made, in microseconds."""

LATE_TASK = 600_000_000
"""How long a task may be ready with a slot free, in microseconds."""

LATE_LOOK = 300_000_000
"""How long nobody may look at the schedules while there is something to do, in microseconds."""

CLOCK_SLACK = 60_000_000
"""How far the newest time in the state file may lie in the future, in microseconds."""

CLOCK_FIX = "set the clock; if it is right, `mtctl scheduler rewind`"
"""What to do about a clock that is behind: either it is wrong now, or it was ahead once."""


class TroubleKind(StrEnum):
    """What stands still."""

    CLOCK = "clock_behind"  # the wall clock is behind what was written already
    FIRE = "fire_late"  # a due fire was not made
    LEASE = "lease_expired"  # a task runs whose holder shows no life
    TASK = "task_waiting"  # a ready task waits although a slot is free
    LOOK = "nobody_looks"  # there is work, and neither a daemon nor a tick has looked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One reason why the project is not healthy, and what to do."""

    kind: TroubleKind
    text: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many of a kind are how; `healthy` ones have neither failed last nor are they late."""

    total: int = 0
    healthy: int = 0
    failed: int = 0
    late: int = 0

    @property
    def ratio(self) -> float:
        """The healthy part of all, from 0 to 1; 1 where there are none."""
        return self.healthy / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFire:
    """A fire that is due and not made."""

    workflow: str
    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A holder whose leases ran out while a task of it runs."""

    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTask:
    """A task that nothing holds up: ready, its queue has a free slot, nobody owns its instance."""

    task: str
    instance: str
    ready_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What is known at one moment.

    `written_at` is the newest instant in the state file, `looked_at` when somebody last looked at the schedules.
    """

    now: Instant
    written_at: Instant | None
    looked_at: Instant | None
    fires: Sequence[LateFire]
    expired: Sequence[Expired]
    waiting: Sequence[WaitingTask]


def is_behind(now: Instant, written_at: Instant | None) -> bool:
    """Return whether the clock is behind what was written already."""
    return written_at is not None and written_at - now > CLOCK_SLACK


def troubles(pulse: Pulse) -> tuple[Trouble, ...]:
    """Return everything that stands still, the cause of the others first; empty where all is well."""
    found = [_clock(pulse), _look(pulse), _fires(pulse), _leases(pulse), _tasks(pulse)]
    return tuple(trouble for trouble in found if trouble is not None)


def _clock(pulse: Pulse) -> Trouble | None:
    if not is_behind(pulse.now, pulse.written_at):
        return None
    seconds = ((pulse.written_at or 0) - pulse.now) // 1_000_000
    return Trouble(
        kind=TroubleKind.CLOCK,
        text=f"clock behind: it is {lasting(seconds)} behind the newest time in the state file",
        fix=CLOCK_FIX,
    )


def _look(pulse: Pulse) -> Trouble | None:
    """Work alone is no trouble: it must have had the time to be looked at."""
    old_fire = any(pulse.now - fire.due_at > LATE_FIRE for fire in pulse.fires)
    old_task = any(pulse.now - task.ready_at > LATE_FIRE for task in pulse.waiting)
    if not (old_fire or old_task):
        return None
    if pulse.looked_at is not None and pulse.now - pulse.looked_at <= LATE_LOOK:
        return None
    since = "never" if pulse.looked_at is None else f"last {iso_utc(pulse.looked_at)}"
    return Trouble(
        kind=TroubleKind.LOOK,
        text=f"nobody looks for work ({since})",
        fix="run `mtctl up`, or `mtctl tick` from cron (`mtctl scheduler install`)",
    )


def _fires(pulse: Pulse) -> Trouble | None:
    late = [fire for fire in pulse.fires if pulse.now - fire.due_at > LATE_FIRE]
    if not late:
        return None
    first = min(late, key=lambda fire: fire.due_at)
    return Trouble(
        kind=TroubleKind.FIRE,
        text=f"{_many(len(late), 'workflow')} due and not fired, {first.workflow} for "
        f"{lasting((pulse.now - first.due_at) // 1_000_000)}",
        fix=f"`mtctl why {first.workflow}`; `mtctl tick` fires what is due",
    )


def _leases(pulse: Pulse) -> Trouble | None:
    if not pulse.expired:
        return None
    return Trouble(
        kind=TroubleKind.LEASE,
        text=f"no sign of life from {_many(len(pulse.expired), 'holder')} of running tasks: {pulse.expired[0].holder}",
        fix="`mtctl tick` takes its work over",
    )


def _tasks(pulse: Pulse) -> Trouble | None:
    late = [task for task in pulse.waiting if pulse.now - task.ready_at > LATE_TASK]
    if not late:
        return None
    first = min(late, key=lambda task: task.ready_at)
    return Trouble(
        kind=TroubleKind.TASK,
        text=f"{_many(len(late), 'task')} ready with a slot free, {first.task} of {first.instance} for "
        f"{lasting((pulse.now - first.ready_at) // 1_000_000)}",
        fix=f"`mtctl why {first.instance}`",
    )


def lasting(seconds: int) -> str:
    """Return a duration in its two largest units: `45s`, `3m05s`, `2h10m`, `4d03h`."""
    if seconds < 60:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{rest:02d}m"
    return f"{hours // 24}d{hours % 24:02d}h"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
