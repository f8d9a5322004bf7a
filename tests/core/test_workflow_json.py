from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.schedule import DstPolicy, parse_schedule
from mtctl.core.workflow import (
    HIGHEST,
    LOWEST,
    CommandSpec,
    DependsOn,
    Export,
    HttpSpec,
    NoticeRule,
    Occasion,
    Overlap,
    RefreshSpec,
    SqlSpec,
    TaskKind,
    Variable,
    VariableKind,
    VariableType,
    WorkflowDefinition,
    WorkflowTask,
)
from mtctl.core.workflow_json import task_json, task_of, workflow_json, workflow_of

words = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True)
pairs = st.lists(st.tuples(words, words), max_size=3).map(tuple)
numbers = st.integers(0, 2**40)


def many(each):
    return st.lists(each, max_size=3).map(tuple)


def maybe(each):
    return st.none() | each


variables = st.builds(
    Variable,
    name=names,
    kind=st.sampled_from(VariableKind),
    value=words,
    type=st.sampled_from(VariableType),
    offset=words,
)
rules = st.builds(NoticeRule, channel=names, on=many(st.sampled_from(Occasion)))
specs = {
    TaskKind.REFRESH: st.builds(RefreshSpec, table=names),
    TaskKind.SQL: st.builds(
        SqlSpec, exports=many(st.builds(Export, query=words, path=words, format=words)), script=maybe(words),
        database=maybe(words),
    ),
    TaskKind.COMMAND: st.builds(
        CommandSpec, argv=many(words), shell=st.booleans(), env=pairs, inherit=many(words), folder=maybe(words),
        ok=many(st.integers(0, 255)), transient=many(st.integers(0, 255)),
    ),
    TaskKind.HTTP: st.builds(
        HttpSpec, method=words, url=words, headers=pairs, body=maybe(words), ok=many(st.integers(100, 599))
    ),
}  # fmt: skip
tasks = st.sampled_from(TaskKind).flatmap(
    lambda kind: st.builds(
        WorkflowTask, name=names, kind=st.just(kind), spec=specs[kind], upstream=many(names), retries=maybe(numbers),
        timeout=maybe(numbers), queue=maybe(names), priority=maybe(st.integers(HIGHEST, LOWEST)),
        retry_lost=st.booleans(), when=maybe(words), max_rows=maybe(numbers), variables=many(variables), tags=pairs,
        settings=pairs, notify=many(rules),
    )
)  # fmt: skip
schedules = st.builds(
    parse_schedule,
    st.sampled_from(["0 2 * * *", "0 0 2 * * ?", "@daily", "every 90 minutes", "every 2 days"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]), dst=st.sampled_from(DstPolicy), start=maybe(numbers),
    jitter=st.integers(0, 10**9),
    blackout=st.sampled_from([(), ("SAT,SUN",), ("2026-12-24..2026-12-26", "12:10-12:20"), ("MON  22:10-22:20",)]),
)  # fmt: skip
misfires = st.builds(
    MisfirePolicy, kind=st.sampled_from(Misfire), window=numbers, cap=st.integers(1, 900), grace=numbers
)
workflows = st.builds(
    WorkflowDefinition, name=names, tasks=many(tasks), zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    schedule=maybe(schedules), misfire=maybe(misfires), overlap=st.sampled_from(Overlap), variables=many(variables),
    retries=numbers, timeout=numbers, queue=names, priority=st.integers(HIGHEST, LOWEST), tags=pairs,
    max_parallel=maybe(numbers), depends_on=many(st.builds(DependsOn, workflow=names)), notify=many(rules),
    settings=pairs, comment=maybe(words), enabled=st.booleans(), table=maybe(names), continuous=st.booleans(),
)  # fmt: skip


@given(workflows)
def test_a_workflow_comes_back_as_it_was(definition):
    text = json.dumps(workflow_json(definition))
    assert workflow_of(json.loads(text)) == definition
    assert json.dumps(workflow_json(workflow_of(json.loads(text)))) == text


@given(tasks)
def test_a_task_comes_back_as_it_was(task):
    assert task_of(json.loads(json.dumps(task_json(task)))) == task


def test_defaults_are_left_out():
    task = WorkflowTask(name="a", kind=TaskKind.REFRESH, spec=RefreshSpec(table="t"))
    definition = WorkflowDefinition(
        name="w", tasks=(task,), zone="UTC", schedule=parse_schedule("@daily", zone="UTC"),
        misfire=MisfirePolicy(kind=Misfire.ALL),
    )  # fmt: skip
    assert workflow_json(definition) == {
        "name": "w",
        "tasks": [{"name": "a", "kind": "refresh", "spec": {"table": "t"}}],
        "zone": "UTC",
        "schedule": {"text": "@daily", "zone": "UTC", "dialect": "cron"},
        "misfire": {"kind": "all"},
    }
