"""The state law and the roll-up."""

from __future__ import annotations

from itertools import combinations

import pytest

from mtctl.core.states import ALLOWED, DONE, TERMINAL, InstanceState, TaskState, rollup

S, R = TaskState, InstanceState


def test_every_state_has_its_arrows_and_none_leads_back_to_itself():
    assert set(ALLOWED) == set(TaskState)
    assert all(state not in targets for state, targets in ALLOWED.items())


def test_the_arrows_are_those_of_the_design():
    assert sum(map(len, ALLOWED.values())) == 23
    assert all(ALLOWED[state] <= {S.CREATED, S.SKIPPED} for state in TERMINAL)
    assert {state for state, targets in ALLOWED.items() if S.RUNNING in targets} == {S.PENDING}
    assert {state for state, targets in ALLOWED.items() if S.SUCCESS in targets} == {S.RUNNING}
    assert DONE < TERMINAL


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], R.SUCCESS),
        ([S.SUCCESS, S.SKIPPED], R.SUCCESS),
        ([S.SUCCESS, S.CANCELLED], R.CANCELLED),
        ([S.FAILED, S.CANCELLED, S.SUCCESS], R.FAILED),
        ([S.FAILED, S.RUNNING], R.RUNNING),
        ([S.SUSPENDED, S.RUNNING], R.RUNNING),
        ([S.PENDING, S.CREATED], R.PENDING),
        ([S.PENDING, S.SUCCESS], R.RUNNING),
        ([S.PENDING, S.FAILED], R.RUNNING),
        ([S.PENDING, S.SKIPPED], R.PENDING),
        ([S.PENDING, S.SUSPENDED], R.PENDING),
        ([S.SUSPENDED, S.CREATED], R.SUSPENDED),
        ([S.SUSPENDED, S.SUCCESS], R.SUSPENDED),
        ([S.SUSPENDED, S.CREATED, S.SUCCESS], R.SUSPENDED),
    ],
)
def test_rollup_takes_the_first_rule_that_fits(states, expected):
    assert rollup(states) is expected


def test_a_first_task_that_waits_for_its_second_try_has_started():
    assert rollup([S.PENDING, S.CREATED], started=True) is R.RUNNING
    assert rollup([S.SUSPENDED, S.CREATED], started=True) is R.SUSPENDED


def test_rollup_is_total_and_ends_exactly_when_all_tasks_have():
    for size in range(len(S) + 1):
        for states in combinations(S, size):
            ended = rollup(states) in {R.SUCCESS, R.FAILED, R.CANCELLED}
            assert ended == (set(states) <= TERMINAL)
