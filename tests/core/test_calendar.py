from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import ZONES, instants

from mtctl.core.calendar import Calendar, iso_utc, show, show_interval, show_label, wall_text
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE, Grain, Interval
from mtctl.core.zones import first_at, from_instant, zone

HOUR = 3_600_000_000
MINUTE = 60_000_000
calendars = st.builds(
    Calendar,
    st.sampled_from([grain for grain in Grain if grain is not Grain.MINUTE]),
    st.sampled_from(ZONES),
    st.booleans(),
) | st.builds(Calendar, st.just(Grain.MINUTE), st.sampled_from(ZONES), st.just(value=False))


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000


def first_of(zone_name: str, *parts: int) -> int:
    return first_at(datetime(*parts), zone_name)  # noqa: DTZ001 - wall time


def day(zone_name: str, *parts: int) -> list[str]:
    """Show the hour intervals' real hours of the day."""
    calendar = Calendar(Grain.DAY, zone_name)
    start = first_of(zone_name, *parts)
    return [show_interval(Interval(start, calendar.next(start)), calendar), (calendar.next(start) - start) / HOUR]


@given(calendars, instants())
@example(Calendar(Grain.DAY, "America/St_Johns"), utc(2006, 10, 29, 2, 45))
@example(Calendar(Grain.HOUR, "America/St_Johns", wall=True), utc(2006, 10, 29, 2, 45))
@example(Calendar(Grain.DAY, "Pacific/Apia"), utc(2011, 12, 30, 10))
@example(Calendar(Grain.HOUR, "Australia/Lord_Howe"), utc(2013, 4, 6, 15))
@example(Calendar(Grain.DAY, "America/Sao_Paulo"), utc(2018, 2, 18, 2, 30))
def test_every_instant_has_one_interval_and_they_follow_without_hole(calendar, instant):
    start = calendar.floor(instant)
    end = calendar.next(instant)
    assert start <= instant < end
    assert calendar.floor(start) == start
    assert calendar.floor(end - 1) == start
    assert calendar.floor(end) == end
    assert calendar.next(start) == end
    assert calendar.ceil(start) == start
    assert calendar.ceil(start + 1) == end
    assert calendar.is_edge(start)
    assert list(calendar.intervals(start, end)) == [Interval(start, end)]


@given(calendars, instants(), st.integers(0, 500), st.integers(0, 60 * 24 * 40))
def test_a_range_of_intervals_is_contiguous_and_counted(calendar, instant, more_minutes, minutes):
    end = instant + (more_minutes + minutes) * MINUTE + 1
    found = list(calendar.intervals(instant, end))
    assert calendar.count(instant, end) == len(found)
    assert all(low.end == high.start for low, high in pairwise(found))
    if found:
        assert found[0].start == calendar.ceil(instant)
        assert found[-1].end == calendar.floor(end)
        assert calendar.align_outward(Interval(instant, end)).contains(Interval(found[0].start, found[-1].end))


@given(st.sampled_from(ZONES), instants(), st.sampled_from([Grain.DAY, Grain.MONTH, Grain.QUARTER, Grain.YEAR]))
def test_coarse_grains_begin_where_a_day_begins(zone_name, instant, grain):
    assert Calendar(Grain.DAY, zone_name).is_edge(Calendar(grain, zone_name).floor(instant))


@given(st.sampled_from(ZONES), instants())
def test_the_label_of_an_hour_is_the_wall_hour_of_its_instants(zone_name, instant):
    calendar = Calendar(Grain.HOUR, zone_name)
    start, end = calendar.floor(instant), calendar.next(instant)
    first, last = from_instant(start, zone_name), from_instant(end - 1, zone_name)
    assert (first.date(), first.hour, first.utcoffset()) == (last.date(), last.hour, last.utcoffset())
    assert end - start <= HOUR


@pytest.mark.parametrize(
    ("zone_name", "parts", "expected"),
    [
        ("America/New_York", (2013, 3, 10), ["2013-03-10", 23]),
        ("America/New_York", (2013, 11, 3), ["2013-11-03", 25]),
        ("Europe/Berlin", (2026, 3, 29), ["2026-03-29", 23]),
        ("Australia/Lord_Howe", (2013, 10, 6), ["2013-10-06", 23.5]),
        ("Pacific/Apia", (2011, 12, 29), ["2011-12-29", 24]),
        ("America/Sao_Paulo", (2018, 11, 4), ["2018-11-04", 23]),
        ("America/Asuncion", (2023, 10, 1), ["2023-10-01", 23]),
        ("America/Santiago", (2023, 9, 3), ["2023-09-03", 23]),
        ("UTC", (2013, 3, 10), ["2013-03-10", 24]),
    ],
)
def test_a_day_of_any_length_is_one_interval(zone_name, parts, expected):
    assert day(zone_name, *parts) == expected


def test_the_day_that_apia_skipped_does_not_exist():
    calendar = Calendar(Grain.DAY, "Pacific/Apia")
    start = first_of(calendar.zone, 2011, 12, 28)
    assert [show_label(edge, calendar) for edge in calendar.edges(start, start + 96 * HOUR)] == [
        "2011-12-28",
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
        "2012-01-02",
    ]


def test_a_day_without_midnight_begins_after_the_gap_and_keeps_its_label():
    calendar = Calendar(Grain.DAY, "America/Sao_Paulo", wall=True)
    start = first_of(calendar.zone, 2018, 11, 4)
    assert wall_text(start, calendar.zone) == "2018-11-04 01:00:00"
    assert calendar.edge_text(start) == "2018-11-04 00:00:00"


@pytest.mark.parametrize(
    ("zone_name", "parts", "wall", "expected"),
    [
        ("America/New_York", (2013, 11, 3), False, ["T00", "T01-04:00", "T01-05:00", "T02", "T03"]),
        ("America/New_York", (2013, 11, 3), True, ["T00", "T01", "T02", "T03"]),
        ("America/New_York", (2013, 3, 10), False, ["T00", "T01", "T03", "T04", "T05"]),
        ("America/New_York", (2013, 3, 10), True, ["T00", "T01", "T03", "T04", "T05"]),
        ("Australia/Lord_Howe", (2013, 10, 6), False, ["T00", "T01", "T02:30", "T03", "T04"]),
        ("Australia/Lord_Howe", (2013, 10, 6), True, ["T00", "T01", "T02", "T03", "T04"]),
        ("Australia/Lord_Howe", (2013, 4, 7), False, ["T00", "T01", "T01:30+10:30", "T02", "T03"]),
        ("Australia/Lord_Howe", (2013, 4, 7), True, ["T00", "T01", "T02", "T03"]),
    ],
)
def test_hours_of_a_day_with_a_clock_change(zone_name, parts, wall, expected):
    calendar = Calendar(Grain.HOUR, zone_name, wall=wall)
    start = first_of(zone_name, *parts)
    assert [show_label(edge, calendar)[10:] for edge in calendar.edges(start, start + 4 * HOUR)] == expected


def test_the_repeated_wall_hour_is_one_interval_of_two_hours():
    calendar = Calendar(Grain.HOUR, "America/New_York", wall=True)
    start = first_of(calendar.zone, 2013, 11, 3, 1)
    assert calendar.next(start) - start == 2 * HOUR


@pytest.mark.parametrize("zone_name", ["America/New_York", "Europe/Berlin", "Africa/Casablanca"])
def test_wall_minutes_are_refused_where_the_clock_is_set_back(zone_name):
    with pytest.raises(MtctlError) as caught:
        Calendar(Grain.MINUTE, zone_name, wall=True)
    assert caught.value.code == "partition_grain_ambiguous"
    assert caught.value.fix == "use TIMESTAMPTZ or time-zone UTC"


def test_wall_minutes_are_fine_in_utc():
    calendar = Calendar(Grain.MINUTE, "UTC", wall=True)
    assert calendar.count(utc(2024, 1, 1), utc(2024, 1, 2)) == 1440


@pytest.mark.parametrize(
    ("grain", "expected"),
    [
        (Grain.YEAR, "2013"),
        (Grain.QUARTER, "2013-Q1"),
        (Grain.MONTH, "2013-02"),
        (Grain.WEEK, "2013-01-28"),
        (Grain.DAY, "2013-02-03"),
        (Grain.HOUR, "2013-02-03T05"),
        (Grain.MINUTE, "2013-02-03T05:06"),
    ],
)
def test_labels_of_each_grain(grain, expected):
    calendar = Calendar(grain, "UTC")
    start = calendar.floor(utc(2013, 2, 3, 5, 6, 7))
    assert show_interval(Interval(start, calendar.next(start)), calendar) == expected


def test_a_range_shows_its_first_and_last_label():
    calendar = Calendar(Grain.DAY, "America/New_York")
    five = Interval(first_of(calendar.zone, 2013, 2, 3), first_of(calendar.zone, 2013, 2, 8))
    assert show_interval(five, calendar) == "2013-02-03..2013-02-07"
    assert show_interval(WHOLE, calendar) == "whole table"
    assert show_interval(WHOLE, None) == "whole table"


def test_instants_as_text():
    at = utc(2013, 3, 10, 7)
    assert show(at, "America/New_York") == "2013-03-10T03:00:00-04:00"
    assert iso_utc(at) == "2013-03-10T07:00:00Z"
    assert wall_text(at + 1, "America/New_York") == "2013-03-10 03:00:00.000001"


@pytest.mark.parametrize(
    "name", ["EST5EDT4", "Mars/Base", "", "../../etc/localtime", "UTC\0", "/etc/localtime", "America"]
)
def test_unknown_zones_are_refused_without_looking_elsewhere(name):
    with pytest.raises(MtctlError) as caught:
        zone(name)
    assert caught.value.code == "time_zone_unknown"
    assert caught.value.kind is Kind.INVALID
    assert "\0" not in str(caught.value)


def test_the_machines_own_zone_is_refused():
    with pytest.raises(MtctlError) as caught:
        zone("local")
    assert caught.value.code == "time_zone_local"


def test_a_near_zone_is_proposed():
    with pytest.raises(MtctlError) as caught:
        zone("America/New_Yrok")
    assert caught.value.fix == "did you mean 'America/New_York'?"


def test_365_000_days_are_counted_and_listed_quickly():
    calendar = Calendar(Grain.DAY, "UTC")
    start, end = utc(1500, 1, 1), utc(2499, 4, 30)
    days = (end - start) // (24 * HOUR)
    assert days > 364_000
    assert calendar.count(start, end) == days
    assert sum(1 for _ in calendar.intervals(start, end)) == days
