"""Cron expressions of both dialects: what is read, what is refused, and how the refusal is said."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wall_walk import told_expressions

from mtctl.core.cron import Dialect, parse_cron
from mtctl.core.errors import Kind, MtctlError

INVALID_IN_QUARTZ = [
    "0 0 * * * *", "0 0 * 4 * *", "0 0 * * * 4", "0 0 * ? * ?", "* * * *", "*/5 * * * *", "0 0 12 * *", "",
    "60 * * * * ?", "0 60 * * * ?", "0 0 24 * * ?", "0 0 0 0 * ?", "0 0 0 32 * ?", "0 0 0 1 13 ?", "0 0 0 1 0 ?",
    "0 0 0 ? * 0", "0 0 0 ? * 8", "0/60 * * * * ?", "0 0/60 * * * ?", "0 0 0/24 * * ?", "0 0 0/ * * ?",
    "/120 0 8-18 ? * 2-6", "0 0 0 /120 * 2-6", "0 0 0 ? /13 2-6", "0 0 0 ? * /120", "* * * * Foo ?",
    "* * * * Jan-Foo ?",
    "0 43 9 ? * SAT,SUN,L", "0 43 9 ? * 3#1,6#3", "0 0 0 ? * 6#6", "0/5 * * 32W 1 ?", "0 15 10 L-31 * ?",
    "L 30 * * * ?", "0 15 10 * * ? 2005 *", "kilroy was here", "? 0 0 * * *", "0 0 0 ?/3 * *", "0 0 0 ? * XYZ",
    "0 0 0 1-40 * ?",
]  # fmt: skip


def refused(text: str, dialect: Dialect | None = None) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        parse_cron(text, dialect, where="tables/a.sql:3:5")
    error = caught.value
    assert (error.code, error.kind) == ("schedule", Kind.INVALID)
    assert error.where.startswith("tables/a.sql:3:5")
    assert error.fix
    return error


@pytest.mark.parametrize("text", INVALID_IN_QUARTZ)
def test_what_quartz_refuses_is_refused(text: str) -> None:
    refused(text, Dialect.QUARTZ)


@pytest.mark.parametrize(
    ("text", "dialect", "field", "caret"),
    [
        ("0 0 2 32 * ?", None, "day of month", 6),
        ("0 60 2 * * ?", None, "minute", 2),
        ("0 25 * * *", None, "hour", 2),
        ("0 0 2 ? FOO MON", None, "month", 8),
        ("0  0   2 * * 9 ?", Dialect.CRON, "", 15),
        ("  0 2 * JAN-FO *", None, "month", 12),
        ("0 1,2,,3 * * *", None, "hour", 6),
        ("0 2- * * *", None, "hour", 4),
        ("*/0 * * * *", None, "minute", 2),
        ("0 0 8 ? * MON-FRI/2", None, "day of week", 10),
        ("0 0 8 ? * MON#6", None, "day of week", 14),
        ("0 0 8 1-15W * ?", None, "day of month", 10),
        ("0 2 ? * *", None, "day of month", 4),
        ("0 0 8 * ? ?", None, "month", 8),
    ],
)
def test_a_refusal_names_the_field_and_points_at_the_place(text, dialect, field, caret):
    error = refused(text, dialect)
    assert error.details.get("field", "") == field
    assert f"'{field}'" in error.where or not field
    line, pointer = error.excerpt.split("\n")
    assert line == text
    assert pointer == " " * caret + "^"
    assert error.details["column"] == caret + 1


@pytest.mark.parametrize(
    ("text", "dialect", "rewrites"),
    [
        ("0 0 2 * * *", None, ["'0 0 2 * * ?'", "'0 2 * * *'"]),
        ("0 0 2 * * MON", None, ["'0 0 2 ? * MON'", "'0 2 * * MON'"]),
        ("30 0 2 * * *", None, ["'30 0 2 * * ?'", "dialect cron"]),
        ("0 2 * * *", Dialect.QUARTZ, ["'0 0 2 * * ?'", "'0 2 * * *'"]),
        ("0 2 * * 1-5", Dialect.QUARTZ, ["'0 0 2 ? * MON-FRI'", "'0 2 * * 1-5'"]),
        ("0 0 2 * * * *", None, ["'0 0 2 * * ? *'"]),
        ("0 0 2 ? * ?", None, ["'0 0 2 * * ?'"]),
    ],
)
def test_what_two_dialects_read_in_two_ways_is_refused_with_rewrites_that_work(text, dialect, rewrites):
    fix = refused(text, dialect).fix
    for rewrite in rewrites:
        assert rewrite in fix
        if rewrite.startswith("'"):
            parse_cron(rewrite.strip("'"))


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("0 0 2 * * *", Dialect.CRON),
        ("0 2 * * *", None),
        ("0 2 * * 7", None),
        ("0 22-2 * * FRI-SUN", None),
        ("0 2 L,15W * *", None),
        ("0 2 * * 1#1,1#3,5L", None),
        ("0\t0 2 * * ?", None),
        (" 0 0 2 * * ? ", None),
        ("0 0 5-3/2 * * ?", None),
        ("59 59 23 LW 12 ? 2026/2", None),
        ("0 0 12 ? 2 MONL", None),
    ],
)
def test_valid_expressions(text, dialect):
    assert parse_cron(text, dialect).normalized == " ".join(text.upper().split())


def test_values_of_the_fields() -> None:
    cron = parse_cron("0/20 50-10/10 22-2,9 ? NOV-FEB 2-6 2026-2030/2")
    assert cron.dialect is Dialect.QUARTZ
    assert cron.seconds == (0, 20, 40)
    assert cron.minutes == (0, 10, 50)
    assert cron.hours == (0, 1, 2, 9, 22, 23)
    assert cron.months == (1, 2, 11, 12)
    assert cron.weekdays.days == (1, 2, 3, 4, 5)
    assert cron.years == (2026, 2028, 2030)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 * * 0", (0,)), ("0 0 * * 7", (0,)), ("0 0 * * 0-7", (0, 1, 2, 3, 4, 5, 6)), ("0 0 * * 5-7", (0, 5, 6)),
        ("0 0 * * */2", (0, 2, 4, 6)), ("0 0 * * 3/2", (3, 5)), ("0 0 * * SAT-MON", (0, 1, 6)),
        ("0 0 * * 7-2", (0, 1, 2)),
        ("0 0 0 ? * 1", (0,)), ("0 0 0 ? * 7", (6,)), ("0 0 0 ? * L", (6,)), ("0 0 0 ? * 6-2", (0, 1, 5, 6)),
        ("0 0 0 ? * */2", (0, 2, 4, 6)), ("0 0 0 ? * 2/2", (1, 3, 5)), ("0 0 0 ? * sat,Sun", (0, 6)),
        ("0 0 0 ? * 3-3", (2,)),
    ],
)  # fmt: skip
def test_days_of_the_week_in_both_numberings(text, days):
    assert parse_cron(text).weekdays.days == days


@pytest.mark.parametrize(
    ("text", "wildcard"),
    [
        ("0 2 * * *", False), ("* 2 * * *", True), ("*/15 2 * * *", True), ("0 * * * *", True), ("0 1-4 * * *", False),
        ("0 0/2 * * *", True), ("0 1/2 * * *", False), ("0 0 0/1 * * ? *", True), ("* 0 2 * * ?", False),
    ],
)  # fmt: skip
def test_a_wildcard_is_an_hour_or_minute_that_follows_every_value(text, wildcard):
    assert parse_cron(text).wildcard is wildcard


@pytest.mark.parametrize(
    "text", ["0 0 30 2 *", "0 0 31 2,4,6 *", "0 0 0 29 2 ? 2027", "0 0 0 31W 4 ?", "0 0 0 L-30 2 ?"]
)
def test_a_date_that_never_comes_is_refused(text):
    assert "never fire" in refused(text).what


@pytest.mark.parametrize("text", ["0 0 30 2 1", "0 0 29 2 *", "0 0 0 29 2 ? 2028", "0 0 0 31W * ?"])
def test_a_date_that_seldom_comes_is_taken(text):
    parse_cron(text)


@pytest.mark.parametrize(
    "text",
    ["0\xa00 2 * * ?", "0 \u0662 * * *", "0 2 * *\n*", "0 2 * * * \x1b[31m", "0 H * * *", "@daily", "0 0 0 C * ?",
     "0 2 W15 * *", "0 2 15-L * *", "0 2 * * L", "0 2 * * L6", "0 0 * * MON-5", "0 0 0 1 1 ? 2030-2026",
     "0 0 0 1 1 ? 1969", "-1 * * * *", "1--2 * * * *", "1/2/3 * * * *", "*,/2 * * * *", "x" * 2000, "1," * 700],
)  # fmt: skip
def test_hostile_and_foreign_texts_are_refused_and_printable(text):
    error = refused(text)
    assert error.excerpt.replace("\n", "").isprintable()
    assert len(error.excerpt) < 500


@given(st.text(alphabet="0123456789*/,-?LW#C MONJA\t\x00é", max_size=40))
def test_any_text_is_read_or_refused_in_one_way(text):
    for dialect in (None, *Dialect):
        try:
            cron = parse_cron(text, dialect)
        except MtctlError as error:
            assert error.code == "schedule"  # noqa: PT017 - either is right
        else:
            assert cron == parse_cron(cron.normalized, cron.dialect, where="again") or cron.text != cron.normalized


@given(told_expressions(), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_days_are_those_of_a_slow_second_reading(told, first):
    try:
        cron = parse_cron(told.text)
    except MtctlError as error:
        assert "never" in error.what or "step" in error.what  # noqa: PT017 - what a generated text may be
        return
    for day in (first + timedelta(days=number) for number in range(60)):
        assert cron.on(day) == told.day(day), day
