"""Flink's tables of freshness, cron and refresh mode; where mtctl differs, a row holds both answers."""

from __future__ import annotations

import pytest

from mtctl.core.errors import MtctlError
from mtctl.core.freshness import (
    Freshness,
    FreshnessUnit,
    flink_cron,
    flink_mode,
    from_duration,
    parse_freshness,
    schedule_of,
)

SECOND, MINUTE, HOUR, DAY = FreshnessUnit
POSITIVE = "The freshness interval currently only supports positive integer type values. But was: "
UNITS = "Materialized table freshness only supports SECOND, MINUTE, HOUR, DAY, WEEK as the time unit."
OUR_UNITS = "Materialized table freshness only supports SECOND, MINUTE, HOUR, DAY as the time unit."


@pytest.mark.parametrize(
    ("value", "unit", "upstream", "ours"),
    [
        ("2efedd", "MINUTE", POSITIVE + "2efedd", None),
        ("2.5", "MINUTE", POSITIVE + "2.5", None),
        ("-2", "MINUTE", POSITIVE + "-2", None),
        ("0", "MINUTE", POSITIVE + "0", None),
        ("12345678901234567890", "MINUTE", POSITIVE + "12345678901234567890", None),
        ("2147483648", "SECOND", POSITIVE + "2147483648", None),
        ("-30", "SECOND", POSITIVE + "-30", None),
        ("", "SECOND", POSITIVE, None),
        ("５", "SECOND", POSITIVE + "５", None),
        ("1.5", "SECOND", "INTERVAL '1' SECOND", POSITIVE + "1.5"),
        # WEEK has no cron form upstream, so it is refused at once and not offered.
        ("30", "YEAR", UNITS, OUR_UNITS),
        ("1", "MONTH", UNITS, OUR_UNITS),
        ("30", "DAY TO HOUR", UNITS, OUR_UNITS),
        ("1", "WEEK", "INTERVAL '1' WEEK", OUR_UNITS),
    ],
)
def test_bad_literals_are_refused_in_flinks_words(value, unit, upstream, ours):
    with pytest.raises(MtctlError) as caught:
        parse_freshness(value, unit)
    assert caught.value.what == (ours or upstream)
    assert (ours is None) == (caught.value.what == upstream)


@pytest.mark.parametrize(
    ("value", "unit", "seconds", "text"),
    [
        ("20", "SECOND", 20, "INTERVAL '20' SECOND"),
        ("3", "MINUTE", 180, "INTERVAL '3' MINUTE"),
        ("3", "hours", 10800, "INTERVAL '3' HOUR"),
        ("3", "Days", 259200, "INTERVAL '3' DAY"),
        ("2147483647", "SECONDS", 2147483647, "INTERVAL '2147483647' SECOND"),
    ],
)
def test_good_literals(value, unit, seconds, text):
    freshness = parse_freshness(value, unit)
    assert freshness.seconds == seconds
    assert str(freshness) == freshness.render() == text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (20, Freshness(20, SECOND)),
        (180, Freshness(3, MINUTE)),
        (3600, Freshness(1, HOUR)),
        (2 * 86400, Freshness(2, DAY)),
        (60, Freshness(1, MINUTE)),
        (90, Freshness(90, SECOND)),
        (36 * 3600, Freshness(36, HOUR)),
        (20.9, Freshness(20, SECOND)),
    ],
)
def test_durations_take_the_largest_unit_that_divides_them(seconds, expected):
    assert from_duration(int(seconds * 1_000_000)) == expected


def test_no_duration_is_no_freshness():
    with pytest.raises(MtctlError) as caught:
        from_duration(999_999)
    assert caught.value.what == POSITIVE + "0"


CRON_ROWS = [
    *((Freshness(n, SECOND), f"0/{n} * * * * ? *") for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *((Freshness(n, MINUTE), f"0 0/{n} * * * ? *") for n in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *((Freshness(n, HOUR), f"0 0 0/{n} * * ? *") for n in (1, 2, 3, 4, 6, 8, 12)),
    (Freshness(1, DAY), "0 0 0 * * ? *"),
]
FACTORS = (
    "In full refresh mode, only freshness that are factors of {} are currently supported when the time unit is {}."
)
LESS = "In full refresh mode, freshness must be less than {} when the time unit is {}."
NO_CRON_ROWS = [
    *((Freshness(n, SECOND), FACTORS.format(60, "SECOND")) for n in (32, 7, 8, 9, 11, 40, 45, 59)),
    *((Freshness(n, SECOND), LESS.format(60, "SECOND")) for n in (60, 90, 120)),
    *((Freshness(n, MINUTE), FACTORS.format(60, "MINUTE")) for n in (31, 32, 40, 45)),
    *((Freshness(n, MINUTE), LESS.format(60, "MINUTE")) for n in (60, 90)),
    *((Freshness(n, HOUR), FACTORS.format(24, "HOUR")) for n in (5, 7, 9, 10, 11, 14, 16, 18, 23)),
    *((Freshness(n, HOUR), LESS.format(24, "HOUR")) for n in (24, 36, 48)),
    *((Freshness(n, DAY), "In full refresh mode, freshness must be 1 when the time unit is DAY.") for n in (2, 7)),
]


@pytest.mark.parametrize(("freshness", "cron"), CRON_ROWS, ids=str)
def test_freshness_with_a_cron_form(freshness, cron):
    assert flink_cron(freshness) == cron
    assert schedule_of(freshness) == cron


@pytest.mark.parametrize(("freshness", "text"), NO_CRON_ROWS, ids=str)
def test_freshness_without_a_cron_form_in_flinks_words(freshness, text):
    with pytest.raises(MtctlError) as caught:
        flink_cron(freshness)
    assert caught.value.what == text
    assert schedule_of(freshness) == f"every {freshness.value} {freshness.unit.lower()}s"


@pytest.mark.parametrize(
    ("freshness", "refresh_mode", "logical", "physical", "kept"),
    [
        ((30, SECOND), None, "AUTOMATIC", "CONTINUOUS", (30, SECOND)),
        ((29, MINUTE), None, "AUTOMATIC", "CONTINUOUS", (29, MINUTE)),
        ((30, MINUTE), None, "AUTOMATIC", "FULL", (30, MINUTE)),
        ((1, HOUR), None, "AUTOMATIC", "FULL", (1, HOUR)),
        ((1, DAY), None, "AUTOMATIC", "FULL", (1, DAY)),
        ((30, SECOND), "FULL", "FULL", "FULL", (30, SECOND)),
        ((30, DAY), "CONTINUOUS", "CONTINUOUS", "CONTINUOUS", (30, DAY)),
        ((40, MINUTE), "CONTINUOUS", "CONTINUOUS", "CONTINUOUS", (40, MINUTE)),
        (None, None, "AUTOMATIC", "CONTINUOUS", (3, MINUTE)),
        (None, "CONTINUOUS", "CONTINUOUS", "CONTINUOUS", (3, MINUTE)),
        (None, "FULL", "FULL", "FULL", (1, HOUR)),
        ((10, SECOND), "CONTINUOUS", "CONTINUOUS", "CONTINUOUS", (10, SECOND)),
    ],
)
def test_refresh_mode_and_default_freshness(freshness, refresh_mode, logical, physical, kept):
    found = flink_mode(Freshness(*freshness) if freshness else None, refresh_mode)
    assert found == (logical, physical, Freshness(*kept))


def test_the_threshold_is_strict_and_may_be_set():
    found = flink_mode(None, None, threshold=Freshness(2, MINUTE))
    assert found == ("AUTOMATIC", "FULL", Freshness(3, MINUTE))


@pytest.mark.parametrize(
    ("freshness", "refresh_mode", "text"),
    [
        ((31, MINUTE), None, FACTORS.format(60, "MINUTE")),
        ((40, MINUTE), None, FACTORS.format(60, "MINUTE")),
        ((40, MINUTE), "FULL", FACTORS.format(60, "MINUTE")),
        ((2, DAY), None, "In full refresh mode, freshness must be 1 when the time unit is DAY."),
    ],
)
def test_full_needs_a_cron_form_even_when_only_derived(freshness, refresh_mode, text):
    with pytest.raises(MtctlError) as caught:
        flink_mode(Freshness(*freshness), refresh_mode)
    assert caught.value.what == text
