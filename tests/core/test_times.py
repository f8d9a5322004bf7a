from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import ZONES, instants

from mtctl.core.calendar import Calendar, iso_utc, show, show_interval
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import Grain, Interval
from mtctl.core.times import parse_duration, parse_instant, parse_interval, parse_range

NEW_YORK = "America/New_York"
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2013-01-01", NEW_YORK, "2013-01-01T05:00:00Z"),
        ("2013-01-01", "UTC", "2013-01-01T00:00:00Z"),
        ("2013-07-01T05", NEW_YORK, "2013-07-01T09:00:00Z"),
        ("2013-07-01 05:30", NEW_YORK, "2013-07-01T09:30:00Z"),
        ("2013-07-01T05:30:01.25", NEW_YORK, "2013-07-01T09:30:01.250000Z"),
        ("2013-07-01T05:30Z", NEW_YORK, "2013-07-01T05:30:00Z"),
        ("2013-07-01T05:30+02:00", NEW_YORK, "2013-07-01T03:30:00Z"),
        ("2024-11-03T01:30-05:00", NEW_YORK, "2024-11-03T06:30:00Z"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z"),
        ("0001-01-02", "UTC", "0001-01-02T00:00:00Z"),
        ("9998-12-31", "UTC", "9998-12-31T00:00:00Z"),
    ],
)
def test_instants_are_read_in_the_zone(text, zone, expected):
    assert iso_utc(parse_instant(text, zone, field="--from")) == expected


@pytest.mark.parametrize(
    ("text", "zone", "code"),
    [
        ("2024-11-03T01:30", NEW_YORK, "time_ambiguous"),
        ("2024-03-10T02:30", NEW_YORK, "time_nonexistent"),
        ("2018-11-04T00:00", "America/Sao_Paulo", "time_nonexistent"),
        ("2011-12-30", "Pacific/Apia", "time_nonexistent"),
        ("2024-02-30", "UTC", "time_parse"),
        ("2024-13-01", "UTC", "time_parse"),
        ("yesterdayish", "UTC", "time_parse"),
        ("", "UTC", "time_parse"),
        ("2024", "UTC", "time_parse"),
        ("2024-01-01T25:00", "UTC", "time_parse"),
        ("2024-01-01T00:00+25:00", "UTC", "time_parse"),
        ("２０２４-01-01", "UTC", "time_parse"),
        ("2024-01-01\x1b[2J", "UTC", "time_parse"),
        ("0000-01-01", "UTC", "time_range"),
        ("9999-01-01", "UTC", "time_range"),
        ("0001-01-01", "Europe/Berlin", "time_range"),
    ],
)
def test_bad_times_are_refused(text, zone, code):
    with pytest.raises(MtctlError) as caught:
        parse_instant(text, zone, field="--from")
    assert caught.value.code == code
    assert caught.value.kind is Kind.USAGE
    assert caught.value.where == "--from"
    assert str(caught.value).isprintable()


def test_an_ambiguous_time_lists_both_offsets():
    with pytest.raises(MtctlError) as caught:
        parse_instant("2024-11-03T01:30", NEW_YORK, field="--from")
    assert caught.value.fix == "write 2024-11-03T01:30:00-04:00 or 2024-11-03T01:30:00-05:00"


@given(st.sampled_from(ZONES), instants())
def test_what_is_shown_is_read_back(zone, instant):
    whole_minutes = instant // 60_000_000 * 60_000_000
    text = show(whole_minutes, zone)
    if len(text) == 25:  # local mean time has offsets with seconds, which ISO texts of users do not
        assert parse_instant(text, zone, field="x") == whole_minutes


@pytest.mark.parametrize(
    ("grain", "text", "shown", "count"),
    [
        (Grain.DAY, "2013", "2013-01-01..2013-12-31", 365),
        (Grain.DAY, "2013-Q1", "2013-01-01..2013-03-31", 90),
        (Grain.DAY, "2013-02", "2013-02-01..2013-02-28", 28),
        (Grain.DAY, "2013-03-10", "2013-03-10", 1),
        (Grain.DAY, "2013-02-03/2013-02-08", "2013-02-03..2013-02-07", 5),
        (Grain.DAY, "2013-02-03/2013-03", "2013-02-03..2013-02-28", 26),
        (Grain.MONTH, "2013-02", "2013-02", 1),
        (Grain.MONTH, "2013", "2013-01..2013-12", 12),
        (Grain.QUARTER, "2013-Q4", "2013-Q4", 1),
        (Grain.YEAR, "2013", "2013", 1),
        (Grain.WEEK, "2013-02-04", "2013-02-04", 1),
        (Grain.HOUR, "2013-02-03T05", "2013-02-03T05", 1),
        (Grain.HOUR, "2013-03-10", "2013-03-10T00..2013-03-10T23", 23),
        (Grain.HOUR, "2013-11-03T01", "2013-11-03T01-04:00..2013-11-03T01-05:00", 2),
        (Grain.HOUR, "2013-11-03T01-05:00", "2013-11-03T01-05:00", 1),
        (Grain.MINUTE, "2013-02-03T05", "2013-02-03T05:00..2013-02-03T05:59", 60),
        (Grain.MINUTE, "2013-02-03T05:07", "2013-02-03T05:07", 1),
    ],
)
def test_intervals_by_prefix_and_by_range(grain, text, shown, count):
    calendar = Calendar(grain, NEW_YORK)
    found = parse_interval(text, calendar)
    assert show_interval(found, calendar) == shown
    assert calendar.count(found.start, found.end) == count


@given(st.sampled_from(list(Grain)), st.sampled_from(ZONES), instants(1950))
def test_the_label_of_an_interval_names_it(grain, zone, instant):
    calendar = Calendar(grain, zone)
    interval = Interval(calendar.floor(instant), calendar.next(instant))
    assert parse_interval(show_interval(interval, calendar), calendar) == interval


@pytest.mark.parametrize(
    ("grain", "text", "code", "fix"),
    [
        (Grain.MONTH, "2013-02-03", "interval_not_aligned", "2013-02-01T00:00:00-05:00 and 2013-03-01T00:00:00-05:00"),
        (Grain.DAY, "2013-02-03T05", "interval_not_aligned", "2013-02-03T00:00:00-05:00 and 2013-02-04T00:00:00-05:00"),
        (Grain.WEEK, "2013-02-05", "interval_not_aligned", "2013-02-04T00:00:00-05:00 and 2013-02-11T00:00:00-05:00"),
        (Grain.WEEK, "2013-02", "interval_not_aligned", "2013-01-28T00:00:00-05:00 and 2013-02-04T00:00:00-05:00"),
        (Grain.DAY, "2013-02-03/2013-02-04T12:00", "interval_not_aligned", "2013-02-04T00:00:00-05:00 and"),
        (Grain.DAY, "2013-02-05/2013-02-03", "time_range", ""),
        (Grain.HOUR, "2013-03-10T02", "time_nonexistent", ""),
        (Grain.DAY, "2013-02-03/", "time_parse", ""),
        (Grain.DAY, "2013-Q5", "time_parse", ""),
        (Grain.DAY, "9999", "time_range", ""),
    ],
)
def test_intervals_off_the_grain_are_refused_with_the_nearest(grain, text, code, fix):
    with pytest.raises(MtctlError) as caught:
        parse_interval(text, Calendar(grain, NEW_YORK))
    assert caught.value.code == code
    assert caught.value.kind is Kind.USAGE
    assert fix in caught.value.fix


def test_a_range_is_half_open_and_goes_forward():
    calendar = Calendar(Grain.DAY, NEW_YORK)
    found = parse_range("2013-01-01", "2014-01-01", calendar)
    assert calendar.count(found.start, found.end) == 365
    with pytest.raises(MtctlError) as caught:
        parse_range("2014-01-01", "2014-01-01", calendar)
    assert (caught.value.code, caught.value.where) == ("time_range", "--from --to")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 minutes", 5400),
        ("2h", 7200),
        ("1d", 86400),
        ("30s", 30),
        ("15 min", 900),
        ("1 week", 604800),
        (" 1 Day ", 86400),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds * SECOND


@pytest.mark.parametrize(
    "text", ["0s", "-5m", "1e9d", "NaN", "5", "", "1.5h", "1 fortnight", "9999999999d", "５m", "1\nm"]
)
def test_bad_durations_are_refused(text):
    with pytest.raises(MtctlError) as caught:
        parse_duration(text)
    assert caught.value.code == "duration"
    assert str(caught.value).isprintable()


def test_zero_is_a_duration_where_it_is_allowed():
    assert parse_duration("0s", allow_zero=True) == 0
    assert parse_duration("0", allow_zero=True) == 0
