"""Floor 2. Instances and tasks: change states, follow up, cancel.

`apply` is the only place where a task changes state, but for the claim; each change is guarded by the state (and
attempt) it starts from, writes its event, and ends in the instance's roll-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.advance import TaskNode, advance
from mtctl.core.errors import conflict
from mtctl.core.states import ALLOWED, TERMINAL, InstanceState, Outcome, TaskState, Transition, rollup
from mtctl.store.events import add_move
from mtctl.store.troubles import bug
from mtctl.store.turns import RANK_STEPS, STEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.store.session import Session

_ENDED = frozenset({InstanceState.SUCCESS, InstanceState.FAILED, InstanceState.CANCELLED})

_STATES = {state.value: state for state in TaskState}

_OUTCOMES = {
    TaskState.SUCCESS: Outcome.SUCCESS,
    TaskState.FAILED: Outcome.FAILED,
    TaskState.CANCELLED: Outcome.CANCELLED,
    TaskState.PENDING: Outcome.RELEASED,
    TaskState.CREATED: Outcome.SUPERSEDED,
    TaskState.SKIPPED: Outcome.SUPERSEDED,
}


def apply(session: Session, transitions: Iterable[Transition], *, is_attempt_ended: bool = False) -> None:
    """Change task states, all or nothing in the caller's transaction; raises `state_conflict` (CONFLICT).

    `is_attempt_ended` says that the caller has written how the attempts ended.
    """
    instances: dict[int, None] = {}
    for transition in transitions:
        instances[_move(session, transition, is_attempt_ended=is_attempt_ended)] = None
    for instance_id in instances:
        roll_up(session, instance_id)


def advance_instance(session: Session, instance_id: int) -> tuple[Transition, ...]:
    """Make and return the changes that follow by themselves from the states of an instance's tasks."""
    follow_ups = advance(nodes(session, instance_id))
    apply(session, follow_ups)
    return follow_ups


def advance_below(session: Session, task_id: int) -> tuple[Transition, ...]:
    """Make and return what follows from the success of one task.

    Only what waits for it can follow: the other tasks are not read, so that an instance of ten thousand stays cheap.
    """
    follow_ups = advance(_nodes_below(session, task_id))
    apply(session, follow_ups)
    return follow_ups


def nodes(session: Session, instance_id: int) -> list[TaskNode]:
    """Return the tasks of an instance as the decisions take them."""
    upstream: dict[int, list[int]] = {}
    for task_id, upstream_id in session.rows("work.edges", {"instance_id": instance_id}):
        upstream.setdefault(task_id, []).append(upstream_id)
    return [
        TaskNode(
            task_id=task_id, state=TaskState(state), upstream=frozenset(upstream.get(task_id, ())), why=why, name=name
        )
        for task_id, state, why, name in session.rows("work.nodes", {"instance_id": instance_id})
    ]


def _nodes_below(session: Session, task_id: int) -> list[TaskNode]:
    """Return the created tasks that wait for a task, and all that these wait for."""
    upstream: dict[int, list[int]] = {}
    above: dict[int, TaskState] = {}
    for waiting_id, upstream_id, state in session.rows("work.waiting_for", {"task_id": task_id}):
        upstream.setdefault(waiting_id, []).append(upstream_id)
        above[upstream_id] = TaskState(state)
    waiting = [
        TaskNode(task_id=waiting_id, state=TaskState.CREATED, upstream=frozenset(found))
        for waiting_id, found in upstream.items()
    ]
    return waiting + [
        TaskNode(task_id=one, state=state, upstream=frozenset()) for one, state in above.items() if one not in upstream
    ]


def roll_up(session: Session, instance_id: int) -> None:
    """Store the state of an instance that follows from its tasks, with an event where it changed."""
    found = session.row("work.standing", {"instance_id": instance_id})
    if found is None:
        raise bug("instance_unknown", f"there is no instance {instance_id}")
    states = [_STATES[state] for state in (found[2] or "").split(",") if state]
    state = rollup(states, started=bool(found[0]))
    if state.value == found[1]:
        return
    bindings = {"instance_id": instance_id, "state": state.value, "ends": state in _ENDED, "now": session.now}
    session.run("work.set_instance_state", bindings)
    add_move(session, "instance_state", found[1], state.value, instance_id=instance_id)


def cancel_idle(session: Session, instance_id: int, why: str) -> None:
    """Cancel what has not begun; what runs is left to whoever runs it."""
    idle = (TaskState.CREATED, TaskState.PENDING, TaskState.SUSPENDED)
    apply(
        session,
        [
            Transition(task_id=node.task_id, from_state=node.state, to_state=TaskState.CANCELLED, why=why)
            for node in nodes(session, instance_id)
            if node.state in idle
        ],
    )


def cancel_tasks_of(session: Session, table_ids: Sequence[int], why: str) -> None:
    """Cancel the idle tasks of tables that are gone, with what follows from it."""
    for table_id in table_ids:
        open_tasks = session.rows("work.open_tasks_of_table", {"table_id": table_id})
        apply(
            session,
            [
                Transition(task_id=task, from_state=TaskState(state), to_state=TaskState.CANCELLED, why=why)
                for task, _, state in open_tasks
            ],
        )
        for instance_id in dict.fromkeys(instance_id for _, instance_id, _ in open_tasks):
            advance_instance(session, instance_id)


def _move(session: Session, transition: Transition, *, is_attempt_ended: bool) -> int:
    """Take one arrow and return the task's instance; zero rows mean that somebody was faster."""
    if transition.to_state not in ALLOWED[transition.from_state] or transition.to_state is TaskState.RUNNING:
        raise _conflict(transition, "there is no such arrow")
    running = transition.from_state is TaskState.RUNNING
    if running and transition.attempt_id is None:
        raise _conflict(transition, "an arrow out of running must name its attempt")

    bindings = {
        "task_id": transition.task_id,
        "from": transition.from_state.value,
        "to": transition.to_state.value,
        "why": transition.why,
        "tries": transition.tries,
        "ready_at": transition.ready_at,
        "ends": transition.to_state in TERMINAL,
        "attempt_id": transition.attempt_id,
        "step": STEP,
        "rank_steps": RANK_STEPS,
        "now": session.now,
    }
    found = session.row(_statement_of(transition), bindings)
    if found is None:
        raise _conflict(transition, "the task has moved on")
    if running and not is_attempt_ended:
        outcome = transition.outcome or _OUTCOMES[transition.to_state]
        session.run("work.end_attempt", {"attempt_id": transition.attempt_id, "outcome": outcome, "now": session.now})
    _log(session, transition, *found)
    return int(found[0])


def _statement_of(transition: Transition) -> str:
    if transition.from_state is TaskState.RUNNING:
        return "work.move_running"
    back = transition.from_state in TERMINAL and transition.to_state not in TERMINAL
    return "work.move_back" if back else "work.move_idle"


def _log(session: Session, transition: Transition, instance_id: int, table_id: int | None) -> None:
    more = {"why": transition.why} if transition.why else {}
    if transition.outcome is not None:
        more["outcome"] = transition.outcome.value
    add_move(
        session,
        "task_state",
        transition.from_state.value,
        transition.to_state.value,
        table_id=table_id,
        instance_id=instance_id,
        task_id=transition.task_id,
        attempt_id=transition.attempt_id,
        **more,
    )


def _conflict(transition: Transition, why: str) -> Exception:
    what = f"task {transition.task_id} cannot go from {transition.from_state} to {transition.to_state}: {why}"
    return conflict("state_conflict", what, fix="look at its state and try again")
