"""Handles, names and options of the embedded scheduler: text there and back, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.errors import MtctlError
from mtctl.core.states import InstanceState, TaskState, Trigger
from mtctl.core.values import replace
from mtctl.embedded import OperationStatus, RefreshHandle, RefreshHandleSerializer, WorkflowError
from mtctl.embedded.options import dialect_of, settings, table_name, task_form
from mtctl.embedded.scheduler import _is_untouched
from mtctl.embedded.states import operation_status, refresh_state
from mtctl.ports.work import InstanceRow, TaskRow
from mtctl.services.reports.instances import InstanceDetail

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", fullmatch=True)
SECOND = 1_000_000


@given(IDS)
def test_a_handle_comes_back_from_its_text_and_its_bytes(handle_id: str) -> None:
    handle = RefreshHandle(handle_id)
    serializer = RefreshHandleSerializer()
    assert RefreshHandle.parse(str(handle)) == handle
    assert str(RefreshHandle.parse(f"embedded:{handle_id}")) == f"embedded:{handle_id}"
    assert serializer.deserialize(serializer.serialize(handle)) == handle


def parsed(parse: Callable[[], RefreshHandle]) -> RefreshHandle | None:
    """Return the handle, None where it is refused as it should be."""
    try:
        return parse()
    except WorkflowError as error:
        if error.code != "handle":
            raise
        return None


@given(st.one_of(st.text(), st.text().map("embedded:{}".format)))
def test_any_text_is_a_handle_that_prints_as_it_or_is_refused(text: str) -> None:
    handle = parsed(lambda: RefreshHandle.parse(text))
    assert handle is None or str(handle) == text


@given(st.one_of(st.binary(), st.binary().map(b"embedded:".__add__)))
def test_any_bytes_are_a_handle_or_are_refused(data: bytes) -> None:
    serializer = RefreshHandleSerializer()
    handle = parsed(lambda: serializer.deserialize(data))
    assert handle is None or serializer.serialize(handle) == data


@pytest.mark.parametrize("text", ["", "embedded:", "embedded", "quartz:a", "embedded:a b", "embedded:.a", "Embedded:a"])
def test_what_is_no_handle_is_refused(text: str) -> None:
    assert parsed(lambda: RefreshHandle.parse(text)) is None


def test_the_summary_has_flinks_four_lines() -> None:
    assert RefreshHandle("non-exits").as_summary_string() == (
        "{\n  workflowName: non-exits,\n  workflowGroup: default_group\n}"
    )


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("t1", "t1"), ("T1", "t1"), ("main.t1", "t1"), ("shop.main.t1", "t1"), ("`shop`.`main`.`t1`", "t1"),
        ('"shop"."main"."t1"', "t1"), (" `t1` ", "t1"),
    ],
)  # fmt: skip
def test_a_table_is_named_as_in_a_statement(text: str, table: str) -> None:
    assert table_name(text, "shop") == (table, f"`shop`.`main`.`{table}`")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "identifier"), ("a.b.c.d", "identifier"), ("a b", "identifier"), ("`t", "identifier"),
        ("memory.t1", "identifier_reserved"), ("other.main.t1", "catalog_unknown"), ("`a``b`", "identifier"),
        ("main", "identifier_reserved"), ("t;drop", "identifier"),
    ],
)  # fmt: skip
def test_what_names_no_table_of_the_project_is_refused(text: str, code: str) -> None:
    with pytest.raises(MtctlError) as caught:
        table_name(text, "shop")
    assert caught.value.code == code


def test_options_of_a_refresh_go_to_their_places_and_the_others_are_kept() -> None:
    execution = {"refresh.condition": "SELECT true", "refresh.max.records": "10", "a.b": "1"}
    init = {"workflow-scheduler.type": "embedded", "table.local-time-zone": "UTC", "a.b": "0", "c": "2"}
    assert task_form("t", execution) == {"table": "t", "when": "SELECT true", "max_rows": 10}
    assert settings(init, execution) == {"a.b": "1", "c": "2"}


@pytest.mark.parametrize(
    ("cron", "dialect"),
    [("0 2 * * *", None), ("0 0 2 * * ?", "quartz"), ("0 0 2 * * 1", "quartz"), ("0 0 2 * * ? 2030", "quartz")],
)
def test_six_and_seven_fields_are_quartz(cron: str, dialect: str | None) -> None:
    assert dialect_of(cron) == dialect


# --- states ----------------------------------------------------------------------------------------------------


def instance(state: InstanceState, *, started: bool = True, ended: bool = False) -> InstanceRow:
    return InstanceRow(
        instance_id=1, ulid="0" * 26, title="t", trigger=Trigger.MANUAL, state=state, queue="default", holder=None,
        detached=True, cancel_requested=False, created_at=0, started_at=SECOND if started else None,
        ended_at=4 * SECOND if ended else None, tasks=(), rows=7, manifest={},
    )  # fmt: skip


def task(state: TaskState, count: int = 1, **more: object) -> TaskRow:
    row = TaskRow(
        task_id=1, instance_id=1, name="t", table_id=1, batch=None, intervals=None, interval_count=count, reasons=(),
        forced=True, state=state, why="", tries=1, max_tries=3, ready_at=0, upstream=(), attempt_id=None,
        started_at=None, ended_at=None, rows=None, seconds=None, error_code=None, error=None, holder=None,
    )  # fmt: skip
    return replace(row, **more)  # type: ignore[arg-type]


def detail(row: InstanceRow, *tasks: TaskRow) -> InstanceDetail:
    return InstanceDetail(instance=row, tasks=tasks, attempts=(), events=(), labels={})


@pytest.mark.parametrize(
    ("state", "started", "status"),
    [
        (InstanceState.PENDING, False, OperationStatus.PENDING),
        (InstanceState.SUSPENDED, False, OperationStatus.PENDING),
        (InstanceState.RUNNING, True, OperationStatus.RUNNING),
        (InstanceState.SUSPENDED, True, OperationStatus.RUNNING),
        (InstanceState.PENDING, True, OperationStatus.RUNNING),
        (InstanceState.SUCCESS, True, OperationStatus.FINISHED),
        (InstanceState.CANCELLED, True, OperationStatus.CANCELED),
        (InstanceState.FAILED, True, OperationStatus.ERROR),
    ],
)
def test_every_state_of_an_instance_is_one_of_an_operation(
    state: InstanceState, started: bool, status: OperationStatus  # noqa: FBT001 - a row of the table
) -> None:
    assert operation_status(instance(state, started=started)) is status


LEGAL = {
    "INITIALIZED": {"PENDING", "CANCELED", "TIMEOUT", "ERROR", "CLOSED"},
    "PENDING": {"RUNNING", "CANCELED", "TIMEOUT", "ERROR", "CLOSED"},
    "RUNNING": {"FINISHED", "CANCELED", "TIMEOUT", "ERROR", "CLOSED"},
}
"""Flink's table, less the arrows into CLOSED of what has ended."""


def test_what_has_begun_never_looks_as_if_it_had_not() -> None:
    """No change of an instance that mtctl makes by itself shows as an arrow that Flink does not have."""
    for state in InstanceState:
        status = operation_status(instance(state, started=True))
        assert status is OperationStatus.RUNNING or status in LEGAL["RUNNING"]
    assert {str(one) for one in OperationStatus if not one.is_terminal} == LEGAL.keys()


def test_a_refresh_that_ran_too_long_is_a_timeout() -> None:
    late = task(TaskState.FAILED, error="ran longer than 1 s", error_code="timeout", tries=3)
    found = refresh_state(detail(instance(InstanceState.FAILED, ended=True), late), 9 * SECOND)
    assert (found.status, found.error, found.error_code) == (OperationStatus.TIMEOUT, late.error, "timeout")
    assert (found.retry_count, found.duration, found.rows, found.progress) == (2, 3.0, 7, 0.0)


def test_progress_counts_intervals_and_duration_goes_on() -> None:
    tasks = (task(TaskState.SUCCESS, 3), task(TaskState.SKIPPED, 1), task(TaskState.RUNNING, 12, error="once", tries=2))
    found = refresh_state(detail(instance(InstanceState.RUNNING), *tasks), 3 * SECOND)
    assert (found.progress, found.duration, found.retry_count) == (25.0, 2.0, 1)
    assert found.error == "once"


def test_what_ended_well_tells_no_error_of_an_earlier_try() -> None:
    done = task(TaskState.SUCCESS, 0, error="once", tries=2)
    found = refresh_state(detail(instance(InstanceState.SUCCESS, ended=True), done), 9 * SECOND)
    assert (found.progress, found.error, found.status) == (100.0, None, OperationStatus.FINISHED)


@pytest.mark.parametrize(
    ("state", "tasks", "untouched"),
    [
        (InstanceState.CANCELLED, ((TaskState.CANCELLED, 2),), True),
        (InstanceState.CANCELLED, ((TaskState.SUCCESS, 1), (TaskState.CANCELLED, 1)), False),
        (InstanceState.RUNNING, ((TaskState.RUNNING, 1),), False),
        (InstanceState.SUCCESS, ((TaskState.SUCCESS, 1),), False),
        (InstanceState.FAILED, ((TaskState.FAILED, 1),), False),
    ],
)
def test_only_what_was_cancelled_before_it_published_is_untouched(
    state: InstanceState, tasks: tuple[tuple[TaskState, int], ...], untouched: bool  # noqa: FBT001 - the same
) -> None:
    assert _is_untouched(replace(instance(state), tasks=tasks)) is untouched
