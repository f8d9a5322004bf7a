"""What a refresh does: exactly wanted minus fresh, in lawful batches, upstream first."""

from __future__ import annotations

import pytest
from counting import calls
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, WHOLE_SET, day_numbers, days, definition, some_days, view, world

from mtctl.core.batches import MAX_INTERVALS, batch_limit
from mtctl.core.interval import EMPTY, Grain, Interval, IntervalSet
from mtctl.core.ledger import Coverage, required
from mtctl.core.model import RangeKind, Read
from mtctl.core.plan import NotReady, RefreshRequest, claim_intervals, refresh_plan
from mtctl.core.values import replace

NUMBERS = st.frozensets(st.integers(0, 29))
NOW = 30


def plan(views, *selected, now=NOW, **parts):
    return refresh_plan(views, RefreshRequest(selected=selected or tuple(views), **parts), now * DAY)


def done(found, name):
    return IntervalSet.of(interval for task in found.tasks if task.table == name for interval in task.intervals)


def reasons(found, name):
    totals = {}
    for task in found.tasks:
        for reason, count in task.reasons if task.table == name else ():
            totals[reason] = totals.get(reason, 0) + count
    return totals


def daily(name="t", reads=(), *, now=NOW, fresh=EMPTY, stale=(), seconds=None, **parts):
    return view(definition(name, reads=reads, **parts), now=now, fresh=fresh, stale=stale, seconds=seconds)


def whole(name="w", reads=(), *, fresh=EMPTY, **parts):
    return view(definition(name, grain=None, reads=reads, **parts), now=NOW, fresh=fresh)


# --- what -------------------------------------------------------------------------------------------------------


def test_everything_wanted_of_a_new_table_is_one_batch():
    (task,) = plan(world(daily())).tasks
    assert (task.key, task.table, task.batch, task.count) == (0, "t", Interval(0, 30 * DAY), 30)
    assert (task.reasons, task.after, task.intervals) == ((("missing", 30),), (), days(0, 30))


def test_reasons_are_counted_for_each_batch():
    views = world(daily(fresh=days(0, 10), stale=[(10, 13, "definition changed"), (13, 14, "upstream u changed")]))
    found = plan(views, batch=12)
    assert [task.reasons for task in found.tasks] == [
        (("stale: definition changed", 3), ("stale: upstream u changed", 1), ("missing", 8)),
        (("missing", 8),),
    ]


def test_what_is_fresh_is_left_alone_and_named():
    found = plan(world(daily("a", fresh=days(0, 30)), daily("b", fresh=days(0, 29))))
    assert found.up_to_date == ("a",)
    assert done(found, "b") == days(29, 30)


@given(NUMBERS, NUMBERS, st.integers(1, 40))
def test_a_plan_covers_exactly_wanted_minus_fresh_in_lawful_batches(fresh, stale, batch):
    broken = [(n, n + 1, "r") for n in sorted(stale - fresh)]
    found = plan(world(daily(fresh=some_days(fresh), stale=broken)), batch=batch)

    assert day_numbers(done(found, "t")) == set(range(30)) - fresh
    assert sum(task.count for task in found.tasks) == 30 - len(fresh)
    assert reasons(found, "t").get("stale: r", 0) == len(stale - fresh)
    for task in found.tasks:
        assert task.intervals == IntervalSet.of([task.batch])
        assert 1 <= task.count <= batch
        assert task.count == (task.batch.end - task.batch.start) // DAY == sum(count for _, count in task.reasons)
    for one, other in zip(found.tasks, found.tasks[1:], strict=False):
        assert one.batch.end <= other.batch.start
        assert one.batch.end < other.batch.start or one.count == batch, "cut without need"


def test_named_intervals_only():
    views = world(daily(fresh=days(0, 4)), daily("u"))
    found = plan(views, "t", intervals={"t": days(2, 6)})
    assert done(found, "t") == days(4, 6)
    assert not done(found, "u")


def test_named_intervals_that_are_fresh_are_up_to_date():
    found = plan(world(daily(fresh=days(0, 4))), intervals={"t": days(2, 4)})
    assert (found.tasks, found.up_to_date) == ((), ("t",))


def test_force_refreshes_what_is_fresh():
    found = plan(world(daily(fresh=days(0, 4))), intervals={"t": days(2, 6)}, force=True)
    assert done(found, "t") == days(2, 6)
    assert reasons(found, "t") == {"forced": 2, "missing": 2}


def test_full_forces_all_that_is_wanted_and_no_more():
    found = plan(world(daily(fresh=days(0, 30))), intervals={"t": days(2, 90)}, full=True)
    assert done(found, "t") == days(0, 30)
    assert reasons(found, "t") == {"forced": 30}


def test_named_intervals_outside_need_force_and_open_ones_are_left_out():
    views = world(daily(start=5, end=40))
    found = plan(views, intervals={"t": days(0, 50)})
    assert done(found, "t") == days(5, 30)
    assert dict(found.outside) == {"t": days(0, 5) | days(40, 50)}
    assert dict(found.left_out) == {"t": days(30, 40)}

    forced = plan(views, intervals={"t": days(0, 50)}, force=True)
    assert done(forced, "t") == days(0, 50)
    assert (forced.outside, forced.left_out) == ((), ())


def test_an_interval_within_the_delay_is_left_out_too():
    found = plan(world(daily(delay=2 * DAY)), intervals={"t": days(27, 30)})
    assert done(found, "t") == days(27, 28)
    assert dict(found.left_out) == {"t": days(28, 30)}


def test_a_table_asked_only_outside_is_not_called_up_to_date():
    found = plan(world(daily(start=5)), intervals={"t": days(0, 2)})
    assert (found.tasks, found.up_to_date, dict(found.outside)) == ((), (), {"t": days(0, 2)})


def test_force_opens_the_range_of_named_tables_only():
    views = world(daily("u", start=5), daily("t", ["u"]))
    found = plan(views, "t", intervals={"t": days(0, 8)}, force=True, upstream=True)
    assert done(found, "t") == days(0, 8)
    assert done(found, "u") == days(5, 8)


def test_a_whole_table_is_one_task_of_one_interval():
    (task,) = plan(world(whole())).tasks
    assert (task.count, task.intervals, task.reasons) == (1, WHOLE_SET, (("missing", 1),))


def test_nothing_is_wanted_before_the_start():
    found = plan(world(daily(start=40)))
    assert (found.tasks, found.up_to_date, found.not_ready) == ((), ("t",), ())


# --- selection --------------------------------------------------------------------------------------------------


def chain():
    return world(daily("c", ["b"]), daily("b", ["a"]), daily("a"))


def test_upstream_and_downstream_grow_the_selection_and_come_in_order():
    def tables(found):
        return [task.table for task in found.tasks]

    assert tables(plan(chain(), "b", upstream=True)) == ["a", "b"]
    assert tables(plan(chain(), "c", upstream=True)) == ["a", "b", "c"]
    assert tables(plan(chain(), "a", downstream=True)) == ["a", "b", "c"]
    assert tables(plan(chain(), "b", upstream=True, downstream=True)) == ["a", "b", "c"]
    assert tables(plan(chain(), "a")) == ["a"]


def test_named_intervals_travel_up_to_what_they_read():
    week = Read(table="a", before=-7 * DAY)
    found = plan(world(daily("a"), daily("b", [week])), "b", intervals={"b": days(10, 12)}, upstream=True)
    assert done(found, "a") == days(3, 12)
    assert done(found, "b") == days(10, 12)


def test_named_intervals_travel_down_to_what_reads_them():
    views = world(daily("a"), daily("m", ["a"], grain=Grain.MONTH, now=70))
    views["a"] = daily("a", now=70, fresh=days(0, 59))
    found = plan(views, "a", now=70, intervals={"a": days(40, 42)}, downstream=True, force=True)
    assert done(found, "a") == days(40, 42)
    assert done(found, "m") == days(31, 59)


def test_a_month_waits_for_its_days():
    month = definition("m", grain=Grain.MONTH, reads=["a"])
    lacking = world(daily("a", now=70, fresh=days(0, 58)), view(month, now=70))
    found = plan(lacking, "m", now=70)
    assert done(found, "m") == days(0, 31)
    assert found.not_ready == (NotReady(table="m", intervals=days(31, 59), blockers=("a",)),)

    both = plan(lacking, "a", "m", now=70, batch=1)
    assert done(both, "m") == days(0, 59)
    january, february = [task for task in both.tasks if task.table == "m"]
    assert january.after == ()
    assert [both.tasks[key].batch.start // DAY for key in february.after] == [58]


# --- ready ------------------------------------------------------------------------------------------------------


def test_blockers_are_named_and_stop_what_is_below():
    views = world(daily("a"), daily("x", fresh=days(0, 20)), daily("b", ["a", "x"]), daily("c", ["b"]))
    found = plan(views, "b", "c")
    assert found.tasks == ()
    assert found.not_ready == (
        NotReady(table="b", intervals=days(0, 30), blockers=("a", "x")),
        NotReady(table="c", intervals=days(0, 30), blockers=("b",)),
    )
    assert found.up_to_date == ()


def test_what_is_ready_goes_and_the_rest_is_told():
    found = plan(world(daily("a", fresh=days(0, 12)), daily("b", ["a"], fresh=days(0, 3))), "b")
    assert done(found, "b") == days(3, 12)
    assert found.not_ready == (NotReady(table="b", intervals=days(12, 30), blockers=("a",)),)


@pytest.mark.parametrize("read", [Read(table="a", wait=False), Read(table="a", kind=RangeKind.IGNORE)])
def test_a_read_that_does_not_wait_neither_blocks_nor_orders(read):
    views = world(daily("a"), daily("b", [read]))
    assert done(plan(views, "b"), "b") == days(0, 30)
    assert [task.after for task in plan(views).tasks] == [(), ()]


def test_an_unknown_upstream_is_never_fresh():
    found = plan(world(daily("b", ["gone"])))
    assert found.not_ready == (NotReady(table="b", intervals=days(0, 30), blockers=("gone",)),)


def test_stale_upstream_intervals_are_not_good_enough():
    found = plan(world(daily("a", fresh=days(0, 29), stale=[(29, 30, "r")]), daily("b", ["a"])), "b")
    assert done(found, "b") == days(0, 29)


def test_a_late_upstream_holds_back_the_newest_interval():
    views = world(daily("a", delay=2 * DAY), daily("b", ["a"]))
    found = plan(views)
    assert done(found, "b") == days(0, 28)
    assert found.not_ready == (NotReady(table="b", intervals=days(28, 30), blockers=("a",)),)


def test_a_reader_of_the_latest_waits_for_the_whole_table():
    read = Read(table="w", kind=RangeKind.LATEST)
    assert plan(world(whole(), daily("b", [read])), "b").not_ready[0].blockers == ("w",)
    assert done(plan(world(whole(fresh=WHOLE_SET), daily("b", [read])), "b"), "b") == days(0, 30)
    found = plan(world(whole(), daily("b", [read])), batch=20)
    assert [task.after for task in found.tasks] == [(), (0,), (0,)]


def test_a_whole_table_waits_for_all_that_its_upstream_wants():
    reader = whole("w", ["a"])
    assert plan(world(daily("a", fresh=days(0, 29)), reader), "w").not_ready[0].blockers == ("a",)
    found = plan(world(daily("a", fresh=days(0, 20)), reader), batch=4)
    assert [task.after for task in found.tasks] == [(), (), (), (0, 1, 2)]


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(-3, 1), st.integers(0, 4), st.integers(1, 8))
def test_nothing_planned_is_unready_and_edges_point_back(fresh_a, fresh_b, asked_a, before, wider, batch):
    after = before + wider
    read = Read(table="a", before=before * DAY, after=after * DAY)
    views = world(daily("a", fresh=some_days(fresh_a)), daily("b", [read], fresh=some_days(fresh_b)))
    found = plan(views, intervals={"a": some_days(asked_a)}, batch=batch)

    assert day_numbers(done(found, "a")) == asked_a - fresh_a
    available = views["a"].coverage.fresh | done(found, "a")
    a, b = views["a"], views["b"]
    ready = {
        n
        for n in range(30)
        if not required(read, Interval(n * DAY, (n + 1) * DAY), b.definition, a.definition, a.calendar, a.wanted)
        - available
    }
    planned = day_numbers(done(found, "b"))
    assert planned <= ready
    assert ready - fresh_b <= planned
    told = day_numbers(IntervalSet.of(one for gap in found.not_ready for one in gap.intervals))
    assert told == set(range(30)) - fresh_b - ready

    for task in found.tasks:
        assert all(key < task.key for key in task.after)
        if task.table == "b":
            wide = Interval(task.batch.start + before * DAY, task.batch.end + after * DAY)
            assert task.after == tuple(one.key for one in found.tasks if one.table == "a" and one.batch.overlaps(wide))


# --- what may change ----------------------------------------------------------------------------------------------


def test_fresh_intervals_join_when_their_upstream_is_refreshed():
    views = world(daily("a", fresh=days(0, 29), stale=[(29, 30, "r")]), daily("b", ["a"], fresh=days(0, 30)))
    found = plan(views)
    assert done(found, "b") == days(29, 30)
    assert reasons(found, "b") == {"upstream a may change": 1}
    (_, below) = found.tasks
    assert below.after == (0,)


def test_what_is_missing_is_missing_whatever_changes_above():
    found = plan(world(daily("a"), daily("b", ["a"], fresh=days(0, 10))))
    assert reasons(found, "b") == {"upstream a may change": 10, "missing": 20}


def test_what_may_change_goes_on_down_the_line():
    fresh = days(0, 30)
    views = world(
        daily("a", fresh=days(0, 29), stale=[(29, 30, "r")]),
        daily("b", ["a"], fresh=fresh),
        daily("c", ["b"], fresh=fresh),
        whole("w", ["c"], fresh=WHOLE_SET),
    )
    found = plan(views)
    assert reasons(found, "c") == {"upstream b may change": 1}
    assert reasons(found, "w") == {"upstream c may change": 1}


def test_the_latest_of_a_whole_table_changes_no_past_interval():
    read = Read(table="w", kind=RangeKind.LATEST)
    found = plan(world(whole(), daily("b", [read], fresh=days(0, 30))))
    assert found.up_to_date == ("b",)
    restated = plan(world(whole(), daily("b", [replace(read, kind=RangeKind.ALL)], fresh=days(0, 30))))
    assert reasons(restated, "b") == {"upstream w may change": 30}


def test_what_may_change_stays_within_the_named_intervals():
    views = world(daily("a", fresh=days(0, 20)), daily("b", ["a"], fresh=days(0, 30)))
    found = plan(views, intervals={"a": days(20, 30), "b": days(25, 26)})
    assert done(found, "b") == days(25, 26)


def test_at_the_claim_only_what_is_still_due_is_left():
    coverage = Coverage(table_id=1, fresh=days(0, 4))
    assert claim_intervals(days(2, 40), days(0, 30), coverage, forced=False) == days(4, 30)
    assert claim_intervals(days(2, 4), days(0, 30), coverage, forced=False) == EMPTY
    assert claim_intervals(days(2, 40), days(0, 30), coverage, forced=True) == days(2, 40)


# --- batches ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "defined", "seconds", "expected"),
    [
        (None, None, None, MAX_INTERVALS),
        (None, None, 0.0, MAX_INTERVALS),
        (None, None, 3.0, 10),
        (None, None, 1e-9, MAX_INTERVALS),
        (None, None, 45.0, 1),
        (None, 7, 45.0, 7),
        (5, 7, 45.0, 5),
        (99_999, None, None, MAX_INTERVALS),
    ],
)
def test_a_batch_is_as_long_as_asked_or_predicted(requested, defined, seconds, expected):
    assert batch_limit(requested, defined, seconds) == expected


def test_history_and_definition_cut_batches():
    assert [task.count for task in plan(world(daily(seconds=2.5))).tasks] == [12, 12, 6]
    assert [task.count for task in plan(world(daily(seconds=2.5, batch=20))).tasks] == [20, 10]
    assert [task.count for task in plan(world(daily(batch=20)), batch=25).tasks] == [25, 5]


def test_no_batch_is_longer_than_a_transaction_bears():
    found = plan(world(view(definition(grain=Grain.HOUR), now=1_000)), now=1_000)
    assert [task.count for task in found.tasks] == [10_000, 10_000, 4_000]


# --- speed --------------------------------------------------------------------------------------------------------


def test_a_thousand_fresh_tables_take_a_few_calls_each():
    names = [f"t{n}" for n in range(1_000)]
    views = world(
        *(
            daily(name, names[max(0, n - 2) : n], now=36_500, fresh=days(0, 36_500), grain=Grain.DAY)
            for n, name in enumerate(names)
        )
    )
    assert calls(lambda: plan(views, now=36_500)) < 100 * 1_000, "however many days they cover"
    assert len(plan(views, now=36_500).up_to_date) == 1_000


@pytest.mark.parametrize("kind", [RangeKind.OVERLAP, RangeKind.ALL])
def test_batches_of_one_are_tied_without_comparing_all_with_all(kind):
    views = world(daily("a", now=365), daily("b", [Read(table="a", kind=kind)], now=365))
    found = plan(views, now=365, batch=1)
    assert len(found.tasks) == 730
    edges = sum(len(task.after) for task in found.tasks)
    assert edges == (365 if kind is RangeKind.OVERLAP else 365 * 365)
    assert calls(lambda: plan(views, now=365, batch=1)) < 200 * 730


def test_a_coverage_full_of_holes_takes_steps_in_line_with_the_holes():
    few, many = _steps(2_000), _steps(8_000)
    assert many < 5 * few, "four times the holes, about four times the calls"


def _steps(days: int) -> int:
    """How many calls a plan over so many days with a hole every other day takes."""
    holes = some_days(range(0, days, 2))
    views = world(daily("a", now=days, fresh=holes), daily("b", ["a"], now=days, fresh=holes))
    assert sum(task.count for task in plan(views, now=days).tasks) == days
    return calls(lambda: plan(views, now=days))
