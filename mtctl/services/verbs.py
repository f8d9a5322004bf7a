"""Floor 3. What people do to the tasks of an instance: hold, let go, run again, leave out, say how it is.

Each verb is one transaction: the decision of `core.advance`, what follows from it, and an event with the name of the
person and the reason. What is so already stays so, and is said. Reasons begin with the word that the law knows a
person's skip by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core import advance
from mtctl.core.advance import OPERATOR, TaskNode
from mtctl.core.errors import conflict
from mtctl.core.states import DONE, InstanceState, TaskState
from mtctl.core.values import replace
from mtctl.services.instance_naming import find_tasks
from mtctl.services.reports.verbs import VerbReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.states import Transition
    from mtctl.ports.store import Tx
    from mtctl.ports.work import InstanceRow, TaskRow

ENDED = frozenset({InstanceState.SUCCESS, InstanceState.FAILED, InstanceState.CANCELLED})
"""States that end an instance."""

MARKS = (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED)
"""What a task can be marked as."""

_BY_UPSTREAM = "upstream "
"""How the reason of a task begins that was cancelled only because an earlier one failed."""


class Verb:
    """One verb on one instance, inside the caller's transaction."""

    def __init__(self, tx: Tx, row: InstanceRow, *, actor: str, reason: str) -> None:
        """Read the tasks; `actor` is the person's name, `reason` may be empty."""
        self._tx = tx
        self._row = row
        self._actor = actor
        self._reason = reason
        self.tasks = tx.tasks(row.instance_id)
        self.nodes = _nodes(self.tasks)

    # --- the verbs ------------------------------------------------------------------------------------------------

    def suspend(self) -> VerbReport:
        """Hold what has not begun; what runs runs on. Error `instance_ended` (conflict)."""
        self._refuse_ended("suspended")
        found = advance.suspend(self.nodes, self._why("suspended it"))
        if not found:
            return self._same("suspend", "is suspended already" if self._is(TaskState.SUSPENDED) else "all of it runs")
        return self._done("suspend", found, f"{_many(found)} held")

    def resume(self) -> VerbReport:
        """Let go on what is held. Error `instance_ended` (conflict)."""
        self._refuse_ended("resumed")
        found = advance.resume(self.nodes, self._why("resumed it"))
        if not found:
            return self._same("resume", "is not suspended")
        return self._done("resume", found, f"{_many(found)} let go on")

    def retry(self, owner: int | None) -> VerbReport:
        """Run again what failed or was cancelled, with its intervals and variables.

        `owner` is the holder that is going to run it, None leaves it to whoever looks for work. Error `task_running`
        (conflict) while a task runs.
        """
        found = advance.retry(self.nodes, self._why("asked for a retry"))
        if not found:
            return self._same("retry", "has nothing to retry: no task failed or was cancelled")
        self._reopen(owner)
        return self._done("retry", self._fresh_tries(found), f"{_many(found)} to run again")

    def rerun(self, name: str | None, owner: int | None) -> VerbReport:
        """Run a task and all below it again, or everything, fresh or not; what a person skipped below stays so.

        Errors as `core.advance.rerun`, and `task_unknown` (not found).
        """
        chosen = self.tasks if name is None else find_tasks(self.tasks, name)
        roots = [task.task_id for task in chosen if name is not None or not task.upstream]
        moves: dict[int, Transition] = {}
        for root in roots:
            for move in advance.rerun(self.nodes, root, self._why("asked for a rerun")):
                moves.setdefault(move.task_id, move)
        found = tuple(moves.values())
        if not found:
            return self._same("rerun", "has no tasks to run again")
        self._reopen(owner)
        self._tx.force_tasks([move.task_id for move in found])
        return self._done("rerun", self._fresh_tries(found), f"{_many(found)} to run again")

    def skip(self, name: str) -> VerbReport:
        """Leave a task out: it counts as done and what waits for it goes on. Errors `task_running`, `task_unknown`."""
        return self._skip("skip", name, self._why("skipped it"), f"{name} is skipped")

    def mark(self, name: str, state: TaskState) -> VerbReport:
        """Say how a task is, as far as the law has an arrow for it.

        Success and skipped end a task as `skipped`, which counts as done: no data of it was published. Nobody can say
        that a task failed which has not been tried: error `mark_refused` (conflict).
        """
        tasks = find_tasks(self.tasks, name)
        if all(task.state is state for task in tasks):
            return self._same("mark", f"{name} is {state} already")
        if state is TaskState.FAILED:
            running = any(task.state is TaskState.RUNNING for task in tasks)
            fix = "`mtctl instance cancel` stops it" if running else "cancel or suspend the instance instead"
            raise conflict("mark_refused", f"task {name} cannot be marked failed: only a try of it can fail", fix=fix)
        why = self._why(f"marked it {state}")
        return self._skip("mark", name, why, f"{name} counts as done: marked {state}")

    # --- the common part ------------------------------------------------------------------------------------------

    def _skip(self, verb: str, name: str, why: str, text: str) -> VerbReport:
        tasks = find_tasks(self.tasks, name)
        ids = {task.task_id for task in tasks}
        if all(task.state in DONE for task in tasks):
            how = " and ".join(sorted({str(task.state) for task in tasks}))
            return self._same(verb, f"{name} is {how} already")
        found = advance.skip([node for node in self.nodes if node.task_id in ids], why)
        revived = self._cancelled_below(ids, why)
        if revived:
            self._reopen(None)
        return self._done(verb, (*found, *revived), text, named=[name])

    def _cancelled_below(self, ids: set[int], why: str) -> tuple[Transition, ...]:
        """Return the reset of what was cancelled only because these tasks failed: their skip lets it go on."""
        below: set[int] = set()
        left = set(ids)
        while left:
            left = {node.task_id for node in self.nodes if node.upstream & left} - below
            below |= left
        stopped = [
            node
            for node in self.nodes
            if node.task_id in below and node.state is TaskState.CANCELLED and node.why.startswith(_BY_UPSTREAM)
        ]
        return advance.retry(stopped, why)

    def _reopen(self, owner: int | None) -> None:
        self._tx.clear_cancel(self._row.instance_id)
        self._tx.set_owner(self._row.instance_id, owner)

    def _fresh_tries(self, moves: Iterable[Transition]) -> tuple[Transition, ...]:
        """Return the resets with their tries given back: a person asks for all of them again."""
        tries = {task.task_id: task.tries for task in self.tasks}
        return tuple(replace(move, tries=-tries[move.task_id]) for move in moves)

    def _done(
        self, verb: str, moves: Sequence[Transition], text: str, *, named: Sequence[str] | None = None
    ) -> VerbReport:
        self._tx.apply(moves)
        self._tx.advance(self._row.instance_id)
        names = {task.task_id: task.name for task in self.tasks}
        moved = list(dict.fromkeys(names[move.task_id] for move in moves))
        self._tx.add_note(
            f"instance_{verb}",
            actor=self._actor,
            instance_id=self._row.instance_id,
            reason=self._reason,
            tasks=list(named or moved)[:100],
        )
        return self._report(verb, text, changed=True, tasks=tuple(moved))

    def _same(self, verb: str, text: str) -> VerbReport:
        return self._report(verb, text, changed=False)

    def _report(self, verb: str, text: str, *, changed: bool, tasks: tuple[str, ...] = ()) -> VerbReport:
        now = self._tx.instances_by_id([self._row.instance_id])[self._row.instance_id] if changed else self._row
        running = sum(number for state, number in now.tasks if state is TaskState.RUNNING)
        return VerbReport(
            instance=now.ulid,
            title=now.title,
            verb=verb,
            state=now.state,
            changed=changed,
            text=text,
            tasks=tasks,
            running=running,
        )

    def _refuse_ended(self, verbed: str) -> None:
        if self._row.state in ENDED:
            fix = f"`mtctl instance retry {self._row.ulid}` or `rerun` opens it again"
            raise conflict("instance_ended", f"it has ended ({self._row.state}) and cannot be {verbed}", fix=fix)

    def _is(self, state: TaskState) -> bool:
        return any(task.state is state for task in self.tasks)

    def _why(self, what: str) -> str:
        return f"{OPERATOR} {self._actor} {what}" + (f": {self._reason}" if self._reason else "")


def _nodes(tasks: Sequence[TaskRow]) -> list[TaskNode]:
    return [
        TaskNode(
            task_id=task.task_id, state=task.state, upstream=frozenset(task.upstream), why=task.why, name=task.name
        )
        for task in tasks
    ]


def _many(moves: Sequence[Transition]) -> str:
    return f"{len(moves)} task" if len(moves) == 1 else f"{len(moves)} tasks"
