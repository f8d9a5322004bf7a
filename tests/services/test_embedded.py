"""The embedded scheduler over the real store and the real engine: Flink's verbs, words and states."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from service_kit import World, fails

from mtctl.embedded import (
    CreateOneTimeRefreshWorkflow,
    CreatePeriodicRefreshWorkflow,
    DeleteRefreshWorkflow,
    ModifyRefreshWorkflowCronExpression,
    OperationStatus,
    RefreshHandle,
    ResumeRefreshWorkflow,
    SuspendRefreshWorkflow,
    WorkflowError,
    WorkflowScheduler,
    WorkflowSchedulerFactory,
    WorkflowStatus,
    create_workflow_scheduler,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEVER = "0 0 0 1 1 ? 2090"
FULL = "CREATE MATERIALIZED TABLE t1 AS SELECT count(*) AS n, sum(v)::BIGINT AS total FROM 'data/in.csv'\n"
DAILY = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (ds)
WITH ('partition.fields.ds.date-formatter' = 'yyyy-MM-dd', 'start' = '2024-01-01', 'end' = '2024-01-05')
FRESHNESS = INTERVAL '1' DAY
AS SELECT d::VARCHAR AS ds, sum(v)::BIGINT AS v FROM 'data/in.csv' GROUP BY d
"""
HOURLY = """CREATE MATERIALIZED TABLE hourly PARTITIONED BY (ds, hr)
WITH ('partition.fields.ds.date-formatter' = 'yyyy-MM-dd', 'partition.fields.hr.date-formatter' = 'HH',
'start' = '2024-01-01', 'end' = '2024-01-05', 'schedule' = '0 0 0 1 1 ? 2090') FRESHNESS = INTERVAL '1' DAY
AS SELECT d::VARCHAR AS ds, '05' AS hr, sum(v)::BIGINT AS v FROM 'data/in.csv' GROUP BY d
"""


class Restored(World):
    """A project as it was when its folder was copied."""

    def __init__(self, root: Path, copy: Path) -> None:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(copy, root)
        self.root = root
        self.notices: list[str] = []
        self._app = None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a project and a copy of it: a whole table, and one of days that nothing fires by itself."""
    world = World(tmp_path_factory.mktemp("made") / "shop")
    world.days({"2024-01-01": [1], "2024-01-02": [2, 3]})
    world.table("t1", FULL)
    world.table("daily", DAILY)
    world.apply()
    world.app.workflows.edits.disable(["daily"], actor="test")
    world.close()
    copy = tmp_path_factory.mktemp("copy") / "shop"
    shutil.copytree(world.root, copy)
    return world.root, copy


@pytest.fixture
def shop(made: tuple[Path, Path]) -> Iterator[World]:
    world = Restored(*made)
    yield world
    world.close()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def scheduler(shop: World, said: list[str]) -> Iterator[WorkflowScheduler]:
    with WorkflowScheduler(shop.root, notice=said.append) as scheduler:
        yield scheduler


def periodic(scheduler: WorkflowScheduler, cron: str = NEVER, table: str = "`shop`.`main`.`t1`", **more: Any) -> Any:
    return scheduler.create_refresh_workflow(CreatePeriodicRefreshWorkflow(table, "SELECT 1", cron, **more))


def status(scheduler: WorkflowScheduler, handle: RefreshHandle) -> WorkflowStatus:
    return scheduler.workflow_info(handle).status


def finish(scheduler: WorkflowScheduler, handle: RefreshHandle, *, seconds: float = 30) -> Any:
    """Do rounds until a refresh has ended."""
    end = time.monotonic() + seconds
    state = scheduler.refresh_status(handle)
    while not state.status.is_terminal and time.monotonic() < end:
        scheduler.run_pending(seconds)
        state = scheduler.refresh_status(handle)
    return state


# --- the whole way ---------------------------------------------------------------------------------------------


def test_a_periodic_workflow_fires_runs_and_goes(shop: World, scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler, "* * * * * ?")
    assert scheduler.refresh_status(handle).status is OperationStatus.INITIALIZED
    assert status(scheduler, handle) is WorkflowStatus.ACTIVATED

    state = finish(scheduler, handle)
    assert (state.status, state.progress, state.error) == (OperationStatus.FINISHED, 100.0, None)
    assert (state.retry_count, state.rows) == (0, 1)
    assert state.duration is not None
    info = scheduler.workflow_info(handle)
    assert info.last_status is OperationStatus.FINISHED
    assert info.last_execution is not None
    assert info.next_execution is not None
    assert info.next_execution > info.last_execution > info.created_at
    assert info.last_refresh is not None
    assert scheduler.workflow_info(info.last_refresh).handle == handle

    scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(handle))
    assert [info.id for info in scheduler.workflows()] == ["daily"]
    assert shop.rows("SELECT n, total FROM t1") == [("3", "6")]


# --- workflows: the seed's tables of transitions and words -----------------------------------------------------


def test_create_suspend_resume_modify_delete_all_succeed(scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler, "0 0/1 * * * ?")
    scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
    scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle, {}))
    scheduler.modify_refresh_workflow(ModifyRefreshWorkflowCronExpression(handle, "0 0/30 * * * ?"))
    assert scheduler.workflow_info(handle).cron == "0 0/30 * * * ?"
    scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(handle))
    assert all(info.handle != handle for info in scheduler.workflows())


def test_creating_makes_a_workflow_and_no_data(shop: World, scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler, "0 2 * * *", time_zone="Europe/Berlin")
    [info] = [one for one in scheduler.workflows() if one.handle == handle]
    assert (info.status, info.cron, info.time_zone, info.table) == (
        WorkflowStatus.ACTIVATED, "0 2 * * *", "Europe/Berlin", None,
    )  # fmt: skip
    assert info.next_execution is not None
    assert info.last_execution is None
    assert shop.status("t1").health == "never"
    assert scheduler.refresh_handle_serializer.deserialize(str(handle).encode()) == handle


def test_a_refused_creation_leaves_nothing(scheduler: WorkflowScheduler) -> None:
    before = scheduler.workflows()
    for table, cron, code in [("t1", "0 61 * * * ?", "schedule"), ("nothing", NEVER, "table_unknown")]:
        with pytest.raises(WorkflowError) as caught:
            periodic(scheduler, cron, table)
        assert caught.value.code == code
        assert str(caught.value) == f"Failed to create periodic refresh workflow for materialized table {table}."
        assert caught.value.__cause__ is caught.value.error
    assert scheduler.workflows() == before


def test_a_second_workflow_of_a_table_is_refused_in_flinks_words(scheduler: WorkflowScheduler) -> None:
    periodic(scheduler)
    with pytest.raises(WorkflowError) as caught:
        periodic(scheduler, table="t1")
    assert caught.value.error.what == (
        "Materialized table `shop`.`main`.`t1` quartz schedule job already exist, job info: default_group.t1.refresh."
    )


@pytest.mark.parametrize(
    ("request_", "verb", "said_"),
    [
        (SuspendRefreshWorkflow, "suspend", "suspend refresh workflow"),
        (ResumeRefreshWorkflow, "resume", "resume refresh workflow"),
        (
            lambda handle: ResumeRefreshWorkflow(handle, {"k": "v"}),
            "resume",
            "resume refresh workflow",
        ),
        (
            lambda handle: ModifyRefreshWorkflowCronExpression(handle, "0/1 * * * * ?"),
            "modify",
            "modify refresh workflow freshness for",
        ),
    ],
)
def test_what_is_not_there_is_told_in_flinks_words(
    scheduler: WorkflowScheduler, request_: Any, verb: str, said_: str
) -> None:
    with pytest.raises(WorkflowError) as caught:
        scheduler.modify_refresh_workflow(request_(RefreshHandle("non-exits")))
    assert str(caught.value) == (
        f"Failed to {said_} {{\n  workflowName: non-exits,\n  workflowGroup: default_group\n}}."
    )
    assert caught.value.error.what == (
        f"Failed to {verb} a non-existent quartz schedule job: default_group.non-exits."
    )
    assert caught.value.error.kind == "not_found"


def test_deleting_what_is_not_there_succeeds(scheduler: WorkflowScheduler) -> None:
    scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(RefreshHandle("non-exits")))
    scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(RefreshHandle("0" * 26)))


def test_classes_that_nobody_knows_are_refused_in_flinks_words(scheduler: WorkflowScheduler) -> None:
    class UnsupportedCreateRefreshWorkflow: ...

    class UnsupportedModifyRefreshWorkflow: ...

    with pytest.raises(WorkflowError) as caught:
        scheduler.create_refresh_workflow(UnsupportedCreateRefreshWorkflow())  # type: ignore[arg-type]
    assert str(caught.value) == "Unsupported create refresh workflow type UnsupportedCreateRefreshWorkflow."
    with pytest.raises(WorkflowError) as caught:
        scheduler.modify_refresh_workflow(UnsupportedModifyRefreshWorkflow())  # type: ignore[arg-type]
    assert str(caught.value) == "Unsupported modify refresh workflow type UnsupportedModifyRefreshWorkflow."


def test_suspended_stays_suspended_and_comes_back_under_the_same_handle(scheduler: WorkflowScheduler) -> None:
    """The statement of a person refuses a second SUSPEND in Flink; its scheduler, which this is, takes it."""
    handle = periodic(scheduler)
    for _ in range(2):
        scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
        assert status(scheduler, handle) is WorkflowStatus.SUSPENDED
        assert scheduler.workflow_info(handle).next_execution is None
    scheduler.modify_refresh_workflow(ModifyRefreshWorkflowCronExpression(handle, "0 0/30 * * * ?"))
    assert status(scheduler, handle) is WorkflowStatus.SUSPENDED
    for _ in range(2):
        scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle))
        assert status(scheduler, handle) is WorkflowStatus.ACTIVATED


def options_of(shop: World, name: str = "t1.refresh") -> tuple[dict[str, str], dict[str, str]]:
    """The options of a workflow and of its task."""
    definition = shop.app.workflows.looks.detail(name).row.definition
    return dict(definition.settings), dict(definition.tasks[0].settings)


def test_options_of_a_resume_stay_with_the_workflow_until_others_come(
    shop: World, scheduler: WorkflowScheduler, said: list[str]
) -> None:
    handle = periodic(scheduler, execution_config={"execution.x": "1"})
    for options, kept in [({"k": "v"}, {"k": "v"}), ({}, {"k": "v"}), ({"l": "w"}, {"l": "w"})]:
        scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
        scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle, options))
        assert options_of(shop) == ({"execution.x": "1"}, kept)
    assert shop.app.show("t1").options == {}
    assert "the option 'k' is kept and has no effect here" in said


def test_a_bad_option_resumes_nothing(scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler)
    scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
    for options, catchup, code in [({"parallelism.default": "x"}, None, "setting_value"), ({}, "some", "catchup")]:
        with pytest.raises(WorkflowError) as caught:
            scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle, options, catchup))
        assert caught.value.code == code
    assert status(scheduler, handle) is WorkflowStatus.SUSPENDED


def test_what_was_missed_while_suspended_comes_back_as_asked(scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler, "* * * * * ?")
    scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
    made = scheduler.refresh_status(handle).handle
    end = time.monotonic() + 1.1
    while time.monotonic() < end:  # a whole second goes by on the machine's clock
        scheduler.run_pending()
    scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle, catchup="latest"))
    scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
    assert scheduler.refresh_status(handle).handle != made


def test_a_changed_query_changes_neither_status_nor_schedule(shop: World, scheduler: WorkflowScheduler) -> None:
    handle = periodic(scheduler)
    for suspend in (False, True):
        if suspend:
            scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
        before = scheduler.workflow_info(handle)
        shop.table("t1", FULL.replace("count(*)", f"count(*) + {1 + suspend}"))
        assert scheduler.apply() == ("t1",)
        assert scheduler.workflow_info(handle) == before


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_table_goes_after_its_workflow(shop: World, scheduler: WorkflowScheduler, is_gone: bool) -> None:  # noqa: FBT001
    handle = periodic(scheduler)
    with fails("table_in_use", "t1.refresh"):
        shop.app.drop_tables(["t1"])
    for _ in range(1 + is_gone):
        scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(handle))
    shop.app.drop_tables(["t1"])
    with pytest.raises(WorkflowError) as caught:
        scheduler.refresh_materialized_table("t1")
    assert caught.value.code == "table_unknown"


def test_the_workflow_of_a_table_file_is_suspended_but_neither_rescheduled_nor_deleted(
    scheduler: WorkflowScheduler,
) -> None:
    handle = RefreshHandle("daily")
    scheduler.modify_refresh_workflow(ResumeRefreshWorkflow(handle, catchup="none"))
    assert status(scheduler, handle) is WorkflowStatus.ACTIVATED
    scheduler.modify_refresh_workflow(SuspendRefreshWorkflow(handle))
    for verb, request in [
        (scheduler.modify_refresh_workflow, ModifyRefreshWorkflowCronExpression(handle, NEVER)),
        (scheduler.delete_refresh_workflow, DeleteRefreshWorkflow(handle)),
    ]:
        with pytest.raises(WorkflowError) as caught:
            verb(request)  # type: ignore[operator]
        assert "tables/daily.sql" in str(caught.value.error)


# --- options of a creation -------------------------------------------------------------------------------------


def test_options_of_session_and_execution_reach_the_workflow(
    shop: World, scheduler: WorkflowScheduler, said: list[str]
) -> None:
    init = {"table.local-time-zone": "Asia/Shanghai", "workflow-scheduler.type": "embedded", "pipeline.name": "x"}
    execution = {
        "refresh.condition": "SELECT true", "refresh.max.records": "5", "parallelism.default": "2",
        "state.backend": "y",
    }  # fmt: skip
    handle = periodic(scheduler, init_config=init, execution_config=execution)
    definition = shop.app.workflows.looks.detail(handle.id).row.definition
    assert (definition.zone, definition.comment) == ("Asia/Shanghai", "SELECT 1")
    assert (definition.tasks[0].when, definition.tasks[0].max_rows) == ("SELECT true", 5)
    assert dict(definition.settings) == {"pipeline.name": "x", "parallelism.default": "2", "state.backend": "y"}
    kept = [line for line in said if "kept" in line]
    assert kept == [f"the option '{key}' is kept and has no effect here" for key in ("pipeline.name", "state.backend")]


def test_a_table_with_a_schedule_of_its_own_is_warned_of(scheduler: WorkflowScheduler, said: list[str]) -> None:
    periodic(scheduler, table="daily")
    assert "table daily has a schedule of its own (0 0 0 * * ? *): both fire" in said


# --- refreshes -------------------------------------------------------------------------------------------------


def days(shop: World) -> dict[str, str]:
    return {day or "": v or "" for day, v in shop.rows("SELECT ds, v FROM daily ORDER BY ds")}


def test_a_static_partition_is_overwritten_and_no_other(shop: World, scheduler: WorkflowScheduler) -> None:
    shop.fill("daily")
    shop.days({"2024-01-01": [1, 10], "2024-01-02": [2]})
    handle = scheduler.refresh_materialized_table(
        "daily", partitions={"ds": "2024-01-02"}, schedule_time="2024-01-02 00:00:00"
    )
    assert scheduler.refresh_status(handle).status is OperationStatus.PENDING
    assert handle.is_instance
    state = finish(scheduler, handle)
    assert (state.status, state.rows, state.progress) == (OperationStatus.FINISHED, 1, 100.0)
    assert days(shop) == {"2024-01-01": "1", "2024-01-02": "2"}
    assert status(scheduler, RefreshHandle("daily")) is WorkflowStatus.SUSPENDED


def test_an_empty_result_clears_the_partition(shop: World, scheduler: WorkflowScheduler) -> None:
    shop.fill("daily")
    shop.days({"2024-01-01": [1]})
    finish(scheduler, scheduler.refresh_materialized_table("daily", partitions={"ds": "2024-01-02"}))
    assert days(shop) == {"2024-01-01": "1"}


def test_without_partitions_all_of_the_table_is_overwritten(shop: World, scheduler: WorkflowScheduler) -> None:
    for _ in range(2):  # fresh or not
        shop.days({"2024-01-01": [7], "2024-01-03": [8]})
        state = finish(scheduler, scheduler.create_refresh_workflow(CreateOneTimeRefreshWorkflow("daily")))
        assert (state.status, state.rows) == (OperationStatus.FINISHED, 2)
    assert days(shop) == {"2024-01-01": "7", "2024-01-03": "8"}


def test_a_periodic_refresh_does_the_partition_before_its_time_and_no_static_one(
    shop: World, scheduler: WorkflowScheduler
) -> None:
    handle = scheduler.refresh_materialized_table(
        "`shop`.`main`.`daily`",
        partitions={"ds": "2024-01-02", "other": "x"},
        is_periodic=True,
        schedule_time="2024-01-02 00:00:00",
    )
    assert finish(scheduler, handle).status is OperationStatus.FINISHED
    assert days(shop) == {"2024-01-01": "1"}


def test_a_periodic_refresh_leaves_no_partition_of_its_freshness_out(shop: World, scheduler: WorkflowScheduler) -> None:
    """Flink would do the hour 00 only and leave 23 of them stale."""
    shop.table("hourly", HOURLY)
    scheduler.apply()
    handle = scheduler.refresh_materialized_table("hourly", is_periodic=True, schedule_time="2024-01-02 00:00:00")
    finish(scheduler, handle)
    states = shop.states("hourly")
    assert {label for label, state in states.items() if state == "fresh"} == {
        f"2024-01-01T{hour:02}" for hour in range(24)
    }


def test_a_whole_table_is_overwritten_at_any_schedule_time(shop: World, scheduler: WorkflowScheduler) -> None:
    for text in ("2024-01-02 00:00:00", "0 0 * * * ?"):
        handle = scheduler.refresh_materialized_table("t1", is_periodic=True, schedule_time=text)
        assert finish(scheduler, handle).status is OperationStatus.FINISHED
    assert shop.rows("SELECT n FROM t1") == [("3",)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            {"is_periodic": True},
            (
                "The scheduler time must not be null during the periodic refresh of the materialized table "
                "`shop`.`main`.`daily`."
            ),
        ),
        (
            {"is_periodic": True, "schedule_time": "0 0 * * * ?"},
            (
                "Failed to parse a valid partition value for the field 'ds' in materialized table "
                "`shop`.`main`.`daily` using the scheduler time '0 0 * * * ?' "
                "based on the date format 'yyyy-MM-dd HH:mm:ss'."
            ),
        ),
        (
            {"partitions": {"ds3": "2024-01-01"}},
            "The partition spec contains unknown partition keys:\n\nds3\n\nAll known partition keys are:\n\nds",
        ),
        (
            {"partitions": {"ds": 5}},
            (
                "Currently, refreshing materialized table only supports referring to char, varchar and string type "
                "partition keys. All specified partition keys in partition specs with unsupported types are:\n\nds"
            ),
        ),
        ({"partitions": {"ds": "2024-13-01"}}, "no interval has the values ds=2024-13-01"),
        ({"execution_config": {"refresh.max.records": "many"}}, "max_rows is a text, not a whole number"),
    ],
)
def test_a_refresh_that_means_nothing_is_refused(scheduler: WorkflowScheduler, words: Any, text: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        scheduler.refresh_materialized_table("daily", **words)
    assert str(caught.value) == text
    assert scheduler.refresh_status(RefreshHandle("daily")).status is OperationStatus.INITIALIZED


def test_a_partition_of_a_table_without_any_is_refused(scheduler: WorkflowScheduler) -> None:
    with pytest.raises(WorkflowError, match="unknown partition keys:\n\nds\n"):
        scheduler.refresh_materialized_table("t1", partitions={"ds": "2024-01-01"})


def test_a_condition_that_is_false_leaves_the_table_as_it_is(shop: World, scheduler: WorkflowScheduler) -> None:
    shop.fill("t1")
    shop.days({"2024-01-01": [9]})
    handle = scheduler.refresh_materialized_table("t1", execution_config={"refresh.condition": "SELECT false"})
    state = finish(scheduler, handle)
    assert (state.status, state.rows) == (OperationStatus.FINISHED, 0)
    assert shop.rows("SELECT n FROM t1") == [("3",)]


def test_too_many_rows_are_an_error_and_change_nothing(
    shop: World, scheduler: WorkflowScheduler, said: list[str]
) -> None:
    config = {"refresh.max.records": "1", "some.option": "x"}
    handle = scheduler.refresh_materialized_table("daily", execution_config=config)
    state = finish(scheduler, handle)
    assert (state.status, state.error_code, state.rows) == (OperationStatus.ERROR, "max_rows", 0)
    assert "2" in (state.error or "")
    assert said == ["the option 'some.option' is kept and has no effect here"]
    assert shop.status("daily").fresh == 0
    assert not scheduler.is_healthy("daily")


def test_cancelling_before_it_began_is_true_and_changes_nothing(shop: World, scheduler: WorkflowScheduler) -> None:
    handle = scheduler.refresh_materialized_table("daily")
    assert scheduler.cancel_refresh(handle) is True
    assert scheduler.cancel_refresh(handle) is True  # it is so still
    assert scheduler.refresh_status(handle).status is OperationStatus.CANCELED
    scheduler.run_pending()
    assert shop.status("daily").health == "never"


def test_cancelling_what_is_published_is_false(scheduler: WorkflowScheduler) -> None:
    handle = scheduler.refresh_materialized_table("t1")
    finish(scheduler, handle)
    assert scheduler.cancel_refresh(handle) is False
    assert scheduler.refresh_status(handle).status is OperationStatus.FINISHED


def test_deleting_a_one_time_refresh_cancels_it(scheduler: WorkflowScheduler) -> None:
    handle = scheduler.create_refresh_workflow(CreateOneTimeRefreshWorkflow("daily", {"ds": "2024-01-01"}))
    scheduler.delete_refresh_workflow(DeleteRefreshWorkflow(handle))
    assert scheduler.refresh_status(handle).status is OperationStatus.CANCELED


def test_cancelling_a_workflow_cancels_what_is_open_of_it(scheduler: WorkflowScheduler) -> None:
    handle = RefreshHandle("daily")
    assert scheduler.cancel_refresh(handle) is False  # nothing is open
    asked = [scheduler.refresh_materialized_table("daily") for _ in range(2)]
    assert scheduler.cancel_refresh(handle) is True
    assert {scheduler.refresh_status(one).status for one in asked} == {OperationStatus.CANCELED}


def test_a_refresh_that_nobody_knows_is_told_in_flinks_words(scheduler: WorkflowScheduler) -> None:
    handle = RefreshHandle("0" * 26)
    for ask in (scheduler.refresh_status, scheduler.cancel_refresh):
        with pytest.raises(WorkflowError) as caught:
            ask(handle)
        assert str(caught.value) == f"Can not find the submitted operation in the OperationManager with the {handle}."


# --- health, time, threads, opening ----------------------------------------------------------------------------


def test_health_counts_tables_and_workflows(scheduler: WorkflowScheduler) -> None:
    finish(scheduler, scheduler.refresh_materialized_table("t1"))
    found = scheduler.health().tables
    assert (found.total, found.healthy, found.late, found.ratio) == (2, 1, 1, 0.5)
    assert scheduler.is_healthy()
    assert scheduler.is_healthy("t1")
    assert not scheduler.is_healthy("daily")


def test_a_round_with_nothing_to_do_says_so(scheduler: WorkflowScheduler) -> None:
    report = scheduler.run_pending()
    assert (report.fired, report.done, report.failed, report.troubles) == (0, 0, 0, ())


def test_a_round_that_ran_out_of_time_gives_its_work_back_and_the_next_goes_on(
    shop: World, scheduler: WorkflowScheduler
) -> None:
    slow = "SELECT sum(a.range * b.range)::HUGEINT::VARCHAR AS n FROM range(100000) a, range(1000000) b"
    shop.table("slow", f"CREATE MATERIALIZED TABLE slow AS {slow}\n")
    scheduler.apply()
    handle = scheduler.refresh_materialized_table("slow")
    assert scheduler.run_pending(0.5).interrupted
    state = scheduler.refresh_status(handle)
    assert (state.status, state.retry_count) == (OperationStatus.RUNNING, 0)
    assert scheduler.cancel_refresh(handle) is True
    other = scheduler.refresh_materialized_table("t1")
    assert finish(scheduler, other).status is OperationStatus.FINISHED


def test_a_scheduler_belongs_to_the_thread_that_opened_it(scheduler: WorkflowScheduler) -> None:
    caught: list[str] = []

    def other() -> None:
        try:
            scheduler.workflows()
        except WorkflowError as error:
            caught.append(error.code)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert caught == ["scheduler_thread"]


def test_a_scheduler_opens_and_closes_again_and_again(shop: World) -> None:
    scheduler = WorkflowScheduler(shop.root)
    with pytest.raises(WorkflowError) as caught:
        scheduler.workflows()
    assert caught.value.code == "scheduler_closed"
    for _ in range(2):
        scheduler.open()
        scheduler.open()
        handle = scheduler.refresh_materialized_table("t1")
        scheduler.close()
        scheduler.close()
    with scheduler:
        assert finish(scheduler, handle).status is OperationStatus.FINISHED


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError) as caught:
        WorkflowScheduler(tmp_path).open()
    assert caught.value.code == "project_missing"


# --- the factory -----------------------------------------------------------------------------------------------


def test_the_factory_is_found_by_its_type(shop: World) -> None:
    factory = WorkflowSchedulerFactory()
    assert factory.identifier == "embedded"
    options = {
        "workflow-scheduler.type": "embedded", "workflow-scheduler.project": str(shop.root),
        "workflow-scheduler.retries": "5", "workflow-scheduler.misfire": "none", "sql-gateway.x": "1",
    }  # fmt: skip
    scheduler = create_workflow_scheduler(options)
    assert scheduler is not None
    with scheduler:
        handle = periodic(scheduler)
    definition = shop.app.workflows.looks.detail(handle.id).row.definition
    assert definition.retries == 5
    assert definition.misfire is not None
    assert definition.misfire.kind == "none"


def test_without_a_type_there_is_no_scheduler() -> None:
    assert create_workflow_scheduler({"workflow-scheduler.project": "x"}) is None


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"type": "quartz"}, "scheduler_type", "Could not find any factory for identifier 'quartz'"),
        ({"type": "embedded"}, "scheduler_option", "Missing required options are:\n\nproject"),
        ({"type": "embedded", "project": "x", "y": "1"}, "scheduler_option", "Unsupported options:\n\ny\n"),
        ({"type": "embedded", "project": "x", "retries": "many"}, "scheduler_option", "'retries'"),
    ],
)
def test_wrong_options_are_named(options: dict[str, str], code: str, text: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        create_workflow_scheduler({f"workflow-scheduler.{key}": value for key, value in options.items()})
    assert caught.value.code == code
    assert text in str(caught.value)
