"""Retention at the store: what goes, what stays readable, and what protects it. Real rows, a clock moved by hand."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, days, definition, full, kit_at, new_holder, new_instance, noop, reopened, source

from mtctl.core.interval import WHOLE
from mtctl.core.retention import DAY, HOUR, Limits, Policy
from mtctl.core.states import Trigger
from mtctl.ports.workflows import Fired, Mark
from mtctl.services.retention import Retention, Steps
from mtctl.store.retention import tables_in

if TYPE_CHECKING:
    from pathlib import Path

    from fakes import FakeClock

MINUTE = 60
FEW = Policy(limits=Limits(versions=3, age=2 * DAY))


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def expire(kit: Kit, policy: Policy = FEW, **more):
    return Retention(kit.store, kit.clock, policy).expire(dry_run=False, **more)


def snapshots(kit: Kit) -> list[int]:
    return [one for (one,) in kit.sql("SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")]


def seen(kit: Kit, snapshot: int, table_ids: list[int]) -> dict[int, list[tuple[object, ...]]]:
    """Return what a snapshot shows of tables, by the ledger, after a look that the files of all of it are there."""
    shown = {}
    with kit.store.read() as view:
        for table_id in table_ids:
            rows = view.ledger(table_id, WHOLE, snapshot)
            files = {one.file_id for one in view.data_files(table_id, snapshot)}
            assert {row.file_id for row in rows if row.file_id is not None} == files
            shown[table_id] = [(row.interval, row.fingerprint, row.rows, row.attempt_id) for row in rows]
    return shown


def test_what_is_left_shows_what_it_showed_and_nothing_dead_is_left(kit):
    chance = random.Random(7)  # noqa: S311 - the same refreshes each time
    ids = list(kit.put(definition("a"), definition("b"), full("c")).values())
    shown = {}
    for round_ in range(60):
        for table_id in chance.sample(ids, chance.randint(1, 3)):
            first = chance.randrange(4)
            intervals = [WHOLE] if table_id == ids[2] else days(first, first + chance.randint(1, 3))
            kit.refresh(table_id, dict.fromkeys(intervals, f"f{chance.randrange(3)}"))
        newest = snapshots(kit)[-1]
        shown[newest] = seen(kit, newest, ids)
        kit.clock.advance(chance.choice([MINUTE, 20 * MINUTE, 3 * 3600, 86_400]))
        if round_ % 3 == 0:
            expire(kit)
    expire(kit)

    left = snapshots(kit)
    assert 3 < len(left) < 25
    for snapshot in left:
        if snapshot in shown:
            assert seen(kit, snapshot, ids) == shown[snapshot]
    for table in ("ducklake_data_file", "ledger"):
        dead = f"""SELECT count(*) FROM {table} f WHERE f.end_snapshot IS NOT NULL AND NOT EXISTS
                   (SELECT 1 FROM ducklake_snapshot s
                    WHERE s.snapshot_id >= f.begin_snapshot AND s.snapshot_id < f.end_snapshot)"""
        assert kit.sql(dead) == [(0,)]
    assert kit.sql("SELECT count(*) FROM lake_gap") == [(0,)]
    orphans = """SELECT (SELECT count(*) FROM data_file_digest WHERE data_file_id NOT IN
                         (SELECT data_file_id FROM ducklake_data_file)),
                        (SELECT count(*) FROM ducklake_file_column_stats WHERE data_file_id NOT IN
                         (SELECT data_file_id FROM ducklake_data_file)),
                        (SELECT count(*) FROM ducklake_snapshot_changes WHERE snapshot_id NOT IN
                         (SELECT snapshot_id FROM ducklake_snapshot))"""
    assert kit.sql(orphans) == [(0, 0, 0)]
    assert kit.sql("PRAGMA foreign_key_check") == []
    for table_id in ids:
        kit.coverage(table_id)
        with kit.store.read() as view:
            assert view.audit(table_id) == []


def test_a_dead_file_is_scheduled_by_its_path_below_the_data_folder(kit):
    table_id = kit.put(full("a"))["a"]
    kit.refresh(table_id, {WHOLE: "x"})
    with kit.store.read() as view:
        [path] = view.file_paths([table_id], view.snapshot())[table_id]
    for number in range(3):
        kit.clock.advance(3 * 86_400)
        kit.refresh(table_id, {WHOLE: f"y{number}"})
    kit.clock.advance(2 * 3600)

    report = expire(kit, Policy(limits=Limits(versions=1, age=DAY)))

    with kit.store.read() as view:
        found = view.retention().scheduled(kit.clock.now(), 10)
        assert view.retention().scheduled(kit.clock.now() - 1, 10) == []
        assert path in view.known_paths()
    assert report.files == len(found) > 0
    assert path in [one.path for one in found]
    assert not any(one.is_named for one in found)


def test_a_path_that_somebody_put_back_is_told_and_never_scheduled_twice(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(4):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(3 * 86_400)
    expire(kit, Policy(limits=Limits(versions=1, age=DAY)))
    with kit.store.read() as view:
        first = view.retention().scheduled(kit.clock.now(), 10)[0]
    name = first.path.rpartition("/")[2]
    kit.sql("UPDATE ducklake_data_file SET path = ? WHERE end_snapshot IS NULL", name)

    with kit.store.read() as view:
        named = {one.path: one.is_named for one in view.retention().scheduled(kit.clock.now(), 10)}

    assert named[first.path] is True
    assert list(named.values()).count(True) == 1


def test_pinned_snapshots_and_what_a_live_attempt_reads_stay(kit):
    a, b = kit.put(full("a"), full("b")).values()
    kit.refresh(a, {WHOLE: "x"})
    reader = new_holder(kit.store)
    with kit.store.write() as tx:
        pinned = tx.snapshot()
        tx.pin(reader, pinned, "query")
    kit.refresh(a, {WHOLE: "y"})
    kit.take(b, [WHOLE])
    read = snapshots(kit)[-1]
    shown = {one: seen(kit, one, [a, b]) for one in (pinned, read)}
    for number in range(5):
        kit.clock.advance(9 * 86_400)
        kit.refresh(a, {WHOLE: f"z{number}"})
    kit.clock.advance(2 * 3600)
    with kit.store.write() as tx:
        tx.beat(reader)

    expire(kit)
    assert {pinned, read} <= set(snapshots(kit))
    assert {one: seen(kit, one, [a, b]) for one in (pinned, read)} == shown

    with kit.store.write() as tx:
        tx.end_holder(reader)
        tx.lose(kit.holder)
    expire(kit)
    assert not {pinned, read} & set(snapshots(kit))


def test_a_pin_that_comes_between_the_decision_and_the_step_is_heeded(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(4):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(9 * 86_400)
    wanted = snapshots(kit)[1]
    with kit.store.write() as tx:
        tx.pin(kit.holder, wanted, "query")
        gone = tx.retention().expire(snapshots(kit))

    assert gone == 4
    assert wanted in snapshots(kit)


def test_the_newest_snapshot_stays_whatever_is_asked(kit):
    kit.refresh(kit.put(full("a"))["a"], {WHOLE: "x"})

    with kit.store.write() as tx:
        tx.retention().expire(snapshots(kit))

    assert len(snapshots(kit)) == 1


def test_ids_go_on_after_everything_old_is_gone(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(4):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(9 * 86_400)
    before = kit.sql("SELECT max(next_file_id), max(snapshot_id) FROM ducklake_snapshot")
    expire(kit, Policy(limits=Limits(versions=1, age=1)))
    assert kit.sql("SELECT next_file_id, snapshot_id FROM ducklake_snapshot") == before

    kit.refresh(table_id, {WHOLE: "new"})

    assert kit.sql("SELECT count(*), count(DISTINCT data_file_id) FROM ducklake_data_file") == [(2, 2)]


def test_a_dropped_table_goes_with_its_last_version_and_its_columns_do_not_stay(kit):
    a, b = kit.put(definition("a"), definition("b")).values()
    kit.refresh(a, {day(0): "x"})
    kit.refresh(b, {day(0): "x"})
    [(lake,)] = kit.sql("SELECT lake_table_id FROM materialized_table WHERE table_id = ?", a)
    with kit.store.write() as tx:
        tx.drop_tables([a])
    rows = """SELECT (SELECT count(*) FROM ducklake_table WHERE table_id = ?1),
                     (SELECT count(*) FROM ducklake_column WHERE table_id = ?1)"""
    kit.clock.advance(86_400)
    expire(kit)
    assert kit.sql(rows, lake) == [(1, 2)]

    kit.clock.advance(9 * 86_400)
    kit.refresh(b, {day(0): "y"})
    kit.clock.advance(2 * 3600)
    expire(kit)

    assert kit.sql(rows, lake) == [(0, 0)]
    assert kit.sql("SELECT count(*) FROM lake_table_of") == [(1,)]
    assert kit.sql("SELECT count(*) FROM ducklake_data_file WHERE table_id = ?", lake) == [(0,)]


def test_old_versions_go_early_where_they_take_too_many_bytes_the_newest_of_them_last(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(5):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(60)
    kit.sql("UPDATE ducklake_data_file SET file_size_bytes = 600 << 20 WHERE end_snapshot IS NOT NULL")
    kit.clock.advance(30 * 60)
    expire(kit, Policy())
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(5,)]  # young: a reader may be using them

    kit.clock.advance(3600)
    expire(kit, Policy())

    ended = kit.sql("SELECT end_snapshot FROM ducklake_data_file WHERE end_snapshot IS NOT NULL")
    assert ended == [(snapshots(kit)[-1],)]


def test_a_dropped_table_is_not_too_big_to_be_brought_back(kit):
    table_id = kit.put(full("a"))["a"]
    kit.refresh(table_id, {WHOLE: "x"})
    kit.sql("UPDATE ducklake_data_file SET file_size_bytes = 5 << 30")
    with kit.store.write() as tx:
        tx.drop_tables([table_id])
    kit.clock.advance(3 * 86_400)

    expire(kit, Policy())
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(1,)]
    kit.clock.advance(5 * 86_400)
    expire(kit, Policy())

    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(0,)]


def test_a_refresh_that_shows_nothing_new_leaves_no_rows_behind(kit):
    table_id = kit.put(definition("a"))["a"]
    kit.refresh(table_id, {day(0): "x"})
    empty = frozenset({day(1)})
    for _ in range(5):
        kit.refresh(table_id, {day(1): ""}, empty=empty)
    assert kit.sql("SELECT count(*) FROM ledger WHERE begin_snapshot = end_snapshot")[0][0] == 4

    expire(kit)

    assert kit.sql("SELECT count(*) FROM ledger") == [(2,)]
    kit.coverage(table_id)


def test_source_sets_and_versions_go_with_the_rows_that_named_them(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(5):
        kit.refresh(table_id, {WHOLE: f"y{number}"}, sources=(source("/in/a.csv", f"{number:064}"),))
        kit.change(table_id, full("a", fingerprint=f"g{number}"))
        kit.clock.advance(9 * 86_400)
    assert kit.sql("SELECT (SELECT count(*) FROM source_set), (SELECT count(*) FROM table_version)") == [(5, 6)]

    expire(kit)

    left = "SELECT (SELECT count(*) FROM source_set), (SELECT count(*) FROM source_file), (SELECT count(*) FROM ledger)"
    assert kit.sql(left) == [(1, 1, 1)]
    [(versions,)] = kit.sql("SELECT count(*) FROM table_version")
    assert versions <= 3  # in force, built from, and the one still young


def test_a_foreign_clients_table_is_left_alone(kit):
    table_id = kit.put(full("a"))["a"]
    kit.refresh(table_id, {WHOLE: "x"})
    newest = snapshots(kit)[-1]
    kit.sql("INSERT INTO ducklake_table VALUES (900, 'u', ?, NULL, 0, 'theirs', 'theirs/', 1)", newest)
    kit.sql(
        """INSERT INTO ducklake_data_file
           VALUES (900, 900, ?, ?, NULL, 'f.parquet', 1, 'parquet', 1, 1, 1, 0, NULL, NULL, NULL, NULL)""",
        newest,
        newest + 1,
    )
    for number in range(4):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(9 * 86_400)

    expire(kit)

    assert newest not in snapshots(kit)
    assert kit.sql("SELECT count(*) FROM ducklake_data_file WHERE table_id = 900") == [(1,)]
    assert kit.sql("SELECT count(*) FROM ducklake_files_scheduled_for_deletion WHERE path LIKE 'theirs%'") == [(0,)]


def test_what_is_cut_off_by_the_time_is_done_by_the_next(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(12):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(9 * 86_400)
    stops = iter([False] * 3)
    cut = expire(kit, stopped=lambda: next(stops, True))
    assert not cut.finished
    assert kit.sql("SELECT count(*) FROM lake_gap")[0][0] > 0

    rest = expire(kit)

    assert rest.finished
    assert kit.sql("SELECT (SELECT count(*) FROM lake_gap), (SELECT count(*) FROM ducklake_snapshot)") == [(0, 1)]
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(1,)]


def test_a_dry_run_tells_what_the_expiry_then_does(kit):
    table_id = kit.put(full("a"))["a"]
    for number in range(6):
        kit.refresh(table_id, {WHOLE: f"y{number}"})
        kit.clock.advance(9 * 86_400)
    retention = Retention(kit.store, kit.clock, FEW)
    before = snapshots(kit)

    told = retention.expire(dry_run=True)
    assert snapshots(kit) == before
    done = retention.expire(dry_run=False)

    assert (told.snapshots, told.kept, told.files) == (done.snapshots, done.kept, done.files)
    assert told.snapshots > 0
    assert told.bytes == 100 * told.files


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("", set()),
        ("inserted_into_table:5,deleted_from_table:5", {5}),
        ('created_table:"main"."a,deleted_from_table:7",inserted_into_table:8', {8}),
        ('created_table:"main"."it""s, deleted_from_table:9"', set()),
        ('created_view:"main"."v",altered_table:3,dropped_table:4,dropped_view:6', {3, 4}),
        ("merge_adjacent:2", set()),  # the rows are the same
    ],
)
def test_the_words_of_a_snapshot_name_the_tables_whose_versions_it_ended(text, tables):
    assert tables_in(text) == tables


# --- the history -------------------------------------------------------------------------------------------------


def ended_instances(kit: Kit, count: int, **changes: object) -> list[int]:
    made = []
    for _ in range(count):
        made.append(kit.add(noop(), **changes))
        kit.end(kit.claim(made[-1]))
    return made


def instances(kit: Kit) -> set[int]:
    return {one for (one,) in kit.sql("SELECT instance_id FROM workflow_instance WHERE instance_id > 0")}


def test_instances_go_by_age_with_all_that_belongs_to_them_but_open_ones_never(kit):
    old = ended_instances(kit, 3)
    open_one = kit.add(noop())
    kit.clock.advance(20 * 86_400)
    young = ended_instances(kit, 2)
    kit.clock.advance(15 * 86_400)

    report = expire(kit)

    assert report.instances == 3
    assert instances(kit) == {open_one, *young}
    for table, column in (("task_instance", "instance_id"), ("event", "instance_id")):
        marks = ", ".join("?" * len(old))
        assert kit.sql(f"SELECT count(*) FROM {table} WHERE {column} IN ({marks})", *old) == [(0,)]
    assert kit.sql("SELECT count(*) FROM attempt") == [(2,)]
    assert kit.sql("PRAGMA foreign_key_check") == []


def test_a_big_instance_goes_a_part_at_a_time(kit):
    big = kit.add(*(noop(key) for key in range(30)))
    for _ in range(30):
        kit.end(kit.claim(big))
    kit.clock.advance(40 * 86_400)
    left = []
    with kit.store.write() as tx:
        for _ in range(9):
            gone, staying = tx.retention().forget_instances([big], kit.clock.now(), 8)
            left.append(kit.sql("SELECT count(*) FROM task_instance WHERE instance_id = ?", big)[0][0])
            assert staying == frozenset()
            if gone:
                break

    assert left[:4] == [22, 14, 6, 0]
    assert gone == {big}
    assert kit.sql("SELECT count(*) FROM event WHERE instance_id = ?", big) == [(0,)]


def test_of_a_workflow_the_newest_stay_and_what_failed_or_has_a_key_or_is_a_backfill_longer(kit):
    workflow_id = kit.workflow("w")
    keyed = ended_instances(kit, 1, workflow_id=workflow_id, version=1, key="once")
    backfill = ended_instances(kit, 1, workflow_id=workflow_id, version=1, trigger=Trigger.BACKFILL, batch="b")
    good = ended_instances(kit, 130, workflow_id=workflow_id, version=1)
    kit.clock.advance(2 * 3600)

    expire(kit)

    assert instances(kit) == {*keyed, *backfill, *good[-100:]}
    kit.clock.advance(60 * 86_400)
    expire(kit)
    assert instances(kit) == {good[-1]}


def test_a_fire_that_was_forgotten_cannot_happen_again(kit):
    workflow_id = kit.workflow("w", schedule="0 * * * *")
    [(first,)] = kit.sql("SELECT next_fire_at FROM workflow")
    mark = Mark(last_fire_at=first, next_fire_at=first + HOUR, due_at=first + HOUR)
    fire = {"trigger": Trigger.SCHEDULE, "logical_date": first - HOUR, "fire_at": first}

    def fired():
        instance = new_instance(noop(), workflow_id=workflow_id, version=1, **fire)
        return Fired(workflow_id=workflow_id, version=1, instances=(instance,), skipped=(), mark=mark, completed=False)

    with kit.store.write() as tx:
        [made] = tx.fire(fired())
    kit.end(kit.claim(made))
    newer = ended_instances(kit, 1, workflow_id=workflow_id, version=1)
    kit.clock.advance(60 * 86_400)
    expire(kit)
    assert instances(kit) == set(newer)

    with kit.store.write() as tx:
        again = tx.fire(fired())

    assert again == []
    assert instances(kit) == set(newer)


def test_an_attempt_that_live_data_came_from_outlives_its_instance(kit):
    table_id = kit.put(definition("a"))["a"]
    kit.refresh(table_id, {day(0): "x"})
    with kit.store.read() as view:
        marks = view.attempt_marks(table_id)
    kit.clock.advance(60 * 86_400)
    ended_instances(kit, 1)
    expire(kit)

    with kit.store.read() as view:
        assert view.attempt_marks(table_id) == marks
        assert view.last_attempts()[table_id].outcome is not None
        assert view.retention().attempts_known([ulid for ulid, _ in marks.values()]) == frozenset()
    kit.coverage(table_id)

    kit.refresh(table_id, {day(0): "y"})
    kit.clock.advance(60 * 86_400)
    kit.refresh(table_id, {day(0): "z"})
    kit.clock.advance(60 * 86_400)
    expire(kit)
    assert kit.sql("SELECT count(*) FROM attempt WHERE task_id = 0 AND table_id IS NOT NULL") == [(1,)]


def test_events_that_somebody_is_still_to_be_told_of_stay(kit):
    [one] = ended_instances(kit, 1)
    [(last,)] = kit.sql("SELECT max(event_id) FROM event WHERE instance_id = ?", one)
    ended_instances(kit, 1)
    with kit.store.write() as tx:
        tx.set_notice_mark("notices", last - 1)
    kit.clock.advance(20 * 86_400)
    expire(kit, Policy(instances=10 * DAY, events=30 * DAY))
    assert one in instances(kit)

    with kit.store.write() as tx:
        tx.set_notice_mark("notices", last + 100)
    expire(kit, Policy(instances=10 * DAY, events=30 * DAY))

    assert one not in instances(kit)


def test_old_events_of_no_instance_go_and_young_ones_stay(kit):
    with kit.store.write() as tx:
        tx.add_note("old", actor="")
    kit.clock.advance(40 * 86_400)
    with kit.store.write() as tx:
        tx.add_note("young", actor="")

    expire(kit)

    assert [kind for (kind,) in kit.sql("SELECT kind FROM event")] == ["young"]


def test_holders_that_nobody_names_are_forgotten(kit):
    for _ in range(5):
        holder = new_holder(kit.store)
        with kit.store.write() as tx:
            tx.end_holder(holder)
    kit.clock.advance(40 * 86_400)

    expire(kit)

    assert kit.sql("SELECT holder_id FROM holder") == [(kit.holder,)]


class Looking:
    """The same time as another clock's, which a wait does not move."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def now(self) -> int:
        return self._clock.now()

    def boottime(self) -> int:
        return self._clock.boottime()

    def boot_id(self) -> str:
        return self._clock.boot_id()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(min(seconds, 0.002))


def test_expiry_and_refreshes_at_the_same_time_never_meet(kit):
    ids = list(kit.put(definition("a"), full("b")).values())
    stop, troubles, rounds = threading.Event(), [], []

    def expire_again_and_again():
        try:
            store = reopened(kit)
            while not stop.wait(0.005):
                rounds.append(Retention(store, Looking(kit.clock), FEW).expire(dry_run=False).snapshots)
            store.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            troubles.append(error)

    threads = [threading.Thread(target=expire_again_and_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(40):
            kit.refresh(ids[0], dict.fromkeys(days(number % 3, number % 3 + 2), f"f{number}"))
            kit.refresh(ids[1], {WHOLE: f"g{number}"})
            kit.clock.advance(5 * 3600)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    expire(kit)

    assert troubles == []
    assert rounds
    for snapshot in snapshots(kit):
        seen(kit, snapshot, ids)
    for table_id in ids:
        kit.coverage(table_id)
        with kit.store.read() as view:
            assert view.audit(table_id) == []


# --- steps -------------------------------------------------------------------------------------------------------


def test_a_step_that_took_long_makes_the_next_ones_small(kit):
    asked = []

    def slow(_, size):
        asked.append(size)
        kit.clock.advance(0.001 * size)
        return size if len(asked) < 8 else 0

    steps = Steps(kit.store, kit.clock, None, lambda: False)
    steps.until_done(slow)

    assert asked[0] == 20
    assert max(asked[1:]) <= 12
    assert steps.longest_ms == pytest.approx(20)


def test_free_pages_are_given_back_in_steps(kit):
    table_id = kit.put(full("a"))["a"]
    kit.refresh(table_id, {WHOLE: "x"})
    with kit.store.write() as tx:
        for number in range(9_000):
            tx.add_note("big", actor="", text="x" * 3_000, number=number)
    [(pages,)] = kit.sql("PRAGMA page_count")
    assert pages > 5_000
    kit.clock.advance(40 * 86_400)
    with kit.store.write() as tx:
        tx.add_note("young", actor="")

    expire(kit)

    assert kit.sql("PRAGMA page_count")[0][0] < 3_000
    assert kit.sql("PRAGMA integrity_check") == [("ok",)]
