"""Handmade answers of the services, and a project that gives them: the command line under test sees nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mtctl.core.health import Health
from mtctl.core.interval import MAX_INSTANT, MIN_INSTANT, IntervalSet
from mtctl.core.model import Column, Mode
from mtctl.core.states import InstanceState, Outcome, TaskState, Trigger
from mtctl.core.values import replace
from mtctl.ports import AttemptRow, EventRow, InstanceRow, QueryResult, TaskRow
from mtctl.services.reports import (
    Applied,
    ApplyPlan,
    Change,
    Created,
    Finding,
    GcReport,
    InstanceDetail,
    PartitionRow,
    PlannedStep,
    RefreshReport,
    Status,
    TableDetail,
    TableResult,
    TableStatus,
    TaskEvent,
    VerifyReport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

NOON = 1_357_041_600_000_000  # 2013-01-01T12:00:00Z
DAY = 86_400_000_000

FRESH = TableStatus(
    table="flights_daily", health=Health.FRESH, mode=Mode.INTERVAL, grain="day", wanted=365, fresh=365,
    missing_count=0, stale_count=0, missing="", stale="", why="", rows=5432, bytes=123_456, files=2,
    last_success_at=NOON, last_outcome="success", last_error=None, running=None, schedule=None,
    freshness="INTERVAL '1' DAY", origin="file", file="tables/flights_daily.sql", comment="Flights",
    tags={"team": "ops"},
)  # fmt: skip

LATE = replace(
    FRESH, table="delay_by_weather", health=Health.LATE, fresh=360, missing_count=2, stale_count=3,
    missing="2013-12-30..2013-12-31", stale="2013-02-03..2013-02-05", why="upstream flights_daily changed",
    comment=None,
)  # fmt: skip

STATUS = Status(
    project="nycflights13", tables=(FRESH, LATE), changed_sources=("data/weather.parquet",),
    unapplied=("tables/new.sql",), vanished=("tables/old.sql",), running=(), snapshot_id=7,
)  # fmt: skip

DETAIL = TableDetail(
    status=FRESH, ddl="CREATE MATERIALIZED TABLE flights_daily AS\nSELECT 1", query="SELECT 1",
    columns=(Column(name="flights", type="HUGEINT", stored_type="DECIMAL(38,0)", lake_type="decimal", note="cast"),),
    upstream=(), downstream=("delay_by_weather",), sources=("data/flights.parquet",), zone="America/New_York",
    start="2013-01-01", end="2014-01-01", refresh_mode=None, coverage="2013 ████████", batchable=True, params=(),
    volatile=(), options={"partition.grain": "day"}, fingerprint="abc", epoch=1,
)  # fmt: skip

PARTITIONS = [
    PartitionRow(
        interval="2013-01-01", start=NOON - NOON % DAY, end=NOON - NOON % DAY + DAY, state="fresh", reason="", rows=14,
        file="a-1.parquet", attempt="01A", refreshed_at=NOON, fingerprint="mt1",
    ),
    PartitionRow(
        interval="whole table", start=MIN_INSTANT, end=MAX_INSTANT, state="stale", reason="definition changed", rows=1,
        file=None, attempt=None, refreshed_at=None, fingerprint=None,
    ),
]  # fmt: skip

INSTANCE = InstanceRow(
    instance_id=1, ulid="01JD4NAAAAAAAAAAAAAAAAAAAA", title="refresh flights_daily", trigger=Trigger.MANUAL,
    state=InstanceState.FAILED, queue="default", holder=None, detached=False, cancel_requested=False, created_at=NOON,
    started_at=NOON, ended_at=NOON + 2_500_000, tasks=((TaskState.SUCCESS, 1), (TaskState.FAILED, 1)), rows=14,
    manifest={},
)  # fmt: skip

TASK = TaskRow(
    task_id=5, instance_id=1, name="flights_daily", table_id=1, batch=None, intervals=IntervalSet(), interval_count=1,
    reasons=(("missing", 1),), forced=False, state=TaskState.FAILED, why="", tries=1, max_tries=1, ready_at=NOON,
    upstream=(), attempt_id=9, started_at=NOON, ended_at=NOON, rows=None, seconds=0.5, error_code="query_failed",
    error="division by zero", holder=None,
)  # fmt: skip

ATTEMPT = AttemptRow(
    attempt_id=9, ulid="01ATT", task_id=5, number=1, holder="pid 7", outcome=Outcome.FAILED, started_at=NOON,
    ended_at=NOON, snapshot_id=None, intervals=1, rows=None, bytes=None, seconds=0.5, error_code="query_failed",
    error="division by zero",
)  # fmt: skip

EVENT = EventRow(
    event_id=1, at=NOON, kind="failed", table_id=1, instance_id=1, task_id=5, attempt_id=9, detail={"why": "x"}
)

INSTANCE_DETAIL = InstanceDetail(
    instance=INSTANCE, tasks=(TASK,), attempts=(ATTEMPT,), events=(EVENT,), labels={5: "2013-01-01"}
)

NEW = Change(
    table="top", action="create", file="tables/top.sql", diff=("query", "+ SELECT 1"), notes=("HUGEINT is cast",),
    wanted="2013-01-01..2013-12-31", intervals=365,
)  # fmt: skip
DROP = Change(table="old", action="drop", file="tables/old.sql")
SAME = Change(table="flights_daily", action="none", file="tables/flights_daily.sql")


def plan_of(*changes: Change) -> ApplyPlan:
    return ApplyPlan(changes=changes, problems=(), pending=any(change.action != "none" for change in changes))


def result(table: str, state: str, *, error: str | None = None, code: str | None = None) -> TableResult:
    return TableResult(
        table=table, state=state, intervals=3, tasks=1, rows=30, seconds=0.25, error=error, error_code=code
    )


def report(*tables: TableResult, not_ready: tuple[str, ...] = (), interrupted: bool = False) -> RefreshReport:
    return RefreshReport(
        instance="01JD4N", state=InstanceState.SUCCESS, plan=(), tables=tables, not_ready=not_ready, notes=(),
        seconds=1.5, interrupted=interrupted,
    )  # fmt: skip


STEP = PlannedStep(
    table="flights_daily", interval="2013-01-01..2013-01-31", intervals=31, reasons=("missing 31",), after=()
)

VERIFY_CLEAN = VerifyReport(tables=2, files=3, intervals=365, rows=9, bytes=2048, findings=(), notes=(), seconds=0.1)
VERIFY_RED = replace(
    VERIFY_CLEAN, findings=(Finding(table="t", check="sha256", intervals="2013-02-03", detail="the file differs"),)
)

GC = GcReport(removed=("lake/data/x.parquet",), bytes=100, kept_young=1, dry_run=False)


def rows_of(rows: list[list[str | None]], columns: tuple[str, ...], types: tuple[str, ...]) -> QueryResult:
    return QueryResult(columns=columns, types=types, chunks=iter([rows]))


@dataclass
class FakeProject:
    """A project whose services answer what they are told to, and remember what they were asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    events: tuple[TaskEvent, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    patience = 1

    def interrupt(self) -> None:
        self.asked.append(("interrupt", (), {}))

    def open_app(self, directory: Any, _notice: Any) -> FakeProject:
        self.asked.append(("open_app", (directory,), {}))
        return self

    def init_project(self, directory: Any, **named: Any) -> Created:
        self.asked.append(("init_project", (directory,), named))
        return Created(root=str(directory), name="shop", files=("mtctl.toml",), example=named["example"])

    def refresh(self, args: Any, on_event: Any) -> Any:
        self.asked.append(("refresh", (args,), {}))
        for event in self.events:
            on_event(event)
        return self._answer("refresh")

    def up_once(self, _on_event: Any, *, apply: bool) -> Any:
        self.asked.append(("up_once", (), {"apply": apply}))
        return (Applied(changes=(NEW,), seconds=0.1) if apply else None), self._answer("refresh")

    def __getattr__(self, name: str) -> Any:
        if name not in self.answers:
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> Any:
            self.asked.append((name, given, named))
            return self._answer(name)

        return call

    def _answer(self, name: str) -> Any:
        answer = self.answers[name]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def endless(counter: list[int], chunk: int) -> Iterator[list[list[str | None]]]:
    """Give chunks for ever and count them."""
    while True:
        counter[0] += 1
        yield [["1", "x"]] * chunk
