"""Floor 3. When? Looks at the schedules that are due and makes their instances, each fire once.

Asking costs one index look-up while nothing is due. What a look makes, the instances, the skipped fires and the mark
that moves past them, goes in with one transaction, and the store refuses it where another process was faster. So any
number of daemons and ticks may look at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.calendar import show
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT
from mtctl.core.misfire import Misfire, MisfirePolicy, Missed, due_fires
from mtctl.core.schedule import due_at, next_fire, previous_fire, shift_of
from mtctl.core.states import Trigger, WorkflowState
from mtctl.core.workflow import Overlap, RefreshSpec
from mtctl.ports.workflows import Fired, Mark, SkippedFires
from mtctl.services.making import Occurrence, make_instance
from mtctl.services.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant
    from mtctl.core.schedule import Schedule
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.changes import NewInstance
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, Tx
    from mtctl.ports.workflows import OpenInstance, WorkflowRow

AT_ONCE = 100
"""How many workflows fire in one transaction: the write lock is free again in between."""

ROOM_RETRY = 30_000_000
"""How long a workflow with a full house of open instances waits before it makes more, in microseconds."""

_DEFAULT = MisfirePolicy(kind=Misfire.LATEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What one look did: instances made, fires skipped, workflows that could not fire, and when the next is due."""

    made: int = 0
    skipped: int = 0
    troubles: tuple[str, ...] = ()
    next_due: Instant | None = None


class Scheduler:
    """Makes instances of what is due."""

    def __init__(
        self, store: Store, clock: Clock, new_ulid: Callable[[], str], observe: Callable[[Iterable[str]], None]
    ) -> None:
        """Keep the ports; `observe` looks at the source files of tables by name before something is made of them."""
        self._store = store
        self._clock = clock
        self._new_ulid = new_ulid
        self._observe = observe

    def tick(self) -> TickReport:
        """Fire everything that is due now; raises nothing for a workflow that cannot fire: it is told."""
        made, skipped = 0, 0
        troubles: list[str] = []
        while True:
            with self._store.read() as view:
                due = view.due_workflows(self._clock.now(), AT_ONCE)
                if not due:
                    return TickReport(made=made, skipped=skipped, troubles=tuple(troubles), next_due=view.next_due())
            try:
                self._observe(table for row in due for table in _tables(row.definition))
            except MtctlError as error:
                if error.kind is not Kind.ENGINE:
                    raise
                # One file that cannot be read keeps nothing else from firing; the refresh itself meets it again.
                if str(error) not in troubles:
                    troubles.append(str(error))
            with self._store.write() as tx:
                firing = Firing(tx, self._new_ulid)
                rows = tx.due_workflows(tx.now, AT_ONCE)
                firing.load(rows)
                for row in rows:
                    firing.attempt(row)
            made += firing.made
            skipped += firing.skipped
            troubles += firing.troubles


def settle(tx: Tx, workflows: Iterable[WorkflowRow], new_ulid: Callable[[], str]) -> None:
    """Fire what has come of these enabled workflows, in the caller's transaction.

    Jitter is not waited for: a fire whose instant has come would be lost with the schedule that asked for it.
    """
    firing = Firing(tx, new_ulid)
    for row in workflows:
        if row.state is WorkflowState.ENABLED and row.next_fire_at is not None and row.next_fire_at <= tx.now:
            firing.fire(row, waits_jitter=False)


def begin(definition: WorkflowDefinition, after: Instant) -> Mark:
    """Return the mark of a workflow that begins to fire after an instant; a schedule without fires gives no next."""
    schedule = definition.schedule
    fire = next_fire(schedule, after) if schedule is not None else None
    if schedule is None or fire is None:
        return Mark(last_fire_at=None, next_fire_at=None, due_at=None)
    return Mark(last_fire_at=None, next_fire_at=fire, due_at=due_at(schedule, fire, definition.name))


class Firing:
    """The fires of one transaction; `made`, `skipped` and `troubles` tell what comes of them."""

    def __init__(self, tx: Tx, new_ulid: Callable[[], str]) -> None:
        """Keep the transaction."""
        self._tx = tx
        self._new_ulid = new_ulid
        self._snapshot = Snapshot(tx)
        self._held: dict[int, IntervalSet] = {}
        self.made = 0
        self.skipped = 0
        self.troubles: list[str] = []

    def load(self, rows: Iterable[WorkflowRow]) -> None:
        """Read the tables of workflows that are about to fire all at once, not one after the other."""
        self._snapshot.load([table for row in rows for table in _tables(row.definition)])

    def attempt(self, row: WorkflowRow) -> None:
        """Fire one workflow; one that cannot fire is told, keeps its mark, and is looked at again a little later."""
        try:
            self.fire(row)
        except MtctlError as error:
            self.troubles.append(f"{row.name}: {error}")
            self._put(row, _Look(mark=row.last_fire_at), row.next_fire_at, self._tx.now + ROOM_RETRY)

    def fire(self, row: WorkflowRow, *, waits_jitter: bool = True) -> None:
        """Make what is due of one workflow and move its mark."""
        schedule, now = row.definition.schedule, self._tx.now
        if schedule is None or row.next_fire_at is None:
            return
        policy = row.definition.misfire or _DEFAULT
        opened = self._tx.open_instances(row.workflow_id)
        room = policy.cap - len(opened)
        if room <= 0:
            self._put(row, _Look(mark=row.last_fire_at), row.next_fire_at, now + ROOM_RETRY)
            return

        # After a clock that was set back a new schedule may begin before the mark: that is dealt with already.
        first = row.next_fire_at if row.last_fire_at is None else max(row.next_fire_at, row.last_fire_at + 1)
        until = now if waits_jitter else now + shift_of(schedule, key_of(row))
        missed = _missed(schedule, replace(policy, cap=room), first, until, key_of(row))
        look = self._look(row, missed, opened)
        if row.definition.overlap is Overlap.CANCEL_RUNNING and look.instances:
            for one in opened:
                self._tx.request_cancel(one.instance_id)
        following = due_at(schedule, missed.next, key_of(row)) if missed.next is not None else None
        self._put(row, look, missed.next, now if missed.more else following)

    def _look(self, row: WorkflowRow, missed: Missed, opened: Sequence[OpenInstance]) -> _Look:
        """Return what the fires make; the mark goes past what was skipped before the first of them."""
        look = _Look(
            mark=row.last_fire_at,
            waiting=sum(not one.started for one in opened),
            opened=len(opened),
        )
        for skipped in missed.skipped:
            look.skip(skipped.first, skipped.last, skipped.count, skipped.reason)
        for number, fire in enumerate(missed.fires, start=1):
            is_newest = number == len(missed.fires) and not missed.more
            reason = look.overlap(row.definition.overlap, is_newest=is_newest)
            if reason:
                look.skip(fire, fire, 1, reason)
                continue
            try:
                made = self._instance(row, fire, look.mark, rank=1 if is_newest else 2)
            except MtctlError as error:
                self.troubles.append(f"{row.name}: {error}")
                look.skip(fire, fire, 1, f"{error.code}: {error}")
                continue
            look.take(fire, made)
        return look

    def _instance(self, row: WorkflowRow, fire: Instant, mark: Instant | None, *, rank: int) -> NewInstance | None:
        definition = row.definition
        if definition.schedule is None:
            return None
        # The data interval begins where the one before it ended, whatever the schedule was then.
        before = mark if mark is not None and mark < fire else _previous(definition.schedule, fire)
        logical_date = fire - 1 if before is None else before
        window = (definition.misfire or _DEFAULT).window
        occurrence = Occurrence(
            trigger=Trigger.SCHEDULE,
            rank=rank,
            logical_date=logical_date,
            fire_at=fire,
            title=f"{row.name} {show(fire, definition.zone)}",
            since=max(MIN_INSTANT, fire - window),
        )
        made = make_instance(row, occurrence, self._snapshot, self._held_by, self._new_ulid)
        for task in made.tasks if made is not None else ():
            if task.table_id is not None and task.intervals:
                self._held[task.table_id] = self._held_by(task.table_id) | task.intervals
        return made

    def _held_by(self, table_id: int) -> IntervalSet:
        """Return what open tasks of a table are about to do, those made just now among them."""
        if table_id not in self._held:
            self._held[table_id] = self._tx.open_intervals(table_id)
        return self._held[table_id]

    def _put(self, row: WorkflowRow, look: _Look, following: Instant | None, due: Instant | None) -> None:
        fired = Fired(
            workflow_id=row.workflow_id,
            version=row.version,
            instances=tuple(look.instances),
            skipped=tuple(look.skipped),
            mark=Mark(last_fire_at=look.mark, next_fire_at=following, due_at=due),
            completed=following is None,
        )
        self.made += len(self._tx.fire(fired))
        self.skipped += len(look.skipped)


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one look at a schedule has made so far: `mark` is the newest fire that is dealt with."""

    mark: Instant | None
    waiting: int = 0
    opened: int = 0
    instances: list[NewInstance] = field(default_factory=list)
    skipped: list[SkippedFires] = field(default_factory=list)

    def overlap(self, overlap: Overlap, *, is_newest: bool) -> str:
        """Return why the next fire is skipped because of earlier instances, '' where it is not."""
        match overlap:
            case Overlap.QUEUE_ONE if self.waiting:
                return "overlap: an earlier instance waits to begin"
            case Overlap.SKIP if self.opened:
                return "overlap: an earlier instance has not ended"
            case Overlap.CANCEL_RUNNING if not is_newest:
                return "overlap: a newer fire is due"
        return ""

    def take(self, fire: Instant, made: NewInstance | None) -> None:
        """Note that a fire is dealt with, with an instance or with nothing to do."""
        self._move(fire)
        if made is not None:
            self.instances.append(made)
            self.waiting += 1
            self.opened += 1

    def skip(self, first: Instant, last: Instant, fires: int | None, reason: str) -> None:
        """Note fires that make nothing."""
        self._move(last)
        self.skipped.append(SkippedFires(first_fire_at=first, last_fire_at=last, fires=fires, reason=reason))

    def _move(self, fire: Instant) -> None:
        self.mark = fire if self.mark is None else max(self.mark, fire)


def key_of(row: WorkflowRow) -> str:
    """Return what the jitter of a workflow is computed of: the same for its whole life."""
    return row.definition.name


def _missed(schedule: Schedule, policy: MisfirePolicy, first: Instant, now: Instant, key: str) -> Missed:
    """Return what is due from the fire that was to come next, not from the mark: the schedule may have changed since.

    Nearly always that is one fire, followed by none that is due and late by no more than the policy allows: it is made
    under every policy, and the calendar is asked twice instead of four times.
    """
    until = now - shift_of(schedule, key)
    if not schedule.blackout and 0 <= until - first <= _allowed(policy):
        following = _next(schedule, first)
        if (following is None or following > until) and _next(schedule, first - 1) == first:
            return Missed((first,), (), following, more=False)
    return due_fires(schedule, policy, first - 1, now, key)


def _allowed(policy: MisfirePolicy) -> Instant:
    """Return how late the only fire that is due may be for it to be made, in microseconds."""
    match policy.kind:
        case Misfire.ALL:
            return policy.window
        case Misfire.NONE:
            return policy.grace
        case Misfire.LATEST:
            return MAX_INSTANT


@lru_cache(maxsize=512)
def _next(schedule: Schedule, after: Instant) -> Instant | None:
    """Return the next fire; what is due at one time mostly has few schedules."""
    return next_fire(schedule, after)


@lru_cache(maxsize=512)
def _previous(schedule: Schedule, before: Instant) -> Instant | None:
    """Return the fire before; as above."""
    return previous_fire(schedule, before)


def _tables(definition: WorkflowDefinition) -> list[str]:
    """Return the tables that a workflow refreshes."""
    return [task.spec.table for task in definition.tasks if isinstance(task.spec, RefreshSpec)]
