"""What follows from what, and that no order of events leaves an instance stuck or unlawful."""

from __future__ import annotations

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
from mtctl.core.states import ALLOWED, DONE, Outcome, TaskState
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
