"""Floor 0. Why is this not further? One cause, and the chain that leads to it.

A decision over facts that somebody has gathered: the first rule that fits wins, and where it says "waits for that one"
the question goes on to that one, until something waits for nothing. Tables have no loops, but facts may name what is
not among them; the walk ends there, and at what it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.calendar import iso_utc
from mtctl.core.pulse import CLOCK_FIX, lasting
from mtctl.core.states import InstanceState, TaskState, WorkflowState
from mtctl.core.why_facts import TableFacts, TaskFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.why_facts import Facts, ScheduleFacts

    _Step = tuple[list["Link"], TableFacts | TaskFacts | None]
    """Links found, and what the question goes on to."""


class Cause(StrEnum):
    """What holds something up."""

    NOTHING = "nothing"  # fresh, or ended well: nothing is held up
    CLOCK = "clock_behind"  # the clock is behind the state file: little or nothing can be written
    NOT_APPLIED = "not_applied"  # the file says otherwise than what is in force
    RUNNING = "running"  # it is being done
    UPSTREAM = "upstream"  # what it reads is not fresh
    TASK = "task"  # an earlier task of its instance has not ended
    WORKFLOW = "workflow"  # another workflow has not succeeded for this time
    SUSPENDED = "suspended"  # a person holds it
    CANCEL_REQUESTED = "cancel_requested"  # it is about to be cancelled
    RETRY = "retry"  # it failed and is tried again later
    SERIAL = "serial"  # an older instance of its workflow has not ended
    TABLE_BUSY = "table_busy"  # its table is being refreshed by somebody else
    QUEUE_PAUSED = "queue_paused"  # its queue is paused
    QUEUE_FULL = "queue_full"  # its queue has no slot free
    MAX_PARALLEL = "max_parallel"  # its instance may not run more at once
    NOBODY = "nobody"  # neither a daemon nor a tick looks for work
    TURN = "turn"  # others go before
    SOURCE_MISSING = "source_missing"  # a source file is gone
    SOURCE_LOCKED = "source_locked"  # somebody else has a source locked
    FAILED = "failed"  # it failed for good
    QUARANTINED = "quarantined"  # it killed its worker too often
    CANCELLED = "cancelled"  # it was stopped
    DISABLED = "disabled"  # its workflow does not fire
    COMPLETED = "completed"  # its schedule has ended
    ON_DEMAND = "on_demand"  # it has no schedule
    SKIPPED = "skipped_fires"  # its newest fires were skipped
    NOT_DUE = "not_due"  # its next fire is to come
    NOT_WANTED = "not_wanted"  # no interval has ended yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One step: what is held up, by what, and what would help."""

    subject: str
    cause: Cause
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The answer: the chain from what was asked about down to the one cause, which is its last link."""

    chain: tuple[Link, ...]

    @property
    def root(self) -> Link:
        """The one cause."""
        return self.chain[-1]


def why_table(facts: Facts, name: str) -> Why:
    """Return why a table is not fresher than it is; raises KeyError for one that is not among the facts."""
    if facts.behind:
        return Why(chain=(_clock(facts, name),))
    return Why(chain=_walk(facts, facts.tables[name]))


def why_instance(facts: Facts, instance: str, state: InstanceState) -> Why:
    """Return why an instance is not further than it is; `facts.tasks` hold its tasks."""
    if state is InstanceState.SUCCESS:
        return Why(chain=(Link(subject=instance, cause=Cause.NOTHING, text="it has ended well"),))
    if facts.behind:
        return Why(chain=(_clock(facts, instance),))
    task = _telling(task for task in facts.tasks.values() if task.instance == instance)
    if task is None:
        return Why(chain=(Link(subject=instance, cause=Cause.NOTHING, text="it has nothing to do"),))
    return Why(chain=_walk(facts, task))


def _walk(facts: Facts, first: TableFacts | TaskFacts) -> tuple[Link, ...]:
    """Return the links from a table or task on, each step telling where the next one looks; chains may be long."""
    chain: list[Link] = []
    seen: set[str] = set()
    at: TableFacts | TaskFacts | None = first
    while at is not None:
        links, at = _table(facts, at, seen) if isinstance(at, TableFacts) else _task(facts, at, seen)
        chain += links
    return tuple(chain)


def _telling(tasks: Iterable[TaskFacts]) -> TaskFacts | None:
    """Return the task that tells most about an instance: what runs, then what is ready, held, failed, cancelled."""
    order = (
        *(TaskState.RUNNING, TaskState.PENDING, TaskState.SUSPENDED, TaskState.CREATED),
        *(TaskState.FAILED, TaskState.CANCELLED),
    )
    found = [task for task in tasks if task.state in order]
    return min(found, key=lambda task: (order.index(task.state), task.ready_at, task.task_id), default=None)


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(facts: Facts, table: TableFacts, seen: set[str]) -> _Step:
    if table.task is not None:
        seen.add(table.name)
        return [], table.task
    if table.due:
        return _lacking(facts, table, seen)
    if table.unapplied:
        fix = "`mtctl plan` shows the difference, `mtctl apply` puts it in force"
        text = f"{table.unapplied} is not applied"
        return [Link(subject=table.name, cause=Cause.NOT_APPLIED, text=text, fix=fix)], None
    return [_not_held(table)], None


def _lacking(facts: Facts, table: TableFacts, seen: set[str]) -> _Step:
    """Return why nobody has been asked to do what is due of a table."""
    name = table.name
    if table.lost_source:
        text = f"{table.due} not fresh, and the source {table.lost_source} is gone"
        return [Link(subject=name, cause=Cause.SOURCE_MISSING, text=text, fix="put the file back")], None
    blocked = _blocked(facts, table, seen)
    if blocked is not None:
        return blocked
    if table.held_up:
        text = f"the new version is {table.held_up}; until then the old one is read"
        return [Link(subject=name, cause=Cause.FAILED, text=text, fix=table.way_out)], None
    if table.last is not None:
        return [_ended(table.last, name)], None
    now = f"`mtctl refresh {name}` does it now"
    return [_scheduled(facts, name, f"{table.due} not fresh: ", table.schedules, now)], None


def _not_held(table: TableFacts) -> Link:
    """Return the link of a table of which everything that is wanted is fresh."""
    after = f"the next interval is wanted at {iso_utc(table.closes_at)}" if table.closes_at is not None else ""
    if not table.fresh:
        text = f"no interval is wanted yet; {after}" if after else "no interval is wanted"
        return Link(subject=table.name, cause=Cause.NOT_WANTED, text=text)
    text = f"nothing: {table.fresh} fresh" + (f"; {after}" if after else "")
    return Link(subject=table.name, cause=Cause.NOTHING, text=text)


def _blocked(facts: Facts, table: TableFacts, seen: set[str]) -> _Step | None:
    """Return the step to the first upstream table that is not fresh, None where none is in the way."""
    upstream = next((name for name in table.blockers if name not in seen), None)
    if upstream is None:
        return None
    seen.add(table.name)
    text = f"{table.due} not fresh: waits for {upstream}, which is not fresh"
    fix = f"`mtctl refresh +{table.name}` refreshes what it reads first"
    links, then = _upstream(facts, upstream, seen)
    return [Link(subject=table.name, cause=Cause.UPSTREAM, text=text, fix=fix), *links], then


def _upstream(facts: Facts, name: str, seen: set[str]) -> _Step:
    table = facts.tables.get(name)
    if table is not None:
        return [], table if name not in seen else None
    fix = "define it, or take it out of the query"
    return [Link(subject=name, cause=Cause.UPSTREAM, text="there is no such table", fix=fix)], None


def why_workflow(facts: Facts, schedule: ScheduleFacts) -> Why:
    """Return why a workflow without an instance worth telling of does not run."""
    if facts.behind:
        return Why(chain=(_clock(facts, schedule.workflow),))
    run = f"`mtctl workflow run {schedule.workflow}` does it now"
    return Why(chain=(_scheduled(facts, schedule.workflow, "", [schedule], run),))


def _scheduled(facts: Facts, subject: str, lead: str, schedules: Sequence[ScheduleFacts], now: str) -> Link:
    """Return what keeps schedules from firing; `lead` begins the text, `now` is the command that does it at once."""
    live = [one for one in schedules if one.text is not None]
    enabled = [one for one in live if one.state is WorkflowState.ENABLED]
    if not live:
        text = f"{lead}it has no schedule: on demand only"
        return Link(subject=subject, cause=Cause.ON_DEMAND, text=text, fix=now)
    if not enabled:
        first = live[0]
        if first.state is WorkflowState.COMPLETED:
            text = f"{lead}the schedule of workflow {first.workflow} has ended"
            return Link(subject=subject, cause=Cause.COMPLETED, text=text, fix=now)
        fix = f"`mtctl workflow enable {first.workflow}`; {now}"
        text = f"{lead}workflow {first.workflow} is disabled"
        return Link(subject=subject, cause=Cause.DISABLED, text=text, fix=fix)
    return _next_fire(facts, subject, lead, enabled, now)


def _next_fire(facts: Facts, subject: str, lead: str, enabled: Sequence[ScheduleFacts], now: str) -> Link:
    first = min(enabled, key=lambda one: (one.due_at is None, one.due_at or 0))
    if first.due_at is None:
        text = f"{lead}workflow {first.workflow} has no further fire"
        return Link(subject=subject, cause=Cause.COMPLETED, text=text, fix=now)
    if first.due_at <= facts.now:
        late = lasting((facts.now - first.due_at) // 1_000_000)
        if not facts.is_watched:
            text = f"{lead}workflow {first.workflow} is due for {late} and nobody looks for work"
            return Link(subject=subject, cause=Cause.NOBODY, text=text, fix=_SOMEBODY)
        text = f"{lead}workflow {first.workflow} is due for {late} and about to fire"
        return Link(subject=subject, cause=Cause.TURN, text=text)
    when = f"workflow {first.workflow} fires at {iso_utc(first.due_at)}"
    if first.skipped:
        return Link(subject=subject, cause=Cause.SKIPPED, text=f"{lead}{first.skipped}; {when}", fix=now)
    return Link(subject=subject, cause=Cause.NOT_DUE, text=f"{lead}not due yet: {when}", fix=now)


# --- tasks ------------------------------------------------------------------------------------------------------------


def _task(facts: Facts, task: TaskFacts, seen: set[str]) -> _Step:
    match task.state:
        case TaskState.RUNNING:
            return [_running(facts, task)], None
        case TaskState.SUSPENDED:
            text = f"held: {task.why or 'suspended'}"
            fix = f"`mtctl instance resume {task.instance}`"
            return [Link(subject=_subject(task), cause=Cause.SUSPENDED, text=text, fix=fix)], None
        case TaskState.CREATED:
            return _created(facts, task, seen)
        case TaskState.PENDING:
            return _pending(facts, task, seen)
        case _:
            return [_ended(task, _subject(task))], None


def _created(facts: Facts, task: TaskFacts, seen: set[str]) -> _Step:
    """Return the chain of a task that waits for earlier ones of its instance, on through the one that tells most."""
    above = [facts.tasks[one] for one in task.upstream if one in facts.tasks]
    first = _telling(one for one in above if _key(one) not in seen)
    if first is None:
        text = "waits for the earlier tasks of its instance"
        return [Link(subject=_subject(task), cause=Cause.TASK, text=text)], None
    text = f"waits for task {first.name} of {task.instance}, which is {first.state}"
    link = Link(subject=_subject(task), cause=Cause.TASK, text=text)
    seen.add(_key(task))
    return [link], first


def _pending(facts: Facts, task: TaskFacts, seen: set[str]) -> _Step:
    if task.waits_for is not None and task.ready_at > facts.now:
        text = f"waits for {task.waits_for}, which is not fresh"
        link = Link(subject=_subject(task), cause=Cause.UPSTREAM, text=text)
        seen.add(task.table or "")
        links, then = _upstream(facts, task.waits_for, seen)
        return [link, *links], then
    return [_ready(facts, task)], None


def _ready(facts: Facts, task: TaskFacts) -> Link:  # noqa: PLR0911 - one rule a line, the first that fits wins
    """Return what keeps a pending task from being claimed, in the order in which it would have to be mended."""
    subject = _subject(task)
    if task.cancel_requested:
        return Link(subject=subject, cause=Cause.CANCEL_REQUESTED, text="its cancel is requested")
    if task.ready_at > facts.now:
        return _later(task)
    if task.older:
        text = f"an older instance of its workflow goes first: {task.older}"
        return Link(subject=subject, cause=Cause.SERIAL, text=text, fix=f"`mtctl why {task.older.split()[0]}`")
    if task.busy:
        return Link(subject=subject, cause=Cause.TABLE_BUSY, text=f"its table is being refreshed by {task.busy}")
    queue = facts.queues.get(task.queue)
    if queue is not None and queue.paused:
        text = f"queue {queue.name} is paused" + (f" ({queue.paused_why})" if queue.paused_why else "")
        return Link(subject=subject, cause=Cause.QUEUE_PAUSED, text=text, fix=f"`mtctl queue resume {queue.name}`")
    if task.max_parallel is not None and task.parallel >= task.max_parallel:
        text = f"its instance runs {task.parallel} tasks at once and may not run more"
        return Link(subject=subject, cause=Cause.MAX_PARALLEL, text=text)
    if queue is not None and len(queue.holders) >= queue.slots:
        text = f"queue {queue.name} is full: {queue.slots} of {queue.slots} slots, held by {_names(queue.holders)}"
        fix = f"wait, or `mtctl queue set {queue.name} --slots N`"
        return Link(subject=subject, cause=Cause.QUEUE_FULL, text=text, fix=fix)
    if task.owner is not None:
        return Link(subject=subject, cause=Cause.TURN, text=f"it is ready; {task.owner} runs its instance")
    if not facts.is_watched:
        text = "it is ready, and neither a daemon nor a tick looks for work"
        return Link(subject=subject, cause=Cause.NOBODY, text=text, fix=_SOMEBODY)
    text = "it is ready" + (f"; {task.ahead} before it" if task.ahead else " and next")
    return Link(subject=subject, cause=Cause.TURN, text=text)


def _later(task: TaskFacts) -> Link:
    subject, when = _subject(task), iso_utc(task.ready_at)
    if task.depends_on:
        text = f"waits for workflow {task.depends_on} to succeed for the same time; looks again at {when}"
        return Link(subject=subject, cause=Cause.WORKFLOW, text=text, fix=f"`mtctl why {task.depends_on}`")
    cause = Cause.SOURCE_LOCKED if task.error_code == "source_locked" else Cause.RETRY
    what = f"{task.error or task.why or 'it did not succeed'}"
    text = f"{what}; try {task.tries + 1} of {task.max_tries} at {when}"
    return Link(subject=subject, cause=cause, text=text)


def _running(facts: Facts, task: TaskFacts) -> Link:
    since = f", for {lasting((facts.now - task.started_at) // 1_000_000)}" if task.started_at is not None else ""
    by = f" by {task.holder}" if task.holder else ""
    text = f"it is running{by}{since}" + ("; its cancel is requested" if task.cancel_requested else "")
    fix = f"`mtctl instance watch {task.instance}`"
    return Link(subject=_subject(task), cause=Cause.RUNNING, text=text, fix=fix)


def _ended(task: TaskFacts, subject: str) -> Link:
    """Return the link of a task that ended and did not do what it should."""
    if task.state is TaskState.CANCELLED:
        why = task.why or task.error or "on request"
        text = why if why.startswith("cancelled") else f"cancelled: {why}"
        fix = f"`mtctl instance retry {task.instance}`"
        return Link(subject=subject, cause=Cause.CANCELLED, text=text, fix=fix)
    if task.state is not TaskState.FAILED:
        return Link(subject=subject, cause=Cause.NOTHING, text=f"its task is {task.state}")
    retry = f"`mtctl instance retry {task.instance}` once it is mended"
    if task.why.startswith("quarantined"):
        return Link(subject=subject, cause=Cause.QUARANTINED, text=task.why, fix=retry)
    cause = Cause.SOURCE_LOCKED if task.error_code == "source_locked" else Cause.FAILED
    code = f"[{task.error_code}]" if task.error_code else ""
    tries = f" after {task.tries} tries" if task.tries > 1 else ""
    text = f"failed{code}{tries}: {task.error or task.why}"
    return Link(subject=subject, cause=cause, text=text, fix=retry)


def _clock(facts: Facts, subject: str) -> Link:
    text = f"clock behind: it is {lasting(facts.behind)} behind the newest time in the state file"
    return Link(subject=subject, cause=Cause.CLOCK, text=text, fix=CLOCK_FIX)


def _subject(task: TaskFacts) -> str:
    return task.table or f"{task.instance} {task.name}"


def _key(task: TaskFacts) -> str:
    return f"task {task.task_id}"


def _names(holders: tuple[str, ...]) -> str:
    shown = ", ".join(holders[:3])
    return f"{shown} and {len(holders) - 3} more" if len(holders) > 3 else shown


_SOMEBODY = "run `mtctl up`, or `mtctl tick` from cron"
