"""Schedules: every-N, start and end, jitter, blackouts, data intervals, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtctl
from mtctl.core.blackout import parse_blackout
from mtctl.core.calendar import show
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import Freshness, FreshnessUnit, schedule_of
from mtctl.core.schedule import (
    Dialect,
    data_interval,
    due_at,
    fires,
    next_fire,
    parse_schedule,
    previous_fire,
    rule_of,
    tally,
)
from mtctl.core.zones import first_at, to_wall

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NEW_YORK = "America/New_York"


def at(text: str, zone: str = "UTC") -> int:
    return first_at(datetime.fromisoformat(text), zone)


def shown(schedule, after: str, count: int) -> list[str]:
    start = at(after, schedule.zone)
    return [show(each, schedule.zone)[:16] for each in islice(fires(schedule, start, start + 3000 * DAY), count)]


@pytest.mark.parametrize(
    ("text", "zone", "start", "after", "wanted"),
    [
        ("every 90 minutes", "UTC", None, "2026-01-01 00:00", ["2026-01-01T01:30", "2026-01-01T03:00"]),
        ("every 15m", "UTC", "2026-01-01 00:05", "2026-01-01 01:00", ["2026-01-01T01:05", "2026-01-01T01:20"]),
        ("every 15m", "UTC", "2026-01-01 00:05", "2025-01-01", ["2026-01-01T00:05", "2026-01-01T00:20"]),
        ("every 2 days", "UTC", None, "2026-01-01 00:00", ["2026-01-03T00:00", "2026-01-05T00:00"]),
        ("every 2 days", NEW_YORK, "2026-03-06 02:30", "2026-03-06 02:30", ["2026-03-08T03:00", "2026-03-10T02:30"]),
        ("every 24 hours", NEW_YORK, "2026-03-07 02:30", "2026-03-07 02:30", ["2026-03-08T03:30", "2026-03-09T03:30"]),
        ("every 1 week", NEW_YORK, "2026-10-31 01:30", "2026-10-25", ["2026-10-31T01:30", "2026-11-07T01:30"]),
        ("EVERY 1 Day", NEW_YORK, "2026-10-31 01:30", "2026-10-31 02:00", ["2026-11-01T01:30", "2026-11-02T01:30"]),
    ],
)  # fmt: skip
def test_every_is_anchored_and_days_are_those_of_the_zone(text, zone, start, after, wanted):
    schedule = parse_schedule(text, zone=zone, start=None if start is None else at(start, zone))
    assert shown(schedule, after, 2) == wanted


def test_every_without_start_is_anchored_at_local_midnight_of_1970() -> None:
    schedule = parse_schedule("every 7 hours", zone="Asia/Kolkata")
    fire = next_fire(schedule, at("2026-05-05"))
    assert fire is not None
    assert (fire - at("1970-01-01", "Asia/Kolkata")) % (7 * HOUR) == 0


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("@hourly", "2026-02-28T13:00"), ("@daily", "2026-03-01T00:00"), ("@midnight", "2026-03-01T00:00"),
        ("@weekly", "2026-03-01T00:00"), ("@monthly", "2026-03-01T00:00"), ("@Yearly", "2027-01-01T00:00"),
        ("@annually", "2027-01-01T00:00"),
    ],
)  # fmt: skip
def test_names(name, wanted):
    assert shown(parse_schedule(name, zone="UTC"), "2026-02-28 12:00", 1) == [wanted]


@pytest.mark.parametrize(
    ("text", "kwargs", "code", "words"),
    [
        ("", {}, "schedule", "empty"),
        ("@dayly", {}, "schedule", "not a schedule"),
        ("sometimes", {}, "schedule", "not a schedule"),
        ("every", {}, "duration", "not a duration"),
        ("every 0 days", {}, "duration", "not a duration"),
        ("every day", {}, "duration", "not a duration"),
        ("0 2 * * *", {"zone": "Mars/Olympus"}, "time_zone_unknown", "Mars"),
        ("0 2 * * *", {"zone": "local"}, "time_zone_local", "another"),
        ("0 2 * * *", {"dialect": "spring"}, "schedule", "not a dialect"),
        ("0 2 * * *", {"dialect": "quartz"}, "schedule", "five fields"),
        ("0 2 * * *", {"dst": "sometimes"}, "schedule", "clock changes"),
        ("0 2 * * *", {"start": 2, "end": 1}, "schedule", "before the start"),
        ("0 2 * * *", {"jitter": -1}, "schedule", "negative"),
        ("0 2 30 2 *", {}, "schedule", "never fire"),
        ("0 2 * * *", {"blackout": ["00:00-06:00"]}, "schedule", "leave no fire"),
        ("0 2 * * *", {"blackout": ["tomorrow"]}, "blackout", "not a blackout"),
    ],
)
def test_what_is_not_a_schedule_is_refused(text, kwargs, code, words):
    with pytest.raises(MtctlError) as caught:
        parse_schedule(text, **({"zone": "UTC", "where": "a.sql:1:2"} | kwargs))
    assert caught.value.code == code
    assert caught.value.kind is Kind.INVALID
    assert words in caught.value.what
    assert "a.sql:1:2" in caught.value.where


@pytest.mark.parametrize(
    ("value", "unit", "text", "dialect"),
    [
        (1, "SECOND", "0/1 * * * * ? *", Dialect.QUARTZ), (30, "SECOND", "0/30 * * * * ? *", Dialect.QUARTZ),
        (5, "MINUTE", "0 0/5 * * * ? *", Dialect.QUARTZ), (12, "HOUR", "0 0 0/12 * * ? *", Dialect.QUARTZ),
        (1, "DAY", "0 0 0 * * ? *", Dialect.QUARTZ), (90, "MINUTE", "every 90 minutes", None),
        (2, "DAY", "every 2 days", None), (32, "SECOND", "every 32 seconds", None),
    ],
)  # fmt: skip
def test_the_schedule_of_a_freshness_is_one(value, unit, text, dialect):
    written = schedule_of(Freshness(value, FreshnessUnit[unit]))
    schedule = parse_schedule(written, zone="UTC")
    assert (schedule.text, schedule.dialect) == (text, dialect)
    first = next_fire(schedule, at("2026-01-01"))
    assert first is not None
    second = next_fire(schedule, first)
    assert second is not None
    assert second - first == Freshness(value, FreshnessUnit[unit]).seconds * SECOND


def test_no_fire_before_the_start_and_none_after_the_end() -> None:
    start, end = at("2026-01-10 02:00"), at("2026-01-12 02:00")
    schedule = parse_schedule("0 2 * * *", zone="UTC", start=start, end=end)
    assert list(fires(schedule, 0, at("2027-01-01"))) == [start, start + DAY, end]
    assert next_fire(schedule, end) is None
    assert previous_fire(schedule, start) is None
    assert previous_fire(schedule, at("2027-01-01")) == end
    assert data_interval(schedule, start) == (start - DAY, start)


def test_the_only_fire_of_a_year_field_covers_a_whole_period() -> None:
    schedule = parse_schedule("0 0 0 1 1 ? 2027", zone="UTC")
    assert data_interval(schedule, at("2027-01-01")) == (at("2026-01-01"), at("2027-01-01"))


def test_jitter_moves_when_a_fire_is_due_by_the_same_stable_part_and_never_the_fire() -> None:
    schedule = parse_schedule("@daily", zone="UTC", jitter=10 * 60 * SECOND)
    fire = next_fire(schedule, at("2026-01-01"))
    assert fire == at("2026-01-02")
    shifts = {due_at(schedule, fire, key) - fire for key in map(str, range(50))}
    assert len(shifts) > 40
    assert all(0 <= shift < 10 * 60 * SECOND for shift in shifts)
    assert due_at(schedule, fire, "flights") - fire == due_at(schedule, fire + DAY, "flights") - fire - DAY
    assert due_at(schedule, fire, "flights") - fire == 532_682_146
    assert due_at(parse_schedule("@daily", zone="UTC"), fire, "flights") == fire


@pytest.mark.parametrize(
    ("blackout", "text", "after", "wanted"),
    [
        ("2026-12-24..2026-12-26", "0 2 * * *", "2026-12-23 00:00", ["2026-12-23T02:00", "2026-12-27T02:00"]),
        ("2026-12-24", "0 2 * * *", "2026-12-23 12:00", ["2026-12-25T02:00"]),
        ("SAT,SUN", "0 2 * * *", "2026-11-20 03:00", ["2026-11-23T02:00"]),
        ("sat-sun", "* * * * *", "2026-11-20 23:59", ["2026-11-23T00:00", "2026-11-23T00:01"]),
        ("22:00-06:00", "0 * * * *", "2026-11-20 20:30", ["2026-11-20T21:00", "2026-11-21T06:00"]),
        ("00:00-24:00", "0 * * * *", "2026-11-20 20:30", None),
        ("FRI 22:00-06:00", "0 * * * *", "2026-11-20 20:30", ["2026-11-20T21:00", "2026-11-21T06:00"]),
        ("FRI 22:00-06:00", "0 * * * *", "2026-11-21 21:30", ["2026-11-21T22:00"]),
        ("2026-11-20..2026-11-21 09:00-17:00", "0 12 * * *", "2026-11-19 13:00", ["2026-11-22T12:00"]),
    ],
)
def test_a_fire_in_a_blackout_is_dropped(blackout, text, after, wanted):
    if wanted is None:
        with pytest.raises(MtctlError):
            parse_schedule(text, zone="UTC", blackout=[blackout])
        return
    schedule = parse_schedule(text, zone="UTC", blackout=[blackout])
    assert shown(schedule, after, len(wanted)) == wanted


def test_the_next_kept_fire_covers_the_time_of_the_dropped_ones() -> None:
    schedule = parse_schedule("0 2 * * *", zone=NEW_YORK, blackout=["2026-12-24..2026-12-26"])
    fire = at("2026-12-27 02:00", NEW_YORK)
    assert data_interval(schedule, fire) == (at("2026-12-23 02:00", NEW_YORK), fire)


@given(
    blackouts=st.lists(
        st.sampled_from(["SAT,SUN", "22:00-06:00", "01:30-02:00", "2026-10-20..2026-10-30", "MON 00:30-01:30",
                         "2026-03-08"]),
        max_size=3,
    ),
    text=st.sampled_from(["0 * * * *", "*/30 * * * *", "15 1 * * *", "0 0 12 ? * 2-6", "every 50 minutes"]),
    zone=st.sampled_from([NEW_YORK, "UTC", "Australia/Lord_Howe"]),
    start=st.sampled_from([at("2026-03-06"), at("2026-10-23"), at("2026-10-30"), at("2026-04-03")]),
)  # fmt: skip
def test_kept_fires_are_all_fires_whose_wall_clock_is_outside(blackouts, text, zone, start):
    pieces = [parse_blackout(each) for each in blackouts]
    try:
        schedule = parse_schedule(text, zone=zone, blackout=pieces)
    except MtctlError as error:
        assert "no fire" in error.what  # noqa: PT017 - 01:15 each day under 22:00-06:00
        return
    end = start + 4 * DAY
    every = fires(parse_schedule(text, zone=zone), start, end)
    wanted = [fire for fire in every if not any(piece.piece(to_wall(fire, zone)) for piece in pieces)]
    assert list(fires(schedule, start, end)) == wanted
    for before, fire in pairwise(wanted):
        assert previous_fire(schedule, fire) == before
        assert data_interval(schedule, fire) == (before, fire)


@pytest.mark.parametrize(
    "text",
    ["", "SAT SUN", "25:00-26:00", "2026-02-30", "2026-12-26..2026-12-24", "2026-01-01..2126-01-01", "06:00-06:00",
     "SAT,FOO", "sat 22-06", "2026-12-24 SAT", "22:00-06:00 22:00-06:00", "ſat"],
)  # fmt: skip
def test_what_is_not_a_blackout_is_refused(text):
    with pytest.raises(MtctlError) as caught:
        parse_blackout(text, where="workflows/a.toml")
    assert caught.value.code == "blackout"
    assert caught.value.where == "workflows/a.toml"


def test_reading_a_schedule_loads_no_croniter_and_computing_a_fire_does() -> None:
    program = (
        "import sys; from mtctl.core.schedule import parse_schedule, next_fire;"
        "s = parse_schedule('0 0 2 * * ?', zone='UTC'); assert 'croniter' not in sys.modules;"
        "e = parse_schedule('every 2 days', zone='UTC'); next_fire(e, 0); assert 'croniter' not in sys.modules;"
        "next_fire(s, 0); assert 'croniter' in sys.modules"
    )
    root = Path(mtctl.__file__).parents[1]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


def test_a_rule_is_read_once() -> None:
    assert rule_of("0 0 2 * * ?") is rule_of("0 0 2 * * ?")


@given(
    text=st.sampled_from(["0 3 * * *", "*/20 * * * *", "* * * * *", "30 1 * * *", "every 25m", "7,9 2-4 * * 1-5"]),
    start=st.integers(at("2026-10-20", NEW_YORK) // HOUR, at("2026-11-10", NEW_YORK) // HOUR).map(lambda n: n * HOUR),
    most=st.integers(1, 6),
    dark=st.booleans(),
)
def test_a_tally_counts_the_fires_of_each_hour_up_to_a_limit(text, start, most, dark):
    schedule = parse_schedule(text, zone=NEW_YORK, blackout=["02:00-02:50"] if dark else [])
    found = [sum(1 for _ in fires(schedule, hour - 1, hour + HOUR - 1)) for hour in range(start, start + DAY, HOUR)]

    assert tally(schedule, start, HOUR, 24, most=most) == tuple(min(count, most) for count in found)
