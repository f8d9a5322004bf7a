"""Schedules in words, and what their writer is warned of."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from wall_walk import told_expressions

from mtctl.core.errors import MtctlError
from mtctl.core.schedule import parse_schedule
from mtctl.core.schedule_words import partition_words, warnings, words
from mtctl.core.zones import first_at

MINUTE = 60_000_000
NEW_YORK = "America/New_York"


def at(text: str, zone: str = "UTC") -> int:
    return first_at(datetime.fromisoformat(text), zone)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0 2 * * *", "every day at 02:00"),
        ("@daily", "every day at 00:00"),
        ("0 0 5,17 ? * MON-FRI", "at 05:00 and 17:00, Monday to Friday"),
        ("30 0 2 * * ?", "every day at 02:00:30"),
        ("0 0 */4 ? * *", "every day at 00:00, 04:00, 08:00, 12:00, 16:00 and 20:00"),
        ("0 */2 * * *", "every 2 hours"),
        ("@hourly", "every hour"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0/1 * * * * ? *", "every second"),
        ("0/30 * * * * ? *", "every 30 seconds"),
        ("0 0/5 9-17 ? * MON-FRI", "every 5 minutes from 09:00 to 17:00, Monday to Friday"),
        ("7,37 * * * *", "minutes 7 and 37"),
        ("0 9-17 * * *", "every full hour from 09:00 to 17:00"),
        ("0 15 10 L * ?", "at 10:15, on the last day of the month"),
        ("0 15 10 L-3 * ?", "at 10:15, on 3 days before the last day of the month"),
        ("0 15 10 LW * ?", "at 10:15, on the weekday nearest to the last day of the month"),
        ("0 0 9 15W * ?", "at 09:00, on the weekday nearest to day 15 of the month"),
        ("0 0 12 ? * 6L", "at 12:00, the last Friday of the month"),
        ("0 0 0 ? * 2#1", "at 00:00, the first Monday of the month"),
        ("0 0 1,15 * 1", "at 00:00, on days 1 and 15 of the month and also Monday"),
        ("0 0 * * SAT,SUN", "at 00:00, Saturday and Sunday"),
        ("0 15 10 * * ? 2027-2029", "at 10:15, in 2027 to 2029"),
        ("0 0 0 1 NOV-FEB ?", "at 00:00, on day 1 of the month, in January, February, November and December"),
        ("@yearly", "at 00:00, on day 1 of the month, in January"),
        ("every 90 minutes", "every 90 minutes, counted from midnight of 1970-01-01"),
        ("every 2 days", "every 2 days at 00:00"),
        ("every 24 hours", "every 24 hours, counted from midnight of 1970-01-01"),
    ],
)
def test_words(text, wanted):
    assert words(parse_schedule(text, zone="UTC")) == wanted


def test_words_of_start_and_blackout() -> None:
    start = at("2026-01-01 06:30", NEW_YORK)
    assert words(parse_schedule("every 2 days", zone=NEW_YORK, start=start)) == "every 2 days at 06:30"
    assert words(parse_schedule("every 8h", zone=NEW_YORK, start=start)) == "every 8 hours from 2026-01-01 06:30"
    schedule = parse_schedule("0 2 * * *", zone="UTC", blackout=["sat,sun", "2026-12-24"])
    assert words(schedule) == "every day at 02:00, except in SAT,SUN and 2026-12-24"


@settings(deadline=None)
@given(told_expressions())
def test_every_valid_expression_has_words(told):
    try:
        schedule = parse_schedule(told.text, zone="UTC")
    except MtctlError:
        return
    text = words(schedule)
    assert text
    assert "  " not in text
    assert "None" not in text
    assert not text.endswith((" ", ","))


@pytest.mark.parametrize(
    ("text", "dst", "wanted"),
    [
        ("30 2 * * *", "cron", [f"2027-03-14 02:30 does not exist in {NEW_YORK}: runs 03:00"]),
        ("30 2 * * *", "quartz", [f"2027-03-14 02:30 does not exist in {NEW_YORK}: is skipped"]),
        ("30 1 * * *", "cron",
         [f"2026-11-01 01:30 comes twice in {NEW_YORK}: runs at the first, 2026-11-01T01:30:00-04:00"]),
        ("30 1 * * *", "quartz",
         [f"2026-11-01 01:30 comes twice in {NEW_YORK}: runs at the second, 2026-11-01T01:30:00-05:00"]),
        ("0,30 2 * * *", "cron",
         [f"2027-03-14 02:00 (and what follows before 03:00) does not exist in {NEW_YORK}: runs 03:00"]),
        ("every 1 day", "cron", []),
        ("0 5 * * *", "cron", []),
        ("0 * * * *", "cron", []),
    ],
)  # fmt: skip
def test_clock_changes_of_the_coming_400_days_are_told(text, dst, wanted):
    schedule = parse_schedule(text, zone=NEW_YORK, dst=dst)
    found = warnings(schedule, at("2026-06-01", NEW_YORK))
    assert [each for each in found if "202" in each] == wanted
    assert any("00:00 and 03:59" in each for each in found) is bool(wanted)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0 2 31 * *", "months without day 31"), ("0 2 29,30 * *", "months without day 29"),
        ("* 0 2 * * ?", "fires every second"), ("*/7 * * * *", "'*/7' does not divide 60"),
        ("0 0 0/5 * * ?", "'0/5' does not divide 24"), ("0 2 1 * 1", "when either matches"),
    ],
)  # fmt: skip
def test_what_may_surprise_is_told(text, part):
    found = warnings(parse_schedule(text, zone="UTC"), at("2026-06-01"))
    assert len(found) == 1
    assert part in found[0]


def test_a_jitter_longer_than_the_period_is_told() -> None:
    schedule = parse_schedule("*/5 * * * *", zone="UTC", jitter=6 * MINUTE)
    assert "jitter" in warnings(schedule, at("2026-06-01"))[0]
    assert warnings(parse_schedule("*/5 * * * *", zone="UTC", jitter=MINUTE), at("2026-06-01")) == []


def test_which_part_of_a_table_a_fire_refreshes() -> None:
    daily = parse_schedule("0 0 * * *", zone=NEW_YORK)
    assert partition_words(daily, at("2026-03-02", NEW_YORK)) == (
        "the fire of 2026-03-02 00:00 refreshes [2026-03-01, 2026-03-02)"
    )
    early = parse_schedule("0 2 * * *", zone=NEW_YORK)
    assert partition_words(early, at("2026-03-08 03:00", NEW_YORK)) == (
        "the fire of 2026-03-08 03:00 refreshes [2026-03-07 02:00, 2026-03-08 03:00)"
    )
