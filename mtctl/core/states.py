"""Floor 0. The state law: states, outcomes, triggers, the allowed arrows, and the roll-up.

A task instance changes state only along `ALLOWED`; the store repeats the lists as CHECK constraints and a test holds
both equal. Cancel requests, delays and backoff are facts (columns), never states.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable


class TaskState(StrEnum):
    """Where a task instance is."""

    CREATED = "created"  # registered; an upstream is not done
    PENDING = "pending"  # ready; claimable once `ready_at` has come
    RUNNING = "running"  # an attempt holds the lease
    SUSPENDED = "suspended"  # held by an operator
    SUCCESS = "success"  # published and credited
    FAILED = "failed"  # attempts used up
    CANCELLED = "cancelled"  # stopped on request, or an upstream failed (`why` says which)
    SKIPPED = "skipped"  # told not to run; counts as done


class InstanceState(StrEnum):
    """Where a workflow instance is: a roll-up of its tasks, never set by hand."""

    PENDING = "pending"  # nothing has started
    RUNNING = "running"  # something runs, or has run and more is ready
    SUSPENDED = "suspended"  # what is left is held
    SUCCESS = "success"  # all ended, none failed or cancelled
    FAILED = "failed"  # all ended, at least one failed
    CANCELLED = "cancelled"  # all ended, none failed, at least one cancelled


class WorkflowState(StrEnum):
    """Whether a workflow definition fires."""

    ENABLED = "enabled"  # fires
    DISABLED = "disabled"  # does not fire
    COMPLETED = "completed"  # has no more logical dates


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCESS = "success"  # published
    FAILED = "failed"  # the engine or a check said no
    TIMED_OUT = "timed_out"  # ran longer than allowed
    CANCELLED = "cancelled"  # stopped on request
    LOST = "lost"  # its holder died or lost its lease
    RELEASED = "released"  # given back at shutdown; costs no try
    SUPERSEDED = "superseded"  # the table or a file it ends changed under it; costs no try


class Trigger(StrEnum):
    """What asked for an instance."""

    MANUAL = "manual"  # a person or a script
    SCHEDULE = "schedule"  # a fire of a workflow
    BACKFILL = "backfill"  # a backfill


TERMINAL = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED})
"""States that end a task instance."""

DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
"""States that let downstream go."""

_S = TaskState

ALLOWED: dict[TaskState, frozenset[TaskState]] = {
    _S.CREATED: frozenset({_S.PENDING, _S.CANCELLED, _S.SUSPENDED, _S.SKIPPED}),
    _S.PENDING: frozenset({_S.RUNNING, _S.CANCELLED, _S.SUSPENDED, _S.SKIPPED}),
    _S.SUSPENDED: frozenset({_S.CREATED, _S.CANCELLED, _S.SKIPPED}),
    _S.RUNNING: frozenset({_S.SUCCESS, _S.FAILED, _S.CANCELLED, _S.PENDING, _S.CREATED, _S.SKIPPED}),
    _S.FAILED: frozenset({_S.CREATED, _S.SKIPPED}),
    _S.CANCELLED: frozenset({_S.CREATED, _S.SKIPPED}),
    _S.SUCCESS: frozenset({_S.CREATED}),
    _S.SKIPPED: frozenset({_S.CREATED}),
}
"""Every arrow a task instance may take."""


@frozen
class Transition:
    """One task instance goes from a state to a state, and why.

    `attempt_id` guards arrows out of `running`: they are refused unless that attempt is the running one. `ready_at`
    (microseconds UTC) delays a pending task. `tries` is the change of the count of tries used (a release gives back 1).
    """

    task_id: int
    from_state: TaskState
    to_state: TaskState
    why: str = ""
    attempt_id: int | None = None
    outcome: Outcome | None = None
    ready_at: int | None = None
    tries: int = 0


def rollup(states: Iterable[TaskState], *, started: bool = False) -> InstanceState:
    """Return the state of an instance with tasks in these states; the first rule that fits wins.

    `started` says that an attempt of the instance has ever begun (the states tell it only of ended tasks: a first
    task that waits for its second try is pending). An instance without tasks is `success`: nothing was to be done.
    What is neither ended nor running nor pending is held, or waits for what is held: `advance` leaves no task
    `created` whose upstream are all done.
    """
    found = set(states)
    if found <= TERMINAL:
        if _S.FAILED in found:
            return InstanceState.FAILED
        return InstanceState.CANCELLED if _S.CANCELLED in found else InstanceState.SUCCESS
    if _S.RUNNING in found:
        return InstanceState.RUNNING
    if _S.PENDING in found:
        begun = started or _S.SUCCESS in found or _S.FAILED in found  # both are reached from running only
        return InstanceState.RUNNING if begun else InstanceState.PENDING
    return InstanceState.SUSPENDED
