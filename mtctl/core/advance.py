"""Floor 0. And then? Which tasks change state after something happened.

Two functions make the automatic changes: `settle` turns one outcome into one transition, `advance` works out the
consequences for the other tasks. All else is a verb of a person. There is one front door: `resume`, `retry` and
`rerun` lead to `created`, and only `advance` takes a task from there to `pending`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.backoff import backoff
from mtctl.core.errors import MtctlError, conflict, not_found
from mtctl.core.states import ALLOWED, DONE, TERMINAL, Outcome, TaskState, Transition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mtctl.core.model import Instant

MAX_LOST = 3
"""How often a task may lose its holder before it fails: work that kills its worker must not loop."""

OPERATOR = "operator"
"""How `why` begins where a person asked for the state."""

_BLOCKING = frozenset({TaskState.FAILED, TaskState.CANCELLED})
_IDLE = frozenset({TaskState.CREATED, TaskState.PENDING, TaskState.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNode:
    """One task of an instance: its state, the tasks that it waits for, and why it is in that state.

    `name` is what people call it; several tasks of an instance may bear one name.
    """

    task_id: int
    state: TaskState
    upstream: frozenset[int]
    why: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt of a running task ended, and what is known of the task then.

    `tries` counts the tries used, this one included; `lost` the lost attempts, this one included. `retryable` says
    that the trouble may pass (busy, out of memory) and is not the query's fault. `still_wanted` matters for a
    superseded attempt, `delay` (in microseconds) for a released one. `jitter` is a random number from 0 to 1.
    """

    task_id: int
    attempt_id: int
    outcome: Outcome
    tries: int
    max_tries: int
    lost: int = 0
    cancel_requested: bool = False
    retryable: bool = True
    still_wanted: bool = True
    delay: int = 0
    jitter: float = 1.0
    why: str = ""


def advance(nodes: Collection[TaskNode]) -> tuple[Transition, ...]:
    """Return what follows by itself from the states of all tasks of one instance; nothing more follows after that.

    A created task becomes pending when all its upstream are done, and cancelled when one failed or was cancelled;
    `why` names that one. Takes time linear in tasks and edges. Raises `KeyError` for an upstream not among the nodes.
    """
    cancelled = _blocked(nodes)
    states = {node.task_id: node.state for node in nodes}

    ready = (
        _move(node, TaskState.PENDING)
        for node in nodes
        if node.state is TaskState.CREATED
        and node.task_id not in cancelled
        and all(states[upstream] in DONE for upstream in node.upstream)
    )
    return (*cancelled.values(), *ready)


def settle(ending: Ending, now: Instant) -> Transition:
    """Return where a running task goes after an attempt of it ended.

    A success stays one although a cancel was requested: it is published. Otherwise the cancel wins. A failure or a
    timeout that may pass waits for the next try, a lost attempt may start again at once, a released one too unless its
    source is locked. Released and superseded attempts give their try back.
    """
    may_try = ending.tries < ending.max_tries
    state, ready_at, tries = TaskState.CANCELLED, None, 0
    match ending.outcome:
        case Outcome.SUCCESS:
            state = TaskState.SUCCESS
        case Outcome.CANCELLED:
            pass
        case _ if ending.cancel_requested:
            pass
        case Outcome.RELEASED:
            state, ready_at, tries = TaskState.PENDING, now + ending.delay, -1
        case Outcome.SUPERSEDED:
            state, tries = (TaskState.CREATED if ending.still_wanted else TaskState.SKIPPED), -1
        case Outcome.LOST if may_try and ending.lost < MAX_LOST:
            state, ready_at = TaskState.PENDING, now
        case Outcome.FAILED | Outcome.TIMED_OUT if may_try and ending.retryable:
            state, ready_at = TaskState.PENDING, now + backoff(ending.tries, ending.jitter)
        case _:
            state = TaskState.FAILED
    return Transition(
        task_id=ending.task_id,
        from_state=TaskState.RUNNING,
        to_state=state,
        why=ending.why,
        attempt_id=ending.attempt_id,
        outcome=ending.outcome,
        ready_at=ready_at,
        tries=tries,
    )


def retry(nodes: Collection[TaskNode], why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the reset of what failed or was cancelled; what is done or was skipped stays.

    The caller clears the cancel request with it. Raises `task_running` (conflict) while a task runs: a cancel may
    still be on its way to it.
    """
    _refuse_running(nodes)
    return tuple(_move(node, TaskState.CREATED, why) for node in nodes if node.state in _BLOCKING)


def rerun(nodes: Collection[TaskNode], task_id: int, why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the reset of a task and of all below it; a skip by a person below it stays, and so does what is held.

    Raises `task_running` while a task runs and `task_not_ended` (both conflict) while the task itself or one below
    it is ready to run, `task_unknown` (not found) for a task of another instance.
    """
    _refuse_running(nodes)
    below = _below(nodes, task_id)
    chosen = [node for node in nodes if node.task_id in below]

    for node in chosen:
        if node.state is TaskState.PENDING or (node.task_id == task_id and node.state not in TERMINAL):
            raise conflict(
                "task_not_ended",
                f"task {node.task_id} is {node.state}",
                fix="wait until it has ended, or cancel it, then rerun",
            )
    return tuple(
        _move(node, TaskState.CREATED, why)
        for node in chosen
        if node.state in TERMINAL and (node.task_id == task_id or not _skipped_by_person(node))
    )


def cancel(nodes: Iterable[TaskNode], why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the end of all idle tasks; a running one only gets the request and goes when the engine lets go."""
    return tuple(_move(node, TaskState.CANCELLED, why) for node in nodes if node.state in _IDLE)


def suspend(nodes: Iterable[TaskNode], why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the hold of the tasks that have not begun; what runs runs on."""
    return _to(nodes, TaskState.SUSPENDED, why)


def resume(nodes: Iterable[TaskNode], why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the release of the held tasks to the front door."""
    return tuple(_move(node, TaskState.CREATED, why) for node in nodes if node.state is TaskState.SUSPENDED)


def skip(nodes: Collection[TaskNode], why: str = OPERATOR) -> tuple[Transition, ...]:
    """Return the skip of these tasks, which then count as done; what is done already stays as it is.

    Raises `task_running` (conflict) where one of them runs.
    """
    _refuse_running(nodes)
    return _to(nodes, TaskState.SKIPPED, why)


def _blocked(nodes: Collection[TaskNode]) -> dict[int, Transition]:
    """Return the cancellations that failed and cancelled tasks cause below them, nearest first."""
    children: dict[int, list[TaskNode]] = {node.task_id: [] for node in nodes}
    for node in nodes:
        for upstream in sorted(node.upstream):
            children[upstream].append(node)

    cancelled: dict[int, Transition] = {}
    causes = deque((node, node.state) for node in nodes if node.state in _BLOCKING)
    while causes:
        cause, state = causes.popleft()
        why = f"upstream {cause.name or cause.task_id} {state}"
        for child in children[cause.task_id]:
            if child.state is TaskState.CREATED and child.task_id not in cancelled:
                cancelled[child.task_id] = _move(child, TaskState.CANCELLED, why)
                causes.append((child, TaskState.CANCELLED))
    return cancelled


def _below(nodes: Collection[TaskNode], task_id: int) -> frozenset[int]:
    """Return the task and everything that waits for it, directly or not."""
    children: dict[int, list[int]] = {node.task_id: [] for node in nodes}
    if task_id not in children:
        raise not_found("task_unknown", f"the instance has no task {task_id}", fix="see `mtctl instance show`")
    for node in nodes:
        for upstream in node.upstream:
            children[upstream].append(node.task_id)

    found = {task_id}
    left = [task_id]
    while left:
        fresh = [child for child in children[left.pop()] if child not in found]
        found.update(fresh)
        left.extend(fresh)
    return frozenset(found)


def _refuse_running(nodes: Iterable[TaskNode]) -> None:
    """Raise where a task runs: resetting around a running task would leave it with an upstream that is not done."""
    for node in nodes:
        if node.state is TaskState.RUNNING:
            raise _running(node)


def _running(node: TaskNode) -> MtctlError:
    """Return the error for a verb that has to wait."""
    what = f"task {node.name or node.task_id} is running"
    return conflict("task_running", what, fix="wait until it has ended, or cancel it")


def _skipped_by_person(node: TaskNode) -> bool:
    """Return whether a person said so; a task skipped because it was fresh is asked again."""
    return node.state is TaskState.SKIPPED and node.why.startswith(OPERATOR)


def _to(nodes: Iterable[TaskNode], state: TaskState, why: str) -> tuple[Transition, ...]:
    """Return the moves of all nodes that have an arrow to the state."""
    return tuple(_move(node, state, why) for node in nodes if state in ALLOWED[node.state])


def _move(node: TaskNode, state: TaskState, why: str = "") -> Transition:
    """Return the step of an idle or ended task."""
    return Transition(task_id=node.task_id, from_state=node.state, to_state=state, why=why)
