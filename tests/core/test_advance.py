"""What follows from what, and that no order of events leaves an instance stuck or unlawful."""

from __future__ import annotations

from functools import cache
from itertools import chain, combinations
from typing import NamedTuple

import pytest
from counting import calls
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.advance import (
    MAX_LOST,
    Ending,
    TaskNode,
    advance,
    cancel,
    rerun,
    resume,
    retry,
    settle,
    skip,
    suspend,
)
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import ALLOWED, DONE, TERMINAL, InstanceState, Outcome, TaskState, rollup
from mtctl.core.values import replace

S = TaskState
STATE = st.sampled_from(list(S))


def node(task_id, state, *upstream, why=""):
    return TaskNode(task_id=task_id, state=state, upstream=frozenset(upstream), why=why)


def moved(nodes, transitions):
    """The nodes after the transitions, checked against the law."""
    steps = {step.task_id: step for step in transitions}
    assert len(steps) == len(transitions)
    for one in nodes:
        step = steps.get(one.task_id)
        assert step is None or (step.from_state is one.state and step.to_state in ALLOWED[one.state])
    return [
        replace(one, state=steps[one.task_id].to_state, why=steps[one.task_id].why) if one.task_id in steps else one
        for one in nodes
    ]


def ending(outcome, **parts):
    return Ending(**{"task_id": 7, "attempt_id": 70, "outcome": outcome, "tries": 1, "max_tries": 3} | parts)


@st.composite
def dags(draw):
    count = draw(st.integers(1, 8))
    return [
        node(number, draw(STATE), *draw(st.sets(st.integers(0, number - 1), max_size=3) if number else st.just(())))
        for number in range(count)
    ]


# --- advance ----------------------------------------------------------------------------------------------------


def test_a_task_is_ready_once_all_its_upstream_are_done():
    nodes = [node(1, S.SUCCESS), node(2, S.SKIPPED), node(3, S.CREATED, 1, 2), node(4, S.CREATED, 3)]
    (step,) = advance(nodes)
    assert (step.task_id, step.from_state, step.to_state) == (3, S.CREATED, S.PENDING)


def test_a_failure_cancels_everything_below_and_says_through_which():
    nodes = [node(3, S.CREATED, 2), node(2, S.CREATED, 1), node(1, S.FAILED), node(4, S.SUSPENDED, 1)]
    steps = {step.task_id: (step.to_state, step.why) for step in advance(nodes)}
    assert steps == {2: (S.CANCELLED, "upstream 1 failed"), 3: (S.CANCELLED, "upstream 2 cancelled")}


def test_what_waits_for_something_held_waits():
    assert advance([node(1, S.SUSPENDED), node(2, S.CREATED, 1)]) == ()


@given(dags())
def test_advance_makes_only_allowed_arrows_and_then_nothing_more(nodes):
    after = moved(nodes, advance(nodes))
    assert advance(after) == ()
    states = {one.task_id: one.state for one in after}
    for one in after:
        if one.state is S.CREATED:
            above = {states[upstream] for upstream in one.upstream}
            assert not above & {S.FAILED, S.CANCELLED}
            assert above - DONE


@pytest.mark.parametrize("end", [S.FAILED, S.SUCCESS])
def test_wide_and_deep_graphs_take_no_recursion_and_a_few_calls_a_task(end):
    wide = [node(0, end), *(node(n, S.CREATED, 0) for n in range(1, 5_001))]
    joined = [*wide, node(5_001, S.CREATED, *range(5_001))]
    deep = [node(0, end), *(node(n, S.CREATED, n - 1) for n in range(1, 5_000))]
    assert len(advance(joined)) == (5_001 if end is S.FAILED else 5_000)
    assert len(advance(deep)) == (4_999 if end is S.FAILED else 1)
    assert calls(lambda: (advance(joined), advance(deep))) < 10 * (5_002 + 5_000)


# --- settle -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "parts", "state", "ready_at", "tries"),
    [
        (Outcome.SUCCESS, {}, S.SUCCESS, None, 0),
        (Outcome.SUCCESS, {"cancel_requested": True}, S.SUCCESS, None, 0),
        (Outcome.FAILED, {}, S.PENDING, 30_001_000, 0),
        (Outcome.FAILED, {"tries": 2, "jitter": 0.5}, S.PENDING, 30_001_000, 0),
        (Outcome.FAILED, {"tries": 3}, S.FAILED, None, 0),
        (Outcome.FAILED, {"retryable": False}, S.FAILED, None, 0),
        (Outcome.FAILED, {"cancel_requested": True}, S.CANCELLED, None, 0),
        (Outcome.TIMED_OUT, {}, S.PENDING, 30_001_000, 0),
        (Outcome.TIMED_OUT, {"tries": 3}, S.FAILED, None, 0),
        (Outcome.CANCELLED, {}, S.CANCELLED, None, 0),
        (Outcome.LOST, {"lost": 1}, S.PENDING, 1_000, 0),
        (Outcome.LOST, {"lost": 1, "tries": 3}, S.FAILED, None, 0),
        (Outcome.LOST, {"lost": MAX_LOST, "max_tries": 99}, S.FAILED, None, 0),
        (Outcome.LOST, {"lost": 1, "cancel_requested": True}, S.CANCELLED, None, 0),
        (Outcome.RELEASED, {"tries": 3}, S.PENDING, 1_000, -1),
        (Outcome.RELEASED, {"cancel_requested": True}, S.CANCELLED, None, 0),
        (Outcome.SUPERSEDED, {"tries": 3}, S.CREATED, None, -1),
        (Outcome.SUPERSEDED, {"still_wanted": False}, S.SKIPPED, None, -1),
        (Outcome.SUPERSEDED, {"cancel_requested": True}, S.CANCELLED, None, 0),
    ],
)
def test_an_outcome_settles_into_one_state(outcome, parts, state, ready_at, tries):
    step = settle(ending(outcome, **parts), 1_000)
    assert (step.to_state, step.ready_at, step.tries) == (state, ready_at, tries)
    assert (step.task_id, step.attempt_id, step.from_state, step.outcome) == (7, 70, S.RUNNING, outcome)


@given(st.sampled_from(list(Outcome)), st.integers(1, 5), st.integers(1, 5), st.booleans(), st.booleans())
def test_settle_makes_only_allowed_arrows(outcome, tries, max_tries, asked, passing):
    parts = {"tries": tries, "max_tries": max_tries, "cancel_requested": asked, "retryable": passing}
    assert settle(ending(outcome, **parts), 0).to_state in ALLOWED[S.RUNNING]


# --- verbs ------------------------------------------------------------------------------------------------------


def test_retry_resets_what_failed_and_what_was_cancelled_and_nothing_else():
    nodes = [
        node(1, S.FAILED),
        node(2, S.CANCELLED, 1),
        node(3, S.SUCCESS),
        node(4, S.SKIPPED, 1),
        node(5, S.CANCELLED),
    ]
    steps = retry(nodes)
    assert [(step.task_id, step.to_state) for step in steps] == [(1, S.CREATED), (2, S.CREATED), (5, S.CREATED)]
    assert retry(moved(nodes, steps)) == ()


def test_rerun_resets_a_task_and_all_below_but_no_skip_by_a_person():
    nodes = [
        node(1, S.SUCCESS),
        node(2, S.SUCCESS, 1),
        node(3, S.SKIPPED, 2, why="operator: not today"),
        node(4, S.SKIPPED, 2, why="already fresh by instance 3"),
        node(5, S.SUCCESS, 3),
        node(6, S.SUSPENDED, 2),
        node(7, S.SUCCESS),
    ]
    assert {step.task_id for step in rerun(nodes, 2)} == {2, 4, 5}
    assert {step.task_id for step in rerun(nodes, 3)} == {3, 5}


@pytest.mark.parametrize("verb", [retry, skip, lambda nodes: rerun(nodes, 1)])
def test_no_reset_around_a_running_task(verb):
    with pytest.raises(MtctlError) as caught:
        verb([node(1, S.FAILED), node(2, S.RUNNING)])
    assert (caught.value.code, caught.value.kind) == ("task_running", Kind.CONFLICT)


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([node(1, S.SUCCESS), node(2, S.PENDING, 1)], "task_not_ended"),
        ([node(1, S.CREATED)], "task_not_ended"),
        ([node(1, S.SUSPENDED)], "task_not_ended"),
        ([node(2, S.SUCCESS)], "task_unknown"),
    ],
)
def test_rerun_wants_an_ended_task_with_nothing_ready_below(nodes, code):
    with pytest.raises(MtctlError) as caught:
        rerun(nodes, 1)
    assert caught.value.code == code


def test_cancel_ends_what_is_idle_and_leaves_what_runs_to_its_attempt():
    nodes = [node(n, state) for n, state in enumerate(S)]
    assert {nodes[step.task_id].state for step in cancel(nodes, "operator")} == {S.CREATED, S.PENDING, S.SUSPENDED}


def test_suspend_holds_and_resume_goes_to_the_front_door():
    nodes = [node(n, state) for n, state in enumerate(S)]
    held = moved(nodes, suspend(nodes))
    assert [one.state for one in held].count(S.SUSPENDED) == 3
    assert {step.to_state for step in resume(held)} == {S.CREATED}


def test_skip_lets_downstream_go():
    nodes = [node(1, S.FAILED), node(2, S.CREATED, 1)]
    skipped = moved(nodes, skip(nodes[:1]))
    assert [(step.task_id, step.to_state) for step in advance(skipped)] == [(2, S.PENDING)]


# --- every order of events on every graph of up to three tasks ----------------------------------------------------

MAX_TRIES = 2
ENDED = {InstanceState.SUCCESS, InstanceState.FAILED, InstanceState.CANCELLED}
# A timeout settles like a failure (see the table above), so it adds nothing here.
OUTCOMES = [(outcome, True) for outcome in Outcome if outcome is not Outcome.TIMED_OUT] + [(Outcome.SUPERSEDED, False)]


class World(NamedTuple):
    """One configuration: states, tries and who skipped; whether a cancel is requested."""

    states: tuple[TaskState, ...]
    tries: tuple[int, ...]
    whys: tuple[str, ...]
    cancelling: bool = False


def graphs():
    for count in (1, 2, 3):
        pairs = [(low, high) for high in range(count) for low in range(high)]
        for chosen in chain.from_iterable(combinations(pairs, size) for size in range(len(pairs) + 1)):
            yield tuple(frozenset(low for low, high in chosen if high == task) for task in range(count))


class Explorer:
    """All configurations that any order of events on a graph reaches, and where each leads without a person's word."""

    def __init__(self, graph):
        self.graph = graph
        self.nodes = cache(self._nodes)
        self.advanced = cache(self._advanced)
        count = len(graph)
        self.seen = {}
        left = [self.after(World((S.CREATED,) * count, (0,) * count, ("",) * count), ())]
        while left:
            world = left.pop()
            if world not in self.seen:
                self.seen[world] = tuple(self.automatic(world))
                left += [*self.seen[world], *self.by_word(world)]

    def _nodes(self, states, whys):
        return [TaskNode(task_id=n, state=state, upstream=self.graph[n], why=whys[n]) for n, state in enumerate(states)]

    def _advanced(self, states):
        nodes = self.nodes(states, ("",) * len(states))
        return tuple(one.state for one in moved(nodes, advance(nodes)))

    def after(self, world, steps, *, cancelling=None):
        states, tries, whys = list(world.states), list(world.tries), list(world.whys)
        for step in steps:
            assert step.from_state is states[step.task_id]
            assert step.to_state in ALLOWED[step.from_state]
            states[step.task_id] = step.to_state
            whys[step.task_id] = step.why if step.to_state is S.SKIPPED else ""
            tries[step.task_id] = 0 if step.from_state in TERMINAL else tries[step.task_id] + step.tries
        now = world.cancelling if cancelling is None else cancelling
        return World(self.advanced(tuple(states)), tuple(tries), tuple(whys), now)

    def automatic(self, world):
        for n, state in enumerate(world.states):
            if state is S.PENDING:
                states, tries = list(world.states), list(world.tries)
                states[n], tries[n] = S.RUNNING, tries[n] + 1
                yield World(tuple(states), tuple(tries), world.whys, world.cancelling)
            for outcome, wanted in OUTCOMES if state is S.RUNNING else ():
                over = ending(
                    outcome,
                    task_id=n,
                    tries=world.tries[n],
                    max_tries=MAX_TRIES,
                    cancel_requested=world.cancelling,
                    still_wanted=wanted,
                )
                yield self.after(world, (settle(over, 0),))

    def by_word(self, world):
        nodes = self.nodes(world.states, world.whys)
        yield self.after(world, cancel(nodes), cancelling=True)
        for n, one in enumerate(nodes):
            yield self.after(world, suspend([one]))
            yield self.after(world, resume([one]))
            if one.state is not S.RUNNING:
                yield self.after(world, skip([one]))
            yield from self.reset(world, lambda n=n: rerun(nodes, n))
        yield from self.reset(world, lambda: retry(nodes))

    def reset(self, world, verb):
        try:
            steps = verb()
        except MtctlError as refused:
            assert refused.kind is Kind.CONFLICT  # noqa: PT017 - a refused verb changes nothing
        else:
            yield self.after(world, steps, cancelling=False)

    def reaching(self, goal):
        """The configurations from which the goal can be reached without a person's word."""
        before = {}
        for world, successors in self.seen.items():
            for successor in successors:
                before.setdefault(successor, []).append(world)
        found, left = set(goal), list(goal)
        while left:
            new = set(before.get(left.pop(), ())) - found
            found |= new
            left += new
        return found


@pytest.mark.parametrize("graph", list(graphs()), ids=str)
def test_no_order_of_events_breaks_the_law_or_leaves_an_instance_stuck(graph):
    explorer = Explorer(graph)
    seen = explorer.seen
    ends = {world for world in seen if set(world.states) <= TERMINAL}
    good = {world for world in ends if set(world.states) <= DONE}
    assert any(set(world.states) == {S.SUCCESS} for world in good)

    can_end, can_succeed = explorer.reaching(ends), explorer.reaching(good)
    for world in seen:
        for n, upstream in enumerate(graph):
            if world.states[n] in {S.PENDING, S.RUNNING}:
                assert all(world.states[above] in DONE for above in upstream), world
        assert all(tries <= MAX_TRIES for tries in world.tries), world
        assert S.SUSPENDED in world.states or world in can_end, f"stuck: {world}"
        assert (rollup(world.states) in ENDED) == (world in ends), world

    for world in ends - good:
        steps = retry(explorer.nodes(world.states, world.whys))
        again = explorer.after(world, steps, cancelling=False)
        assert again in can_succeed, f"retry leads nowhere: {world}"


def test_retry_after_cancel_runs_again_only_when_the_request_is_cleared():
    nodes = moved([node(1, S.PENDING)], cancel([node(1, S.PENDING)]))
    (again,) = advance(moved(nodes, retry(nodes)))
    assert again.to_state is S.PENDING
    assert settle(ending(Outcome.FAILED, cancel_requested=False), 0).to_state is S.PENDING
    assert settle(ending(Outcome.FAILED, cancel_requested=True), 0).to_state is S.CANCELLED
