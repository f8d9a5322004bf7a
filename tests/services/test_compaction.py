"""Compaction over the real store and the real engine: fewer files, the same rows, and refreshes have the way."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from service_kit import World, fails

from mtctl.clock import SystemClock
from mtctl.config import load_project
from mtctl.core.compaction import REST, WARM
from mtctl.core.states import Trigger
from mtctl.lake.files import LakeFiles
from mtctl.ports import NewInstance, NewTask
from mtctl.services.compaction import Compactor
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.ports import Engine
    from mtctl.services.reports import CompactReport

DAYS = 60
EACH = 50
TABLE = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-03-02'{options})
AS SELECT {day} AS d, i AS n, 'row ' || i AS s FROM range(3000) r(i)
"""
NATIVE = "DATE '2013-01-01' + (i // 50)::INTEGER"


def make(world: World, *, day: str = NATIVE, options: str = "", target: int = 500) -> World:
    """Sixty days of fifty rows, ten days a file."""
    world.settings(f'name = "shop"\n[lake]\ntarget_file_rows = {target}\n')
    world.table("daily", TABLE.format(day=day, options=options))
    world.apply()
    world.fill("daily")
    return world


def again(world: World, *days: int) -> None:
    for day in days:
        label = (date(2013, 1, 1) + timedelta(days=day)).isoformat()
        world.fill("daily", intervals=(label,), force=True)


def live(world: World) -> int:
    [(files,)] = sql(world, "SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL")
    return files


def sql(world: World, text: str) -> list[tuple]:
    with closing(open_store(world.root / ".mtctl" / "state.db", SystemClock())) as store, store.read() as view:
        return view.session.connection.execute(text).fetchall()


def books(world: World) -> list[tuple]:
    return sql(
        world, "SELECT start_at, begin_snapshot, end_snapshot, attempt_id, fingerprint FROM ledger ORDER BY 1, 2"
    ) + sql(world, "SELECT * FROM coverage")


def check(world: World) -> None:
    assert world.rows("SELECT count(*), count(DISTINCT n), sum(n), count(DISTINCT d) FROM daily") == [
        ("3000", "3000", str(sum(range(3000))), "60")
    ]
    assert world.app.verify(()).findings == ()


def compact(world: World, *, dry_run: bool = False) -> CompactReport:
    return world.app.lake.compact((), dry_run=dry_run)


def test_small_files_become_few_and_nothing_is_credited_anew(world):
    make(world)
    assert live(world) == 6
    again(world, 3, 17, 18, 19, 40, 3)
    before, files = books(world), live(world)

    planned = compact(world, dry_run=True)
    assert (live(world), books(world)) == (files, before), "a dry run writes nothing"
    done = compact(world)

    assert [(one.files, one.into) for one in planned.tables] == [(one.files, one.into) for one in done.tables]
    assert files == 11
    assert live(world) == 6
    assert books(world) == before
    assert done.troubles == ()
    assert compact(world).tables == (), "a second time there is nothing to do"
    assert list((world.root / "lake" / "_staging").iterdir()) == []
    check(world)


def test_days_written_in_a_way_that_does_not_sort_keep_their_order_of_time(world):
    make(world, day=f"strftime({NATIVE}, '%d.%m.%Y')", options=", 'partition.fields.d.date-formatter' = 'dd.MM.yyyy'")
    again(world, 30, 31, 5)
    compact(world)
    again(world, 31)
    check(world)


@pytest.mark.campaign
def test_many_refreshes_in_any_order_leave_few_files(world):
    make(world)
    turn = random.Random(3)  # noqa: S311 - the order only
    for number in range(120):
        again(world, turn.randrange(DAYS))
        if number % 40 == 39:
            compact(world)
            assert live(world) <= 9, "one and a half times the six of a table that was just built"
            check(world)


def test_a_table_that_is_being_refreshed_is_left_alone(world):
    make(world)
    again(world, 3, 4)
    files = live(world)
    with closing(open_store(world.root / ".mtctl" / "state.db", SystemClock())) as store:
        with store.write() as tx:
            holder = tx.add_holder(ulid="H" * 26, kind="cli", pid=1, pid_started=1, command="test")
            [table] = tx.tables()
            task = NewTask(key=0, name="daily", table_id=table.table_id, forced=True)
            tx.add_instance(
                NewInstance(ulid="I" * 26, title="x", trigger=Trigger.MANUAL, manifest={}, tasks=(task,),
                            holder_id=None, detached=True)
            )  # fmt: skip
            claimed = tx.claim(holder, attempt_ulid="A" * 26, instance_id=None)
        assert claimed is not None

        clock = SystemClock()
        compactor = Compactor(load_project(world.root), store, fails_to_start, LakeFiles(world.root / "lake"), clock)
        assert compactor.compact((), None).tables == ()
    assert live(world) == files


def fails_to_start() -> Engine:
    raise AssertionError("no engine is needed where nothing may be merged")


def test_a_round_waits_until_a_table_is_at_rest(world):
    make(world)
    again(world, 3, 17, 18, 40)
    now = SystemClock().now()
    project, lake = load_project(world.root), LakeFiles(world.root / "lake")
    with closing(open_store(project.state_file, SystemClock())) as store:

        def later(age: int, engine: Callable[[], Engine] = fails_to_start) -> Compactor:
            return Compactor(project, store, engine, lake, FakeClock(now=now + age, boottime=0))

        ages = (0, WARM // 2, 2 * WARM, REST // 2, 2 * REST)
        assert [later(age).is_due() for age in ages] == [False, False, False, False, True]
        with world.app._own.dispatching("upkeep", lambda _: None) as dispatcher:
            assert later(2 * REST, world.app._own.engine).round(dispatcher.holder, lambda: True).tables == ()
            report = later(2 * REST, world.app._own.engine).round(dispatcher.holder)
        assert [(one.files, one.into) for one in report.tables] == [(7, 3)]
        assert not later(3 * REST).is_due()
    check(world)


def test_an_unknown_table_is_refused(world):
    make(world)
    with fails("table_unknown"):
        world.app.lake.compact(("dayly",), dry_run=True)
