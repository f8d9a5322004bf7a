from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.pruning import Bound, Constant, Through, file_test, interval_bounds

DAY = 86_400_000_000


def constant(kind: str, text: str) -> Constant:
    return Constant(kind=kind, text=text)


def at_most(kind: str, text: str) -> Bound:
    return Bound(table="t", column="c", ranges=((None, constant(kind, text)),))


def at_least(kind: str, text: str) -> Bound:
    return Bound(table="t", column="c", ranges=((constant(kind, text), None),))


SECOND, NEXT = "2013-01-01 00:00:00.5", "2014-01-01 00:00:00"
LAST_YEAR = "2012-01-01 00:00:00"
TZ = "TIMESTAMP WITH TIME ZONE"
NIL, A0 = "00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"


@pytest.mark.parametrize(
    ("stored_type", "bound", "least", "greatest", "outside"),
    [
        ("BIGINT", at_least("number", "10"), "2", "9", True),
        ("BIGINT", at_least("number", "9"), "2", "9", False),
        ("BIGINT", at_most("number", "9007199254740992"), "9007199254740993", "9007199254740994", True),
        ("UBIGINT", at_most("number", "-1"), "0", "18446744073709551615", True),
        ("BIGINT", at_least("number", "9.5"), "2", "9", True),
        ("INTEGER", at_least("string", "10"), "2", "9", True),
        ("INTEGER", at_least("string", "9.5"), "2", "9", False),
        ("DECIMAL(4,1)", at_least("number", "9.95"), "-1.0", "9.9", True),
        ("DECIMAL(38,10)", at_least("number", "9.95"), "1.0000000000", "2.0000000000", False),
        ("VARCHAR", at_least("string", "b"), "", "a\0z", True),
        ("VARCHAR", at_most("string", "z"), "ä", "ä", True),
        ("VARCHAR", at_least("number", "5"), "1", "2", False),
        ("VARCHAR", at_least("DATE", "2013-01-01"), "1", "2", False),
        ("DATE", at_least("string", "2013-01-05"), "2013-01-01", "2013-01-04", True),
        ("DATE", at_least("DATE", "2013-1-5"), "2013-01-01", "2013-01-04", False),
        ("DATE", at_least("TIMESTAMP", "2013-01-04 00:00:01"), "2013-01-01", "2013-01-04", True),
        ("DATE", at_most("DATE", "2013-01-01"), "12013-01-01", "12013-01-04", False),
        ("DATE", at_most("DATE", "2013-01-01"), "0044-03-15 (BC)", "2014-01-01", False),
        ("DATE", at_least("DATE", "2013-01-01"), "2012-01-01", "infinity", False),
        ("TIMESTAMP", at_least("TIMESTAMP", "2013-01-01 00:00:00.500"), LAST_YEAR, SECOND, False),
        ("TIMESTAMP", at_least("TIMESTAMP", "2013-01-01T00:00:00.51"), LAST_YEAR, SECOND, True),
        ("TIMESTAMP", at_least("DATE", "2013-01-02"), "2012-01-01 00:00:00", "2013-01-01 23:59:59.999999", True),
        ("TIMESTAMP", at_most("string", "2013-01-01 24:00:00"), "2013-01-02 00:00:00", "2013-01-03 00:00:00", False),
        ("TIMESTAMP_S", at_most("string", "2013-01-01 00:00:00.6"), "2013-01-01 00:00:01", NEXT, False),
        ("TIMESTAMP_NS", at_most("TIMESTAMP", "2013-01-01"), "2014-01-01 00:00:00", "2014-01-01 00:00:00", False),
        (TZ, at_most("string", "2013-01-01 00:00:00+00"), NEXT + "+00", NEXT + "+00", True),
        (TZ, at_most("string", "2013-01-01 00:00:00"), NEXT + "+00", NEXT + "+00", False),
        (TZ, at_most("string", "2013-01-01 00:00:00-05"), NEXT + "+00", NEXT + "+00", False),
        ("TIME", at_least("string", "12:00:00"), "01:02:03", "11:59:59.9", True),
        ("TIME", at_least("string", "12:00:00"), "01:02:03", "24:00:00", False),
        ("UUID", at_least("string", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), NIL, A0, True),
        ("UUID", at_least("string", "B0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"), NIL, A0, False),
    ],
)  # fmt: skip
def test_a_file_is_left_out_only_where_that_is_proved(stored_type, bound, least, greatest, outside):
    test = file_test(stored_type, [bound])
    assert (test is not None and test(least, greatest, 0)) == outside


@pytest.mark.parametrize(
    "stored_type", ["FLOAT", "DOUBLE", "JSON", "BLOB", "BOOLEAN", "TIMESTAMP_NS", "INTERVAL", "INTEGER[]"]
)
def test_types_without_a_proved_order_leave_out_nothing(stored_type):
    assert file_test(stored_type, [at_least("number", "5"), at_least("string", "x")]) is None


def test_a_list_of_values_leaves_out_what_holds_none_of_them():
    values = tuple((constant("number", n), constant("number", n)) for n in ("1", "5"))
    test = file_test("INTEGER", [Bound(table="t", column="c", ranges=values)])
    assert [test(*pair, 0) for pair in (("2", "4"), ("1", "1"), ("4", "6"), ("6", "9"))] == [True, False, False, True]


def test_one_constant_of_a_list_that_is_not_understood_keeps_all():
    values = ((constant("string", "2013-01-01"),) * 2, (constant("string", "today"),) * 2)
    assert file_test("DATE", [Bound(table="t", column="c", ranges=values)]) is None


def test_the_values_of_every_statement_count():
    bound = Bound(table="t", column="c", ranges=((constant("parameter", "a"), constant("parameter", "b")),))
    values = [{"a": date(2013, 1, d), "b": date(2013, 1, d + 1)} for d in (1, 8)]
    test = file_test("DATE", [bound], values)
    days = ("2013-01-02", "2013-01-03", "2013-01-07", "2013-01-08", "2013-01-10")
    assert [test(day, day, 0) for day in days] == [False, True, True, False, True]
    assert file_test("DATE", [bound], [*values, {}]) is None
    assert file_test("DATE", [bound], [{"a": "2013-01-01", "b": "2013-01-02"}]) is None
    naive = {"a": datetime(2013, 1, 1), "b": datetime(2013, 1, 2, tzinfo=UTC)}  # noqa: DTZ001 - a naive partition
    assert file_test("TIMESTAMP", [bound], [naive])("2012-12-31 00:00:00", "2012-12-31 23:59:59", 0)
    assert file_test("TIMESTAMP WITH TIME ZONE", [bound], [naive])(
        "2013-01-03 00:00:00+00", "2013-01-03 00:00:00+00", 0
    )


@pytest.mark.parametrize("stored_type", ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"])
def test_intervals_leave_out_what_is_days_away_and_holds_no_null(stored_type):
    through = Through(output="ds", table="t", column="c")
    start = 15_706 * DAY  # 2013-01-01
    bound = interval_bounds(through, stored_type, IntervalSet.of([Interval(start, start + DAY)]))
    test = file_test(stored_type, [bound])
    ends = {"DATE": "", "TIMESTAMP": " 00:00:00", "TIMESTAMP WITH TIME ZONE": " 00:00:00+00"}[stored_type]
    answers = [test(day + ends, day + ends, 0) for day in ("2012-12-28", "2012-12-31", "2013-01-03", "2013-01-06")]
    assert answers == [True, False, False, True]
    assert not test("2012-12-28" + ends, "2012-12-28" + ends, 1)
    assert not test("2012-12-28" + ends, "2012-12-28" + ends, None)


def test_an_end_of_time_is_open():
    through = Through(output="ds", table="t", column="c")
    bound = interval_bounds(through, "DATE", IntervalSet.of([Interval(-(1 << 62), 0)]))
    assert bound.ranges[0][0] is None
    assert interval_bounds(through, "VARCHAR", IntervalSet.of([Interval(0, DAY)])) is None
