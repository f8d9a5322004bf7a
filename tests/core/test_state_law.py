"""The state law as a whole: every order of events on every graph of up to three tasks, and broken laws that are caught.

The law's functions are passed in, so that the same walk judges the real ones and deliberately broken ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import chain, combinations
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mtctl.core import advance as law_of_tasks
from mtctl.core.advance import Ending, TaskNode
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import ALLOWED, DONE, TERMINAL, InstanceState, Outcome, TaskState, Transition
from mtctl.core.states import rollup as roll_up
from mtctl.core.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

S, R = TaskState, InstanceState
MAX_TRIES = 2
ENDED = frozenset({R.SUCCESS, R.FAILED, R.CANCELLED})
# A timeout settles as a failure that may pass (a table in test_advance says so): it adds nothing here.
OUTCOMES = (
    *((outcome, True, True) for outcome in Outcome if outcome is not Outcome.TIMED_OUT),
    (Outcome.FAILED, False, True),
    (Outcome.SUPERSEDED, True, False),
)


@dataclass(frozen=True, kw_only=True)
class Law:
    """The functions under judgement; `clears` says that a reset forgets the cancel request."""

    advance: Callable = law_of_tasks.advance
    settle: Callable = law_of_tasks.settle
    retry: Callable = law_of_tasks.retry
    rerun: Callable = law_of_tasks.rerun
    rollup: Callable = roll_up
    clears: bool = True


class World(NamedTuple):
    """One configuration: states, tries and who skipped; whether a cancel is requested and whether anything has run."""

    states: tuple[TaskState, ...]
    tries: tuple[int, ...]
    whys: tuple[str, ...]
    cancelling: bool = False
    started: bool = False


def graphs() -> Iterator[tuple[frozenset[int], ...]]:
    """All graphs of one to three tasks whose edges lead from earlier to later ones: every shape, some of them twice."""
    for count in (1, 2, 3):
        pairs = [(low, high) for high in range(count) for low in range(high)]
        for chosen in chain.from_iterable(combinations(pairs, size) for size in range(len(pairs) + 1)):
            yield tuple(frozenset(low for low, high in chosen if high == task) for task in range(count))


@dataclass
class Walk:
    """All configurations that any order of events on a graph reaches, and where each leads without a person's word."""

    law: Law
    graph: tuple[frozenset[int], ...]
    seen: dict[World, tuple[World, ...]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes = cache(self._nodes)
        self.advanced = cache(self._advanced)
        count = len(self.graph)
        left = [self.after(World((S.CREATED,) * count, (0,) * count, ("",) * count), ())]
        while left:
            world = left.pop()
            if world not in self.seen:
                self.seen[world] = tuple(self._automatic(world))
                left += [*self.seen[world], *self._by_word(world)]

    def _nodes(self, states, whys):
        return [TaskNode(task_id=n, state=state, upstream=self.graph[n], why=whys[n]) for n, state in enumerate(states)]

    def _advanced(self, states):
        found = list(states)
        for step in self.law.advance(self.nodes(states, ("",) * len(states))):
            self._check(found[step.task_id], step)
            found[step.task_id] = step.to_state
        return tuple(found)

    def _check(self, state, step):
        if step.from_state is not state or step.to_state not in ALLOWED[state]:
            self.broken.append(f"no such arrow: {state} is moved by {step}")

    def after(self, world, steps, *, cancelling=None):
        """The configuration after these steps and all that follows from them."""
        states, tries, whys = list(world.states), list(world.tries), list(world.whys)
        for step in steps:
            self._check(states[step.task_id], step)
            states[step.task_id] = step.to_state
            whys[step.task_id] = step.why if step.to_state is S.SKIPPED else ""
            tries[step.task_id] = 0 if step.from_state in TERMINAL else tries[step.task_id] + step.tries
        now = world.cancelling if cancelling is None else cancelling
        return World(self.advanced(tuple(states)), tuple(tries), tuple(whys), now, world.started)

    def _automatic(self, world):
        for n, state in enumerate(world.states):
            if state is S.PENDING and not world.cancelling:  # nothing is claimed whose end is asked for
                states, tries = list(world.states), list(world.tries)
                states[n], tries[n] = S.RUNNING, tries[n] + 1
                yield World(tuple(states), tuple(tries), world.whys, world.cancelling, started=True)
            for outcome, wanted, passing in OUTCOMES if state is S.RUNNING else ():
                over = Ending(
                    task_id=n,
                    attempt_id=1,
                    outcome=outcome,
                    tries=world.tries[n],
                    max_tries=MAX_TRIES,
                    cancel_requested=world.cancelling,
                    still_wanted=wanted,
                    retryable=passing,
                )
                yield self.after(world, (self.law.settle(over, 0),))

    def _by_word(self, world):
        nodes = self.nodes(world.states, world.whys)
        if self.law.rollup(world.states, started=world.started) not in ENDED:
            yield self.after(world, law_of_tasks.cancel(nodes), cancelling=True)
        for n, one in enumerate(nodes):
            yield self.after(world, law_of_tasks.suspend([one]))
            yield self.after(world, law_of_tasks.resume([one]))
            if one.state is not S.RUNNING:
                yield self.after(world, law_of_tasks.skip([one]))
            yield from self._reset(world, lambda n=n: self.law.rerun(nodes, n))
        yield from self._reset(world, lambda: self.law.retry(nodes))

    def _reset(self, world, verb):
        try:
            steps = verb()
        except MtctlError as refused:
            assert refused.kind is Kind.CONFLICT  # noqa: PT017 - a refused verb changes nothing
        else:
            yield self.after(world, steps, cancelling=False if self.law.clears else None)

    def _reaching(self, goal):
        """The configurations from which the goal can be reached without a person's word."""
        before: dict[World, list[World]] = {}
        for world, successors in self.seen.items():
            for successor in successors:
                before.setdefault(successor, []).append(world)
        found, left = set(goal), list(goal)
        while left:
            new = set(before.get(left.pop(), ())) - found
            found |= new
            left += new
        return found

    def violations(self) -> list[str]:
        """What is wrong with the law on this graph."""
        ends = {world for world in self.seen if set(world.states) <= TERMINAL}
        good = {world for world in ends if set(world.states) <= DONE}
        can_end, can_succeed = self._reaching(ends), self._reaching(good)
        found = list(self.broken)
        for world in self.seen:
            found += [f"{what}: {world}" for what in self._wrong(world, world in ends)]
            if S.SUSPENDED not in world.states and world not in can_end:
                found.append(f"stuck: {world}")
        for world in ends - good:
            steps = self.law.retry(self.nodes(world.states, world.whys))
            again = self.after(world, steps, cancelling=False if self.law.clears else None)
            if again not in can_succeed:
                found.append(f"a retry leads nowhere: {world}")
        return found

    def _wrong(self, world: World, is_end: bool) -> Iterator[str]:  # noqa: FBT001 - a judgement's one fact
        states = world.states
        for n, upstream in enumerate(self.graph):
            if states[n] in {S.PENDING, S.RUNNING} and not all(states[above] in DONE for above in upstream):
                yield "goes before its upstream"
            if states[n] is S.CREATED and all(states[above] in DONE for above in upstream):
                yield "waits for nothing"
        if any(tries > MAX_TRIES for tries in world.tries):
            yield "more tries than there are"
        if self.law.rollup(states, started=world.started) is not _rolled(states, is_end=is_end, started=world.started):
            yield "rolled up wrongly"


def _rolled(states: tuple[TaskState, ...], *, is_end: bool, started: bool) -> InstanceState:
    """The roll-up as the table in the documentation has it, said in another way."""
    if is_end:
        failed, cancelled = S.FAILED in states, S.CANCELLED in states
        return R.FAILED if failed else R.CANCELLED if cancelled else R.SUCCESS
    if S.RUNNING in states or (S.PENDING in states and started):
        return R.RUNNING
    return R.PENDING if S.PENDING in states else R.SUSPENDED


def judged(law: Law, word: str) -> list[str]:
    """What the smallest graph says that finds this kind of trouble; what the last one says where none does."""
    found: list[str] = []
    for graph in graphs():
        found = Walk(law, graph).violations()
        if any(one.startswith(word) for one in found):
            break
    return found


@pytest.mark.parametrize("graph", list(graphs()), ids=str)
def test_no_order_of_events_breaks_the_law_or_leaves_an_instance_stuck(graph):
    walk = Walk(Law(), graph)
    assert len(walk.seen) > 8 ** len(graph), "more than the states alone"
    assert any(set(world.states) == {S.SUCCESS} for world in walk.seen)
    assert walk.violations()[:3] == []


def test_the_graphs_are_the_eleven_there_are():
    assert len(list(graphs())) == 11


# --- broken laws ----------------------------------------------------------------------------------------------------


def _without_blocked(nodes):
    return tuple(step for step in law_of_tasks.advance(nodes) if step.to_state is not S.CANCELLED)


def _skipped_does_not_satisfy(nodes):
    skipped = {node.task_id for node in nodes if node.state is S.SKIPPED}
    below = {node.task_id for node in nodes if node.upstream & skipped}
    steps = law_of_tasks.advance(nodes)
    return tuple(step for step in steps if step.task_id not in below or step.to_state is not S.PENDING)


def _unguarded(verb):
    """A reset that looks neither at what runs nor at what is ready below it."""

    def reset(nodes, *task):
        tame = [replace(node, state=S.CREATED) if node.state in {S.RUNNING, S.PENDING} else node for node in nodes]
        return verb(tame, *task)

    return reset


def _one_step_of_blocked(nodes):
    """Only what stands right below a failure is cancelled, as if that were all that follows."""
    bad = {node.task_id for node in nodes if node.state is S.FAILED}
    return tuple(
        step
        for step in law_of_tasks.advance(nodes)
        if step.to_state is not S.CANCELLED or next(n for n in nodes if n.task_id == step.task_id).upstream & bad
    )


def _cancelled_first(states, *, started=False):
    found = set(states)
    if found <= TERMINAL and S.CANCELLED in found:
        return R.CANCELLED
    return roll_up(states, started=started)


def _pending_first(states, *, started=False):
    return R.PENDING if S.PENDING in set(states) else roll_up(states, started=started)


def _never_gives_up(ending, now):
    return law_of_tasks.settle(replace(ending, max_tries=ending.max_tries + 1), now)


def _cancel_loses_to_retry(ending, now):
    return law_of_tasks.settle(replace(ending, cancel_requested=False), now)


def _retry_forgets_the_cancelled(nodes):
    return tuple(step for step in law_of_tasks.retry(nodes) if step.from_state is S.FAILED)


def _resets_to_pending(nodes, task_id):
    steps = law_of_tasks.rerun(nodes, task_id)
    return tuple(Transition(task_id=s.task_id, from_state=s.from_state, to_state=S.PENDING) for s in steps)


@pytest.mark.parametrize(
    ("law", "word"),
    [
        (Law(advance=_without_blocked), "stuck"),
        (Law(advance=_one_step_of_blocked), "stuck"),
        (Law(advance=_skipped_does_not_satisfy), "waits for nothing"),
        (Law(rerun=_unguarded(law_of_tasks.rerun)), "goes before its upstream"),
        (Law(rerun=_resets_to_pending), "no such arrow"),
        (Law(retry=_retry_forgets_the_cancelled), "a retry leads nowhere"),
        (Law(rollup=_cancelled_first), "rolled up wrongly"),
        (Law(rollup=_pending_first), "rolled up wrongly"),
        (Law(settle=_never_gives_up), "more tries than there are"),
        (Law(settle=_cancel_loses_to_retry), "stuck"),
        (Law(clears=False), "a retry leads nowhere"),
    ],
    ids=[
        "without blocked", "blocked one step only", "skipped does not satisfy", "rerun without its guard",
        "reset past the front door", "retry forgets the cancelled", "cancelled before failed", "pending before running",
        "a try too many", "a retry beats the cancel", "a cancel request outlives the reset",
    ],
)  # fmt: skip
def test_a_broken_law_is_caught(law, word):
    found = judged(law, word)
    assert [one for one in found if one.startswith(word)], found[:3]


def test_a_cancel_request_that_outlives_a_reset_would_end_the_next_try():
    """The example that no walk over states alone finds: the request is a fact beside the states."""
    cancelled = [TaskNode(task_id=1, state=S.PENDING, upstream=frozenset())]
    [stop] = law_of_tasks.cancel(cancelled)
    [again] = law_of_tasks.retry([replace(cancelled[0], state=stop.to_state)])
    [ready] = law_of_tasks.advance([replace(cancelled[0], state=again.to_state)])
    assert ready.to_state is S.PENDING

    failed = Ending(task_id=1, attempt_id=2, outcome=Outcome.FAILED, tries=1, max_tries=2)
    assert law_of_tasks.settle(failed, 0).to_state is S.PENDING, "cleared: the failure is tried again"
    assert law_of_tasks.settle(replace(failed, cancel_requested=True), 0).to_state is S.CANCELLED, "not cleared"
