"""Partition values; the rows of Flink's tables hold its answer and, where mtctl differs, ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import ZONES, instants

from mtctl.core.calendar import Calendar, show_interval
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import Freshness, FreshnessUnit
from mtctl.core.interval import Grain, Interval
from mtctl.core.model import Partition, PartitionColumn
from mtctl.core.partition import (
    Formatter,
    flink_partition_values,
    grain_of,
    interval_of_values,
    sorts_like_time,
    values,
)

SECOND, MINUTE, HOUR, DAY = FreshnessUnit
PARSE = (
    "Failed to parse a valid partition value for the field '{}' in materialized table {} using the scheduler time '{}' "
    "based on the date format 'yyyy-MM-dd HH:mm:ss'."
)
TABLE = "`catalog`.`database`.`table`"
PATTERNS = {"day": "yyyy-MM-dd", "hour": "HH", "minute": "mm"}


def strings(**patterns: str) -> Partition:
    columns = tuple(PartitionColumn(name=name, type="VARCHAR", formatter=text) for name, text in patterns.items())
    return Partition(columns=columns, grain=grain_of([Formatter.parse(text) for text in patterns.values()]))


@pytest.mark.parametrize(
    ("schedule", "freshness", "columns", "expected"),
    [
        ("2024-01-01 00:00:00", (1, DAY), 1, "2023-12-31"),
        ("2024-01-02 00:00:00", (1, DAY), 1, "2024-01-01"),
        ("2024-01-02 00:00:00", (1, HOUR), 2, "2024-01-01, 23"),
        ("2024-01-02 01:00:00", (1, HOUR), 2, "2024-01-02, 00"),
        ("2024-01-01 00:00:00", (2, HOUR), 2, "2023-12-31, 22"),
        ("2024-01-01 00:00:00", (4, HOUR), 2, "2023-12-31, 20"),
        ("2024-01-01 00:00:00", (8, HOUR), 2, "2023-12-31, 16"),
        ("2024-01-01 00:00:00", (12, HOUR), 2, "2023-12-31, 12"),
        ("2024-01-01 12:00:00", (12, HOUR), 2, "2024-01-01, 00"),
        *(
            ("2024-01-01 00:00:00", (n, MINUTE), 3, f"2023-12-31, 23, {60 - n}")
            for n in (1, 2, 4, 5, 6, 10, 12, 15, 30)
        ),
        ("2024-01-01 00:30:00", (30, MINUTE), 3, "2024-01-01, 00, 00"),
        ("2024-01-01 00:00:00", (1, DAY), 2, "2023-12-31, 00"),
        ("2024-01-01 00:00:00", (1, DAY), 3, "2023-12-31, 00, 00"),
        ("2024-01-01 00:00:00", (1, HOUR), 3, "2023-12-31, 23, 00"),
        ("2024-01-01 01:00:00", (1, HOUR), 3, "2024-01-01, 00, 00"),
        *(("2024-01-01 00:00:00", (n, HOUR), 1, "2023-12-31") for n in (1, 2, 4)),
        *((f"2024-01-01 0{n}:00:00", (n, HOUR), 1, "2024-01-01") for n in (1, 2, 4)),
        *(("2024-01-01 00:00:00", (n, MINUTE), 2, "2023-12-31, 23") for n in (1, 2, 4, 15)),
        ("2024-01-01 00:00:00", (1, MINUTE), 1, "2023-12-31"),
        ("2024-01-01 00:01:00", (1, MINUTE), 1, "2024-01-01"),
        ("2024-01-02 00:00:00", (30, SECOND), 0, ""),
    ],
)
def test_periodic_refresh_values(schedule, freshness, columns, expected):
    patterns = dict(list(PATTERNS.items())[:columns])
    found = flink_partition_values(schedule, Freshness(*freshness), patterns, "UTC", TABLE)
    assert list(found) == list(patterns)
    assert ", ".join(found.values()) == expected


@pytest.mark.parametrize(
    ("schedule", "patterns", "text"),
    [
        (
            None,
            {"day": "yyyy-MM-dd", "hour": "HH"},
            f"The scheduler time must not be null during the periodic refresh of the materialized table {TABLE}.",
        ),
        (
            "2024-01-01",
            {"day": "yyyy-MM-dd", "hour": "HH"},
            PARSE.format("day", TABLE, "2024-01-01"),
        ),
        (
            "20240103 00:00:00.000",
            {"ds": "yyyy-MM-dd"},
            PARSE.format("ds", TABLE, "20240103 00:00:00.000"),
        ),
    ],
)
def test_periodic_refresh_errors_in_flinks_words(schedule, patterns, text):
    with pytest.raises(MtctlError) as caught:
        flink_partition_values(schedule, Freshness(1, DAY), patterns, "UTC", TABLE)
    assert caught.value.what == text


SAME = "same"
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("schedule", "seconds", "zone", "pattern", "upstream", "ours"),
    [
        ("2024-01-01 00:00:00", 86400, "UTC", "yyyy-MM-dd", "2023-12-31", SAME),
        ("2024-03-01 00:00:00", 86400, "UTC", "yyyyMMdd", "20240229", SAME),
        ("2024-03-01 00:00:00", 86400, "UTC", "yyyy/MM/dd", "2024/02/29", SAME),
        ("2024-01-01 00:00:00", 3600, "UTC", "yyyyMMddHH", "2023123123", SAME),
        ("2024-01-01 00:00:00", 3600, "UTC", "yyyy-MM-dd HH", "2023-12-31 23", SAME),
        ("2024-01-01 00:00:00", 3600, "UTC", "HH", "23", SAME),
        ("2024-01-01 00:00:00", 900, "UTC", "mm", "45", SAME),
        ("2024-01-01 00:00:00", 86400, "UTC", "yyyy", "2023", SAME),
        ("2024-01-01 00:00:00", 86400, "UTC", "MM", "12", SAME),
        ("2024-01-01 00:00:00", 86400, "UTC", "dd", "31", SAME),
        ("2024-01-01 00:00:00", 86400, "UTC", "yyyyMM", "202312", SAME),
        ("2024-01-01 00:00:30", 10, "UTC", "ss", "20", SAME),
        ("2024-01-01 00:00:00", 86400, "UTC", "YYYY-MM-dd", "2024-12-31", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "yyyy-MM-DD", "2023-12-365", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "yyyy-mm-dd", "2023-00-31", "date_formatter"),
        ("2024-01-01 13:00:00", 3600, "UTC", "hh", "12", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "kk", "24", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "'d'yyyyMMdd", "d20231231", SAME),
        ("2024-01-01 00:00:00", 3600, "UTC", "yyyy-MM-ddTHH", "IllegalArgumentException", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "bogus", "IllegalArgumentException", "date_formatter"),
        ("2024-01-01 00:00:00", 86400, "UTC", "", "", "date_formatter"),
        ("2024-01-01", 86400, "UTC", "yyyy-MM-dd", "error", "schedule_time"),
        ("20240103 00:00:00.000", 86400, "UTC", "yyyy-MM-dd", "error", "schedule_time"),
        ("2024-01-01 00:00:00.123", 86400, "UTC", "yyyy-MM-dd", "2023-12-31", "schedule_time"),
        ("2024-01-01 00:00:00 garbage", 86400, "UTC", "yyyy-MM-dd", "2023-12-31", "schedule_time"),
        ("2024-1-2 0:0:0", 86400, "UTC", "yyyy-MM-dd", "2024-01-01", "schedule_time"),
        ("2024-13-01 00:00:00", 1, "UTC", "yyyy-MM-dd", "2025-01-01", "schedule_time"),
        ("2024-02-30 00:00:00", 1, "UTC", "yyyy-MM-dd", "2024-03-01", "schedule_time"),
        ("2024-01-01T00:00:00", 86400, "UTC", "yyyy-MM-dd", "error", "schedule_time"),
        ("2024-01-01 25:00:00", 1, "UTC", "yyyy-MM-dd HH", "2024-01-02 01", "schedule_time"),
        ("", 86400, "UTC", "yyyy-MM-dd", "error", "schedule_time"),
        ("2026-03-08 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-03-07", SAME),
        ("2026-03-09 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-03-07", "2026-03-08"),
        ("2026-03-10 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-03-09", SAME),
        ("2026-11-01 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-10-31", SAME),
        ("2026-11-02 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-11-01", SAME),
        ("2026-11-02 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd HH", "2026-11-01 01", "2026-11-01 00"),
        ("2026-11-03 00:00:00", 86400, NEW_YORK, "yyyy-MM-dd", "2026-11-02", SAME),
        ("2026-03-08 03:00:00", 3600, NEW_YORK, "yyyy-MM-dd HH", "2026-03-08 01", SAME),
        ("2026-03-30 00:00:00", 86400, "Europe/Berlin", "yyyy-MM-dd", "2026-03-28", "2026-03-29"),
        ("2026-10-26 00:00:00", 86400, "Europe/Berlin", "yyyy-MM-dd HH", "2026-10-25 01", "2026-10-25 00"),
        ("2024-01-01 00:00:00", 86400, "Asia/Shanghai", "yyyy-MM-dd", "2023-12-31", SAME),
        # A day whose midnight does not exist is still that day.
        ("2018-11-05 00:00:00", 86400, "America/Sao_Paulo", "yyyy-MM-dd", "2018-11-04", SAME),
    ],
)
def test_corner_cases_of_periodic_values(schedule, seconds, zone, pattern, upstream, ours):
    expected = upstream if ours == SAME else ours
    try:
        found = flink_partition_values(schedule, Freshness(seconds, SECOND), {"ds": pattern}, zone, TABLE)["ds"]
    except MtctlError as error:
        found = error.code
    assert found == expected


@pytest.mark.parametrize(
    ("pattern", "fix"),
    [
        ("YYYY-MM-dd", "write 'yyyy'"),
        ("yyyy-MM-DD", "write 'dd'"),
        ("yyyy-MM-dd hh", "write 'HH'"),
        ("kk", "write 'HH'"),
        ("yyyy-mm-dd", "for the month write 'yyyy-MM-dd'"),
        ("yy-MM-dd", "write 'yyyy'"),
        ("yyyy-M-dd", "write 'MM'"),
        ("yyyy-MMM-dd", "write 'MM'"),
        ("yyyy-MM-ddTHH", "write 'T'"),
        ("yyyy-MM-dd'T", "close it, or write '' for one quote"),
        ("bogus", "use yyyy, MM, dd, HH, mm, ss, and quote other letters like 'this'"),
        ("----", "write for example 'yyyy-MM-dd'"),
        ("", "write for example 'yyyy-MM-dd'"),
        ("yyyy-yyyy", "keep one 'yyyy'"),
        ("yyyy\x1b", "write visible characters only"),
    ],
)
def test_a_bad_pattern_is_refused_with_what_was_meant(pattern, fix):
    with pytest.raises(MtctlError) as caught:
        Formatter.parse(pattern)
    assert caught.value.code == "date_formatter"
    assert caught.value.fix == fix
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("patterns", "grain"),
    [
        (["yyyy"], Grain.YEAR),
        (["yyyyMM"], Grain.MONTH),
        (["yyyy-MM-dd"], Grain.DAY),
        (["yyyy-MM-dd", "HH"], Grain.HOUR),
        (["HH", "yyyy-MM-dd"], Grain.HOUR),
        (["yyyy", "MM", "dd", "HH", "mm"], Grain.MINUTE),
        (["yyyy-MM-dd'T'HH:mm"], Grain.MINUTE),
        (["yyyy-MM", "yyyy-MM-dd"], Grain.DAY),
    ],
)
def test_patterns_together_determine_the_grain(patterns, grain):
    assert grain_of([Formatter.parse(pattern) for pattern in patterns]) is grain


@pytest.mark.parametrize(
    ("patterns", "fix"),
    [
        (["MM-dd"], "add 'yyyy'"),
        (["HH"], "add 'yyyy', 'MM', 'dd'"),
        (["yyyy-dd"], "add 'MM'"),
        (["yyyy-MM-dd", "mm"], "add 'HH'"),
        ([], "add 'yyyy'"),
        (["yyyy-MM-dd HH:mm:ss"], "end the pattern at 'mm'"),
    ],
)
def test_patterns_that_leave_the_interval_open_are_refused(patterns, fix):
    with pytest.raises(MtctlError) as caught:
        grain_of([Formatter.parse(pattern) for pattern in patterns])
    assert caught.value.code == "partition_undetermined"
    assert caught.value.fix.startswith(fix)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ({"ds": "yyyy-MM-dd"}, True),
        ({"ds": "'d'yyyyMMddHH"}, True),
        ({"ds": "dd.MM.yyyy"}, False),
        ({"day": "yyyy-MM-dd", "hour": "HH"}, False),
    ],
)
def test_one_text_that_is_big_endian_sorts_like_time(patterns, expected):
    assert sorts_like_time(strings(**patterns)) is expected


@given(
    st.sampled_from(ZONES),
    instants(),
    st.sampled_from([{"d": "yyyy-MM-dd"}, {"d": "dd.MM.yyyy", "h": "HH"}, {"m": "yyyyMM"}]),
)
def test_values_and_intervals_are_inverse(zone, instant, patterns):
    partition = strings(**patterns)
    calendar = Calendar(partition.grain, zone, wall=True)
    interval = Interval(calendar.floor(instant), calendar.next(instant))
    found = values(partition, interval, zone)
    assert interval_of_values(partition, dict(zip(patterns, found, strict=True)), calendar) == interval


def test_values_of_the_day_without_midnight_are_that_day():
    calendar = Calendar(Grain.DAY, "America/Sao_Paulo", wall=True)
    [interval] = calendar.intervals(1541289600000000, 1541289600000000 + 30 * 3_600_000_000)
    assert values(strings(ds="yyyy-MM-dd"), interval, calendar.zone) == ("2018-11-04",)


@pytest.mark.parametrize(
    ("given_values", "shown"),
    [
        ({"day": "2013-02-03", "hour": "05"}, "2013-02-03T05"),
        ({"HOUR": "05", "Day": "2013-02-03"}, "2013-02-03T05"),
        ({"day": "2013-02-03"}, "2013-02-03T00..2013-02-03T23"),
        ({"day": "2013-03-10"}, "2013-03-10T00..2013-03-10T23"),
    ],
)
def test_an_interval_by_its_values_or_part_of_them(given_values, shown):
    calendar = Calendar(Grain.HOUR, NEW_YORK, wall=True)
    found = interval_of_values(strings(day="yyyy-MM-dd", hour="HH"), given_values, calendar)
    assert show_interval(found, calendar) == shown


@pytest.mark.parametrize(
    ("given_values", "code"),
    [
        ({"hour": "05"}, "partition_undetermined"),
        ({"day": "2013-02-30"}, "partition_value"),
        ({"day": "2013-2-3"}, "partition_value"),
        ({"day": "２０１３-02-03"}, "partition_value"),
        ({"day": "2013-02-03\n"}, "partition_value"),
        ({"day": "2013-03-10", "hour": "02"}, "partition_value"),
        ({"day": "2013-03-10", "hour": "24"}, "partition_value"),
        ({"carrier": "AA"}, "partition_unknown"),
        ({}, "partition_unknown"),
    ],
)
def test_values_that_name_no_interval_are_refused(given_values, code):
    calendar = Calendar(Grain.HOUR, NEW_YORK, wall=True)
    with pytest.raises(MtctlError) as caught:
        interval_of_values(strings(day="yyyy-MM-dd", hour="HH"), given_values, calendar)
    assert caught.value.code == code
    assert caught.value.kind is Kind.USAGE


def test_unknown_keys_are_refused_in_flinks_words():
    calendar = Calendar(Grain.DAY, "UTC", wall=True)
    with pytest.raises(MtctlError) as caught:
        interval_of_values(strings(ds="yyyy-MM-dd"), {"a": "1", "b": "2"}, calendar)
    assert caught.value.what == (
        "The partition spec contains unknown partition keys:\n\na\nb\n\nAll known partition keys are:\n\nds"
    )


def test_a_native_column_takes_an_iso_prefix():
    column = PartitionColumn(name="flight_date", type="DATE")
    calendar = Calendar(Grain.DAY, NEW_YORK, wall=True)
    found = interval_of_values(Partition(columns=(column,), grain=Grain.DAY), {"flight_date": "2013-02"}, calendar)
    assert show_interval(found, calendar) == "2013-02-01..2013-02-28"
