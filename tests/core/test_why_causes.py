"""Why: every cause, and that the first rule that fits wins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.states import InstanceState, TaskState, WorkflowState
from mtctl.core.why import Cause, Why, why_instance, why_table, why_workflow
from mtctl.core.why_facts import Facts, QueueFacts, ScheduleFacts, TableFacts, TaskFacts

NOW = 1_700_000_000_000_000
MINUTE = 60_000_000

PENDING = TaskFacts(task_id=1, name="t", instance="01A", state=TaskState.PENDING, table="t")
FREE = QueueFacts(name="default", slots=4)
DAILY = ScheduleFacts(workflow="t", state=WorkflowState.ENABLED, text="0 2 * * *", due_at=NOW + MINUTE)


def ask(table: TableFacts, *others: TableFacts, **facts: object) -> Why:
    tables = {one.name: one for one in (table, *others)}
    made: dict[str, object] = {"now": NOW, "tables": tables, "queues": {"default": FREE}}
    return why_table(Facts(**(made | facts)), table.name)  # type: ignore[arg-type]


def due(**facts: object) -> TableFacts:
    return TableFacts(**({"name": "t", "due": "2013-01-04 is"} | facts))  # type: ignore[arg-type]


TABLES = [
    (TableFacts(name="t", fresh="all 4 wanted intervals are"), Cause.NOTHING, "all 4 wanted intervals are fresh"),
    (TableFacts(name="t", closes_at=NOW), Cause.NOT_WANTED, "wanted at 2023-11-14T22:13:20Z"),
    (TableFacts(name="t", fresh="the table is", unapplied="tables/t.sql"), Cause.NOT_APPLIED, "tables/t.sql"),
    (due(), Cause.ON_DEMAND, "no schedule"),
    (due(schedules=(DAILY,)), Cause.NOT_DUE, "not due yet"),
    (due(schedules=(replace(DAILY, skipped="2 fires were skipped (misfire)"),)), Cause.SKIPPED, "misfire"),
    (due(schedules=(replace(DAILY, due_at=NOW - MINUTE),)), Cause.TURN, "about to fire"),
    (due(schedules=(replace(DAILY, due_at=None),)), Cause.COMPLETED, "no further fire"),
    (due(schedules=(replace(DAILY, state=WorkflowState.DISABLED),)), Cause.DISABLED, "disabled"),
    (due(schedules=(replace(DAILY, state=WorkflowState.COMPLETED),)), Cause.COMPLETED, "has ended"),
    (due(lost_source="data/in.csv"), Cause.SOURCE_MISSING, "data/in.csv"),
    (
        due(last=replace(PENDING, state=TaskState.FAILED, error_code="query_failed", error="no such column", tries=3)),
        Cause.FAILED,
        "failed[query_failed] after 3 tries: no such column",
    ),
    (due(last=replace(PENDING, state=TaskState.FAILED, why="quarantined: 3 lost")), Cause.QUARANTINED, "3 lost"),
    (due(last=replace(PENDING, state=TaskState.FAILED, error_code="source_locked")), Cause.SOURCE_LOCKED, ""),
    (due(last=replace(PENDING, state=TaskState.CANCELLED, why="operator ana")), Cause.CANCELLED, "operator ana"),
    (due(blockers=("gone",)), Cause.UPSTREAM, "no such table"),
]


@pytest.mark.parametrize(("table", "cause", "word"), TABLES, ids=[f"{case[1]}-{case[2]}" for case in TABLES])
def test_a_table(table: TableFacts, cause: Cause, word: str) -> None:
    root = ask(table).root
    assert root.cause is cause
    assert word in root.text


FULL = QueueFacts(name="default", slots=1, holders=("`mtctl up` (pid 7)",))
PAUSED = QueueFacts(name="default", slots=1, paused=True, paused_why="by ana: lunch")

RUNNING = replace(PENDING, state=TaskState.RUNNING, holder="up", started_at=NOW - MINUTE)
FAILED_ONCE = replace(PENDING, ready_at=NOW + MINUTE, error="busy", tries=1, max_tries=3)

TASKS = [
    (RUNNING, FREE, Cause.RUNNING, "up, for 1m"),
    (replace(PENDING, state=TaskState.SUSPENDED, why="operator ana"), FREE, Cause.SUSPENDED, "operator ana"),
    (replace(PENDING, cancel_requested=True), FREE, Cause.CANCEL_REQUESTED, "cancel"),
    (FAILED_ONCE, FREE, Cause.RETRY, "busy; try 2 of 3"),
    (replace(PENDING, ready_at=NOW + 1, error_code="source_locked"), FREE, Cause.SOURCE_LOCKED, ""),
    (replace(PENDING, ready_at=NOW + 1, depends_on="nightly"), FREE, Cause.WORKFLOW, "nightly"),
    (replace(PENDING, older="01B (running)"), FREE, Cause.SERIAL, "01B"),
    (replace(PENDING, busy="`mtctl refresh t`"), FREE, Cause.TABLE_BUSY, "mtctl refresh t"),
    (PENDING, PAUSED, Cause.QUEUE_PAUSED, "by ana: lunch"),
    (PENDING, FULL, Cause.QUEUE_FULL, "pid 7"),
    (replace(PENDING, max_parallel=2, parallel=2), FREE, Cause.MAX_PARALLEL, "2 tasks"),
    (replace(PENDING, owner="`mtctl refresh`"), FREE, Cause.TURN, "mtctl refresh"),
    (replace(PENDING, ahead=3), FREE, Cause.TURN, "3 before it"),
]


@pytest.mark.parametrize(("task", "queue", "cause", "word"), TASKS, ids=[f"{case[2]}-{case[3]}" for case in TASKS])
def test_a_task_of_a_table(task: TaskFacts, queue: QueueFacts, cause: Cause, word: str) -> None:
    root = ask(due(task=task), queues={"default": queue}).root
    assert root.cause is cause
    assert word in root.text


def test_what_nobody_runs_says_so_before_anything_about_turns() -> None:
    assert ask(due(task=PENDING), is_watched=False).root.cause is Cause.NOBODY
    late = due(schedules=(replace(DAILY, due_at=NOW - MINUTE),))
    assert ask(late, is_watched=False).root.cause is Cause.NOBODY


def test_a_clock_that_is_behind_comes_before_everything() -> None:
    why = ask(due(task=PENDING), behind=7200)
    assert (why.root.cause, len(why.chain)) == (Cause.CLOCK, 1)
    assert "2h00m" in why.root.text


def test_the_chain_goes_through_upstream_tables_to_the_root() -> None:
    month = TableFacts(name="month", due="2013-01 is", blockers=("day",))
    day = TableFacts(name="day", due="2013-01-04 is", blockers=("raw",))
    raw = TableFacts(name="raw", due="the table is", task=PENDING)
    why = ask(month, day, raw, queues={"default": PAUSED})
    assert [(link.subject, link.cause) for link in why.chain] == [
        ("month", Cause.UPSTREAM),
        ("day", Cause.UPSTREAM),
        ("t", Cause.QUEUE_PAUSED),
    ]
    assert why.root.fix == "`mtctl queue resume default`"


def test_a_chain_of_ten_thousand_tables_has_its_root() -> None:
    tables = [TableFacts(name=f"t{n}", due="the table is", blockers=(f"t{n + 1}",)) for n in range(10_000)]
    why = ask(*tables, TableFacts(name="t10000", due="the table is", lost_source="a.csv"))
    assert (len(why.chain), why.root.cause, why.root.subject) == (10_001, Cause.SOURCE_MISSING, "t10000")


def test_a_task_that_waits_for_a_table_leads_to_that_table() -> None:
    waiting = replace(PENDING, waits_for="raw", ready_at=NOW + MINUTE)
    why = ask(due(task=waiting), TableFacts(name="raw", due="the table is", lost_source="a.csv"))
    assert [link.cause for link in why.chain] == [Cause.UPSTREAM, Cause.SOURCE_MISSING]


def test_a_created_task_leads_to_the_one_it_waits_for() -> None:
    above = replace(PENDING, task_id=2, name="load", table=None, state=TaskState.SUSPENDED)
    below = replace(PENDING, state=TaskState.CREATED, upstream=(2,))
    facts = Facts(now=NOW, tasks={1: below, 2: above}, queues={"default": FREE})
    why = why_instance(facts, "01A", InstanceState.SUSPENDED)
    assert why.root.cause is Cause.SUSPENDED
    table = ask(due(task=below), tasks={1: below, 2: above})
    assert [link.cause for link in table.chain] == [Cause.TASK, Cause.SUSPENDED]


def test_an_instance_that_failed_tells_its_failure_and_one_that_succeeded_nothing() -> None:
    bad = replace(PENDING, state=TaskState.FAILED, error="boom")
    after = replace(PENDING, task_id=2, state=TaskState.CANCELLED, why="upstream t failed")
    facts = Facts(now=NOW, tasks={1: bad, 2: after})
    assert why_instance(facts, "01A", InstanceState.FAILED).root.cause is Cause.FAILED
    assert why_instance(facts, "01A", InstanceState.SUCCESS).root.cause is Cause.NOTHING


def test_a_workflow_without_instances_tells_its_schedule() -> None:
    assert why_workflow(Facts(now=NOW), DAILY).root.cause is Cause.NOT_DUE
    assert why_workflow(Facts(now=NOW), replace(DAILY, text=None)).root.cause is Cause.ON_DEMAND


def test_facts_that_go_round_in_a_circle_end() -> None:
    a = TableFacts(name="a", due="the table is", blockers=("b",))
    b = TableFacts(name="b", due="the table is", blockers=("a",))
    assert [link.subject for link in ask(a, b).chain] == ["a", "b"]


names = st.sampled_from(["a", "b", "c", "d"])


@given(
    st.fixed_dictionaries({name: st.lists(names, max_size=3, unique=True) for name in "abcd"}),
    st.sets(names),
    st.sampled_from(list(TaskState)),
)
def test_every_question_has_an_answer_with_one_cause(
    reads: dict[str, list[str]], busy: set[str], state: TaskState
) -> None:
    tables = [
        TableFacts(
            name=name,
            due="the table is",
            blockers=tuple(above),
            task=replace(PENDING, table=name, state=state, waits_for=above[0] if above else None, ready_at=NOW + 1)
            if name in busy
            else None,
        )
        for name, above in reads.items()
    ]
    why = ask(*tables)
    assert why.chain
    assert why.root.text
    assert all(link.cause in {Cause.UPSTREAM, Cause.TASK} for link in why.chain[:-1])
