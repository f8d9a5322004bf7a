"""Why, over real projects: the facts are those of the state file and the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_kit import DAILY, fails

from mtctl.core.why import Cause
from mtctl.services.queues import QueueArgs

if TYPE_CHECKING:
    from service_kit import World

    from mtctl.core.why import Link

MONTHLY = "CREATE MATERIALIZED TABLE monthly {options} AS SELECT sum(n)::BIGINT AS n FROM daily\n"


def prepared(world: World, options: str = "") -> World:
    """A table by day and one that reads it, applied and empty."""
    world.days({"2013-01-01": [1], "2013-01-02": [2]})
    world.table("daily", DAILY)
    world.table("monthly", MONTHLY.format(options=options))
    world.apply()
    return world


def root(world: World, name: str) -> Link:
    return world.app.operator.whys.why(name).why.root


def causes(world: World, name: str) -> list[tuple[str, Cause]]:
    return [(link.subject, link.cause) for link in world.app.operator.whys.why(name).chain]


def test_from_nothing_to_fresh(world: World) -> None:
    prepared(world)
    assert causes(world, "monthly") == [("monthly", Cause.UPSTREAM), ("daily", Cause.ON_DEMAND)]
    world.fill("daily")
    assert causes(world, "monthly") == [("monthly", Cause.ON_DEMAND)]
    assert "2013" not in root(world, "monthly").text
    world.fill("monthly")
    assert root(world, "MONTHLY").cause is Cause.NOTHING
    assert "all 4 wanted intervals are fresh" in root(world, "daily").text


def test_what_waits_tells_its_queue_its_hold_and_that_nobody_looks(world: World) -> None:
    prepared(world)
    operator = world.app.operator
    report = world.refresh("daily", detach=True)
    assert report.instance is not None
    assert root(world, "daily").cause is Cause.NOBODY
    operator.queues.pause("default", "lunch")
    assert causes(world, "monthly") == [("monthly", Cause.UPSTREAM), ("daily", Cause.QUEUE_PAUSED)]
    assert "lunch" in root(world, report.instance).text
    operator.queues.resume("default")
    operator.instances.suspend([report.instance], reason="disk full")
    assert "disk full" in root(world, "daily").text
    assert operator.whys.why(report.instance[:20]).kind == "instance"
    operator.instances.cancel([report.instance], wait_seconds=1)
    assert root(world, "daily").cause is Cause.CANCELLED
    assert root(world, report.instance).cause is Cause.CANCELLED


def test_a_failure_tells_its_error_and_a_lost_source_is_told_first(world: World) -> None:
    prepared(world)
    source = world.data("in.csv", "d,v\n2013-01-01,not a number\n")
    world.refresh("daily")
    failed = root(world, "daily")
    assert failed.cause is Cause.FAILED
    assert "instance retry" in failed.fix
    source.unlink()
    assert root(world, "daily").cause is Cause.SOURCE_MISSING


def test_files_that_are_not_applied(world: World) -> None:
    prepared(world)
    world.fill("daily")
    world.table("daily", DAILY.replace("count(*)", "count(v)"))
    assert root(world, "daily").cause is Cause.NOT_APPLIED
    world.table("new", "CREATE MATERIALIZED TABLE new AS SELECT 1 AS one\n")
    with fails("subject_unknown", "tables/new.sql", "mtctl apply"):
        root(world, "new")
    with fails("subject_unknown", "did you mean 'daily'"):
        root(world, "dayly")


def test_schedules_and_workflows(world: World) -> None:
    prepared(world, "WITH ('schedule' = '0 2 * * *')")
    world.fill("daily")
    assert root(world, "monthly").cause is Cause.NOT_DUE
    world.app.workflows.edits.disable(["monthly"], actor="ana", reason="")
    assert root(world, "monthly").cause is Cause.DISABLED


def test_what_runs_names_who_runs_it_and_what_waits_for_it_says_so(world: World) -> None:
    prepared(world)
    first, second = world.refresh("daily", detach=True), world.refresh("monthly", upstream=True, detach=True)
    assert first.instance is not None
    assert second.instance is not None
    with world.app._store.write() as tx:
        holder = tx.add_holder(ulid="H" * 26, kind="worker", pid=1, pid_started=1, command="`mtctl up` (pid 1)")
        assert tx.claim(holder, attempt_ulid="A" * 26, instance_id=None) is not None
    assert root(world, "daily").cause is Cause.RUNNING
    assert "`mtctl up` (pid 1)" in root(world, "daily").text
    assert root(world, second.instance).cause is Cause.TABLE_BUSY
    assert causes(world, "monthly") == [("monthly", Cause.TASK), ("daily", Cause.TABLE_BUSY)]


def test_a_full_queue_names_who_holds_it(world: World) -> None:
    prepared(world)
    world.app.operator.queues.set("default", QueueArgs(slots=1))
    world.table("other", "CREATE MATERIALIZED TABLE other AS SELECT 1 AS one\n")
    world.apply()
    world.refresh("other", detach=True)
    world.refresh("daily", detach=True)
    with world.app._store.write() as tx:
        holder = tx.add_holder(ulid="H" * 26, kind="worker", pid=1, pid_started=1, command="`mtctl up` (pid 1)")
        assert tx.claim(holder, attempt_ulid="A" * 26, instance_id=None) is not None
    full = root(world, "daily")
    assert full.cause is Cause.QUEUE_FULL
    assert "`mtctl up` (pid 1)" in full.text
