"""Which intervals are wanted, fresh, stale, and what they read of each other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DAY, DAYS, MONTHS, WHOLE_SET, day_numbers, days, definition, some_days

from mtctl.core.calendar import Calendar
from mtctl.core.interval import EMPTY, MAX_INSTANT, WHOLE, Grain, Interval, IntervalSet
from mtctl.core.ledger import (
    Coverage,
    Stale,
    bounds,
    digest,
    merge_coverage,
    missing,
    paint,
    read_range,
    readers,
    required,
    todo,
    touching,
    wanted,
)
from mtctl.core.model import RangeKind, Read
from mtctl.core.values import replace

HOUR = DAY // 24
DAILY, MONTHLY, FULL = definition(), definition(grain=Grain.MONTH), definition(grain=None)
OVERLAP = Read(table="u")
NUMBERS = st.frozensets(st.integers(0, 40))


def instant(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


# --- wanted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "now", "expected"),
    [
        ({}, 5 * DAY, days(0, 5)),
        ({}, 5 * DAY + HOUR, days(0, 5)),
        ({}, 6 * DAY - 1, days(0, 5)),
        ({"end": 3}, 5 * DAY, days(0, 3)),
        ({"end": 9}, 5 * DAY, days(0, 5)),
        ({"delay": 2 * HOUR}, 5 * DAY + HOUR, days(0, 4)),
        ({"delay": 2 * HOUR}, 5 * DAY + 2 * HOUR, days(0, 5)),
        ({"open": True}, 5 * DAY + HOUR, days(0, 6)),
        ({"open": True}, 5 * DAY, days(0, 6)),
        ({"open": True, "end": 5}, 5 * DAY + HOUR, days(0, 5)),
        ({"open": True, "delay": 2 * HOUR}, 5 * DAY + HOUR, days(0, 5)),
        ({}, 0, EMPTY),
        ({}, -7 * DAY, EMPTY),
        ({"end": 0}, 5 * DAY, EMPTY),
        ({"start": 9, "end": 3}, 20 * DAY, EMPTY),
    ],
)
def test_wanted_are_the_closed_intervals_between_start_and_end(parts, now, expected):
    assert wanted(definition(**parts), DAYS, now) == expected


def test_edges_off_the_grain_are_rounded_inward():
    odd = replace(DAILY, start=HOUR, end=4 * DAY + HOUR)
    assert wanted(odd, DAYS, 99 * DAY) == days(1, 4) == bounds(odd, DAYS)


def test_a_coarse_interval_is_wanted_once_it_has_ended():
    assert wanted(MONTHLY, MONTHS, 31 * DAY - 1) == EMPTY
    assert wanted(MONTHLY, MONTHS, 31 * DAY) == days(0, 31)
    assert wanted(replace(MONTHLY, open=True), MONTHS, 3 * DAY) == days(0, 31)


def test_days_follow_the_zone_across_an_offset_change():
    calendar = Calendar(Grain.DAY, "America/New_York")
    march = replace(DAILY, start=instant("2013-03-10T05:00"), zone="America/New_York")
    assert wanted(march, calendar, instant("2013-03-11T03:59")) == EMPTY
    (day,) = wanted(march, calendar, instant("2013-03-11T04:00"))
    assert day.end - day.start == 23 * HOUR


def test_a_whole_table_wants_its_one_interval_at_any_time():
    assert wanted(FULL, None, 0) == bounds(FULL, None) == WHOLE_SET


def test_a_hundred_years_of_minutes_are_one_range():
    minutes = definition(grain=Grain.MINUTE)
    assert len(wanted(minutes, Calendar(Grain.MINUTE, "UTC"), 36_500 * DAY)) == 1


@pytest.mark.parametrize(("of", "calendar"), [(replace(DAILY, start=None), DAYS), (DAILY, None)])
def test_an_interval_table_without_start_or_calendar_is_a_bug(of, calendar):
    with pytest.raises(ValueError, match="interval table t has no"):
        wanted(of, calendar, 0)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_wanted_is_fresh_or_stale_or_missing(want, fresh, stale):
    coverage = Coverage(
        table_id=1,
        fresh=some_days(fresh),
        stale=tuple(Stale(interval=one, reason="r") for one in some_days(stale - fresh)),
    )
    assert day_numbers(todo(some_days(want), coverage)) == want - fresh
    assert day_numbers(missing(some_days(want), coverage)) == want - fresh - stale


# --- reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "interval", "upstream", "calendar", "expected"),
    [
        (OVERLAP, days(3, 4), DAILY, DAYS, days(3, 4)),
        (OVERLAP, days(0, 31), DAILY, DAYS, days(0, 31)),
        (OVERLAP, days(3, 4), MONTHLY, MONTHS, days(0, 31)),
        (OVERLAP, days(30, 32), MONTHLY, MONTHS, days(0, 59)),
        (Read(table="u", before=-7 * DAY), days(9, 10), DAILY, DAYS, days(2, 10)),
        (Read(table="u", before=-7 * DAY, after=-DAY), days(9, 10), DAILY, DAYS, days(2, 9)),
        (Read(table="u", before=-HOUR, after=HOUR), days(9, 10), DAILY, DAYS, days(8, 11)),
        (OVERLAP, WHOLE_SET, DAILY, DAYS, WHOLE_SET),
        (OVERLAP, days(3, 4), FULL, None, WHOLE_SET),
        (Read(table="u", kind=RangeKind.LATEST), days(3, 4), FULL, None, WHOLE_SET),
        (Read(table="u", kind=RangeKind.ALL), days(3, 4), DAILY, DAYS, WHOLE_SET),
        (Read(table="u", kind=RangeKind.IGNORE), days(3, 4), DAILY, DAYS, EMPTY),
        (Read(table="u", before=5 * DAY, after=-5 * DAY), days(3, 4), DAILY, DAYS, EMPTY),
    ],
)
def test_an_interval_reads_what_it_overlaps_widened_and_aligned(read, interval, upstream, calendar, expected):
    (one,) = interval
    found = read_range(read, one, upstream, calendar)
    assert IntervalSet.of([found] if found else []) == expected


@pytest.mark.parametrize(
    ("read", "reader", "upstream", "interval", "expected"),
    [
        (OVERLAP, MONTHLY, DAILY, days(0, 31), days(0, 31)),
        (OVERLAP, MONTHLY, definition(start=10), days(0, 31), days(10, 31)),
        (OVERLAP, MONTHLY, definition(end=20), days(0, 31), days(0, 20)),
        (OVERLAP, MONTHLY, definition(start=40), days(0, 31), EMPTY),
        (OVERLAP, replace(MONTHLY, open=True), DAILY, days(0, 31), days(0, 15)),
        (OVERLAP, FULL, DAILY, WHOLE_SET, days(0, 15)),
        (Read(table="u", kind=RangeKind.ALL), DAILY, DAILY, days(3, 4), days(0, 15)),
        (Read(table="u", kind=RangeKind.LATEST), DAILY, FULL, days(3, 4), WHOLE_SET),
        (Read(table="u", wait=False), DAILY, DAILY, days(3, 4), EMPTY),
        (Read(table="u", kind=RangeKind.IGNORE), DAILY, DAILY, days(3, 4), EMPTY),
        (Read(table="u", after=DAY), DAILY, DAILY, days(14, 15), days(14, 16)),
    ],
)
def test_what_must_be_fresh_lies_in_the_range_of_the_upstream(read, reader, upstream, interval, expected):
    (one,) = interval
    calendar = DAYS if upstream is not FULL else None
    assert required(read, one, reader, upstream, calendar, wanted(upstream, calendar, 15 * DAY)) == expected


@pytest.mark.parametrize(
    ("read", "reader", "changed", "expected"),
    [
        (OVERLAP, DAILY, days(3, 4), days(3, 4)),
        (OVERLAP, MONTHLY, days(3, 4), days(0, 31)),
        (OVERLAP, MONTHLY, days(30, 32), days(0, 59)),
        (OVERLAP, DAILY, days(0, 31), days(0, 31)),
        (OVERLAP, DAILY, EMPTY, EMPTY),
        (OVERLAP, FULL, days(3, 4), WHOLE_SET),
        (OVERLAP, DAILY, WHOLE_SET, WHOLE_SET),
        (Read(table="u", before=-7 * DAY), DAILY, days(3, 4), days(3, 11)),
        (Read(table="u", before=-7 * DAY, after=-DAY), DAILY, days(3, 4), days(4, 11)),
        (Read(table="u", kind=RangeKind.ALL), DAILY, days(3, 4), WHOLE_SET),
        (Read(table="u", kind=RangeKind.LATEST), DAILY, WHOLE_SET, EMPTY),
        (Read(table="u", kind=RangeKind.LATEST), FULL, WHOLE_SET, EMPTY),
        (Read(table="u", kind=RangeKind.IGNORE), DAILY, days(3, 4), EMPTY),
    ],
)
def test_a_change_reaches_the_intervals_that_read_it(read, reader, changed, expected):
    assert readers(read, changed, reader, MONTHS if reader is MONTHLY else DAYS) == expected


@given(
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
    st.integers(-60, 60),
    st.integers(-4, 60),
    st.integers(0, 300),
    st.integers(1, 3),
)
def test_touching_is_the_inverse_of_read_range(reader_grain, upstream_grain, before, longer, at, parts):
    reader, upstream = definition(grain=reader_grain), definition(grain=upstream_grain)
    theirs, ours = Calendar(upstream_grain, "UTC"), Calendar(reader_grain, "UTC")
    # Narrowed by 4 hours at most, so that every interval reads something.
    read = Read(table="u", before=before * 6 * HOUR, after=before * 6 * HOUR + longer * HOUR)
    start = theirs.floor(at * DAY)
    changed = IntervalSet.of(list(theirs.intervals(start, start + 200 * DAY))[: 2 * parts : 2])

    found = touching(read, changed, reader, ours)
    for interval in ours.intervals(-90 * DAY, 700 * DAY):
        reading = read_range(read, interval, upstream, theirs)
        assert reading is not None
        assert (interval in found) == bool(IntervalSet.of([reading]) & changed)
        assert interval in found or not IntervalSet.of([interval]) & found


def test_a_range_narrowed_to_the_middle_of_a_month_reads_no_edge_of_it():
    read = Read(table="u", before=10 * DAY, after=-10 * DAY)
    assert touching(read, days(3, 4), MONTHLY, MONTHS) == EMPTY
    assert touching(read, days(15, 16), MONTHLY, MONTHS) == days(0, 31)
    assert touching(read, days(25, 35), MONTHLY, MONTHS) == EMPTY


# --- digest -----------------------------------------------------------------------------------------------------


def test_the_digest_tells_contents_apart_and_not_their_order():
    parts = [(0, 1, "a"), (1, 2, "b")]
    assert digest(parts) == digest(reversed(parts))
    assert len(digest(parts)) == 16
    different = [[], [(0, 1, "a")], [(0, 1, "b"), (1, 2, "a")], [(0, 2, "a"), (2, 3, "b")]]
    assert len({digest(one) for one in [parts, *different]}) == 5


def test_the_digest_is_the_same_for_ever():
    assert digest([(0, 86_400_000_000, "mt1:1:2")]) == "11c9428aa39ab749"


# --- coverage ---------------------------------------------------------------------------------------------------

RANGE = st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: Interval(pair[0], pair[0] + pair[1]))
STALE = st.builds(lambda interval, reason: Stale(interval=interval, reason=reason), RANGE, st.sampled_from("ab"))
STEP = st.tuples(st.lists(RANGE, max_size=4).map(IntervalSet.of), st.lists(STALE, max_size=4))


@given(st.lists(STEP, max_size=6))
def test_coverage_equals_a_book_of_single_intervals(steps):
    coverage, book = Coverage(table_id=1), {}
    for fresh, stale in steps:
        coverage = merge_coverage(coverage, fresh, stale)
        book |= {at: None for one in fresh for at in range(one.start, one.end)}
        for one in stale:
            book |= dict.fromkeys(range(one.interval.start, one.interval.end), one.reason)

    fresh = {at for one in coverage.fresh for at in range(one.start, one.end)}
    reasons = {at: s.reason for s in coverage.stale for at in range(s.interval.start, s.interval.end)}
    assert fresh == {at for at, reason in book.items() if reason is None}
    assert reasons == {at: reason for at, reason in book.items() if reason is not None}
    assert sum(s.interval.end - s.interval.start for s in coverage.stale) == len(reasons)
    for one, other in zip(coverage.stale, coverage.stale[1:], strict=False):
        assert one.interval.end < other.interval.start or (
            one.interval.end == other.interval.start and one.reason != other.reason
        )


def test_a_publish_makes_its_intervals_fresh_and_leaves_the_rest_stale():
    before = Coverage(table_id=7, stale=(Stale(interval=Interval(0, 9), reason="definition changed"),))
    after = merge_coverage(before, IntervalSet.of([Interval(3, 5)]), [])
    assert after.table_id == 7
    assert after.fresh == IntervalSet.of([Interval(3, 5)])
    assert [(s.interval.start, s.interval.end) for s in after.stale] == [(0, 3), (5, 9)]
    assert merge_coverage(after, IntervalSet.of([WHOLE]), []).stale == ()


def test_an_invalidation_joins_its_neighbours_of_the_same_reason():
    first = merge_coverage(Coverage(table_id=1), IntervalSet.of([Interval(0, 9)]), [])
    for start in range(9):
        first = merge_coverage(first, EMPTY, [Stale(interval=Interval(start, start + 1), reason="r")])
    assert first == Coverage(table_id=1, stale=(Stale(interval=Interval(0, 9), reason="r"),))


def test_painting_many_layers_is_fast():
    layers = [(Interval(n, n + 2), n % 3) for n in range(50_000)]
    assert paint([*layers, (Interval(0, MAX_INSTANT), 9)]) == ((Interval(0, MAX_INSTANT), 9),)
    assert len(paint(layers)) == 50_000
