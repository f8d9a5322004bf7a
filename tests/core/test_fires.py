"""From wall times to instants: tables of Quartz, a slow second evaluator, cronsim, and laws of next and previous."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import a_part
from wall_walk import CHANGES, told_expressions, walk

from mtctl.core.calendar import show
from mtctl.core.errors import MtctlError
from mtctl.core.schedule import data_interval, fires, next_fire, parse_schedule, previous_fire
from mtctl.core.zones import _folder, _names, first_at, to_instant, zone

DAY = 86_400_000_000

QUARTZ_TABLE = [
    ("0/1 * * * * ? *", "2024-01-01 00:00:00", "2024-01-01 00:00:01, 2024-01-01 00:00:02, 2024-01-01 00:00:03"),
    ("0/30 * * * * ? *", "2024-01-01 00:00:00", "2024-01-01 00:00:30, 2024-01-01 00:01:00, 2024-01-01 00:01:30"),
    ("0/15 * * * * ? *", "2024-01-01 00:00:07", "2024-01-01 00:00:15, 2024-01-01 00:00:30, 2024-01-01 00:00:45"),
    ("0/12 * * * * ? *", "2024-01-01 00:00:50", "2024-01-01 00:01:00, 2024-01-01 00:01:12, 2024-01-01 00:01:24"),
    ("0 0/1 * * * ? *", "2024-01-01 00:00:30", "2024-01-01 00:01:00, 2024-01-01 00:02:00, 2024-01-01 00:03:00"),
    ("0 0/5 * * * ? *", "2024-01-01 00:57:00", "2024-01-01 01:00:00, 2024-01-01 01:05:00, 2024-01-01 01:10:00"),
    ("0 0/30 * * * ? *", "2024-01-01 23:45:00", "2024-01-02 00:00:00, 2024-01-02 00:30:00, 2024-01-02 01:00:00"),
    ("0 0/20 * * * ? *", "2024-01-01 00:40:00", "2024-01-01 01:00:00, 2024-01-01 01:20:00, 2024-01-01 01:40:00"),
    ("0 0 0/1 * * ? *", "2024-02-28 23:30:00", "2024-02-29 00:00:00, 2024-02-29 01:00:00, 2024-02-29 02:00:00"),
    ("0 0 0/4 * * ? *", "2024-02-29 19:00:00", "2024-02-29 20:00:00, 2024-03-01 00:00:00, 2024-03-01 04:00:00"),
    ("0 0 0/8 * * ? *", "2023-12-31 16:00:00", "2024-01-01 00:00:00, 2024-01-01 08:00:00, 2024-01-01 16:00:00"),
    ("0 0 0/12 * * ? *", "2024-01-01 00:00:00", "2024-01-01 12:00:00, 2024-01-02 00:00:00, 2024-01-02 12:00:00"),
    ("0 0 0 * * ? *", "2024-02-28 12:00:00", "2024-02-29 00:00:00, 2024-03-01 00:00:00, 2024-03-02 00:00:00"),
    ("0 0 0 * * ? *", "2023-12-31 00:00:00", "2024-01-01 00:00:00, 2024-01-02 00:00:00"),
    ("0 0/1 * * * ?", "2024-01-01 00:00:00", "2024-01-01 00:01:00, 2024-01-01 00:02:00"),
    ("0 0 */4 ? * *", "2025-11-26 03:59:59", "2025-11-26 04:00:00, 2025-11-26 08:00:00, 2025-11-26 12:00:00"),
    ("0 0 2 ? * *", "2025-11-26 02:00:00", "2025-11-27 02:00:00, 2025-11-28 02:00:00"),
    ("0 0 5,17 ? * MON-FRI", "2025-11-28 05:00:00", "2025-11-28 17:00:00, 2025-12-01 05:00:00, 2025-12-01 17:00:00"),
    ("0 0 2 * * ?", "2025-11-26 01:59:59", "2025-11-26 02:00:00, 2025-11-27 02:00:00"),
    ("0 0 * * * ?", "2025-11-26 01:59:59", "2025-11-26 02:00:00, 2025-11-26 03:00:00"),
    ("0 */15 * * * ?", "2025-11-26 01:44:00", "2025-11-26 01:45:00, 2025-11-26 02:00:00, 2025-11-26 02:15:00"),
    ("0 15 10 * * ? 2005", "2005-12-30 10:15:00", "2005-12-31 10:15:00, null"),
    ("0 15 10 L * ?", "2024-02-10 00:00:00", "2024-02-29 10:15:00, 2024-03-31 10:15:00, 2024-04-30 10:15:00"),
    ("0 15 10 L * ?", "2023-02-10 00:00:00", "2023-02-28 10:15:00, 2023-03-31 10:15:00"),
    ("0 15 10 L-3 * ?", "2024-02-10 00:00:00", "2024-02-26 10:15:00, 2024-03-28 10:15:00"),
    ("0 15 10 LW * ?", "2024-03-01 00:00:00", "2024-03-29 10:15:00, 2024-04-30 10:15:00, 2024-05-31 10:15:00"),
    ("0 15 10 L-5W * ? 2010", "2010-09-01 00:00:00", "2010-09-24 10:15:00, 2010-10-26 10:15:00"),
    ("0 15 10 L-1W * ? 2010", "2010-10-01 00:00:00", "2010-10-29 10:15:00"),
    ("0 15 10 15W * ?", "2024-06-01 00:00:00", "2024-06-14 10:15:00, 2024-07-15 10:15:00, 2024-08-15 10:15:00"),
    ("0 15 10 1W * ?", "2024-06-01 00:00:00", "2024-06-03 10:15:00, 2024-07-01 10:15:00"),
    ("0 0 0 1W * ?", "2025-11-18 10:15:00", "2025-12-01 00:00:00, 2026-01-01 00:00:00, 2026-02-02 00:00:00"),
    ("59 59 23 L * ?", "2025-11-18 10:15:00", "2025-11-30 23:59:59, 2025-12-31 23:59:59, 2026-01-31 23:59:59"),
    ("0 15 10 ? * 6L", "2024-01-01 00:00:00", "2024-01-26 10:15:00, 2024-02-23 10:15:00, 2024-03-29 10:15:00"),
    ("0 15 10 ? * 6#3", "2024-01-01 00:00:00", "2024-01-19 10:15:00, 2024-02-16 10:15:00, 2024-03-15 10:15:00"),
    ("0 15 10 ? * 2#5", "2024-01-01 00:00:00", "2024-01-29 10:15:00, 2024-04-29 10:15:00, 2024-07-29 10:15:00"),
    ("0 0 12 1/5 * ?", "2024-01-29 00:00:00", "2024-01-31 12:00:00, 2024-02-01 12:00:00, 2024-02-06 12:00:00"),
    ("0 11 11 11 11 ?", "2024-01-01 00:00:00", "2024-11-11 11:11:00, 2025-11-11 11:11:00"),
    ("0 0 0 29 2 ?", "2024-03-01 00:00:00", "2028-02-29 00:00:00, 2032-02-29 00:00:00"),
    ("0 0 0 31 * ?", "2024-01-31 00:00:00", "2024-03-31 00:00:00, 2024-05-31 00:00:00, 2024-07-31 00:00:00"),
    ("0 0 22-2 * * ?", "2024-01-02 01:00:00", "2024-01-02 02:00:00, 2024-01-02 22:00:00"),
    ("0 0 0 ? NOV-FEB SUN", "2024-02-24 00:00:00", "2024-02-25 00:00:00, 2024-11-03 00:00:00, 2024-11-10 00:00:00"),
    ("0 0 0 ? * 1", "2024-01-01 00:00:00", "2024-01-07 00:00:00, 2024-01-14 00:00:00"),
    ("0 0 0 ? * SUN", "2024-01-01 00:00:00", "2024-01-07 00:00:00, 2024-01-14 00:00:00"),
    ("0 0 0 ? * 7", "2024-01-01 00:00:00", "2024-01-06 00:00:00, 2024-01-13 00:00:00"),
    ("0 0 0 ? * L", "2024-01-01 00:00:00", "2024-01-06 00:00:00, 2024-01-13 00:00:00"),
    ("0 0 0 1 7/6 ?", "2024-01-01 00:00:00", "2024-07-01 00:00:00, 2025-07-01 00:00:00, 2026-07-01 00:00:00"),
    ("0 0 0 1 */6 ?", "2024-01-01 00:00:00", "2024-07-01 00:00:00, 2025-01-01 00:00:00, 2025-07-01 00:00:00"),
    ("7/6 * * * * ?", "2024-01-01 00:00:00", "2024-01-01 00:00:07, 2024-01-01 00:00:13, 2024-01-01 00:00:19"),
    ("0 30 9 ? * mon-fri", "2024-01-05 10:00:00", "2024-01-08 09:30:00, 2024-01-09 09:30:00"),
    ("0 0 5-3/2 * * ?", "2024-01-01 00:00:00", "2024-01-01 01:00:00, 2024-01-01 03:00:00, 2024-01-01 05:00:00"),
]

NEW_YORK = "America/New_York"
QUARTZ_CHANGES = [
    ("0 0 2 * * ? *", "2026-03-07 01:00", "2026-03-07T02:00-05 2026-03-09T02:00-04 2026-03-10T02:00-04"),
    ("0 30 2 * * ? *", "2026-03-07 01:00", "2026-03-07T02:30-05 2026-03-09T02:30-04 2026-03-10T02:30-04"),
    ("0 0/30 * * * ? *", "2026-03-08 00:45", "2026-03-08T01:00-05 2026-03-08T01:30-05 2026-03-08T03:00-04"),
    ("0 0 0/1 * * ? *", "2026-03-08 00:30", "2026-03-08T01:00-05 2026-03-08T03:00-04 2026-03-08T04:00-04"),
    ("0 0 0/4 * * ? *", "2026-03-07 23:00", "2026-03-08T00:00-05 2026-03-08T04:00-04 2026-03-08T08:00-04"),
    ("0 0 1 * * ? *", "2026-10-31 00:00", "2026-10-31T01:00-04 2026-11-01T01:00-05 2026-11-02T01:00-05"),
    ("0 30 1 * * ? *", "2026-10-31 00:00", "2026-10-31T01:30-04 2026-11-01T01:30-05 2026-11-02T01:30-05"),
    ("0 0/30 * * * ? *", "2026-11-01 00:15", "2026-11-01T00:30-04 2026-11-01T01:00-05 2026-11-01T01:30-05"),
    ("0 0 0/1 * * ? *", "2026-11-01 00:30", "2026-11-01T01:00-05 2026-11-01T02:00-05 2026-11-01T03:00-05"),
]

ODD_CHANGES = {"Australia/Lord_Howe", "America/Havana", "America/Santiago"}
"""Clocks that change by half an hour or at midnight."""


def at(text: str, zone_name: str = "UTC") -> int:
    return first_at(datetime.fromisoformat(text), zone_name)


def shown(schedule, after: int, count: int) -> list[str]:
    found = islice(fires(schedule, after, after + 4000 * DAY), count)
    return [show(each, schedule.zone) for each in found]


def short(texts: list[str]) -> str:
    return " ".join(text[:16] + text[19:22] for text in texts)


@pytest.mark.parametrize(("text", "after", "wanted"), QUARTZ_TABLE)
@pytest.mark.parametrize("policy", ["cron", "quartz", "wall"])
def test_fires_of_quartz_in_utc(text, after, wanted, policy):
    schedule = parse_schedule(text, zone="UTC", dialect="quartz", dst=policy)
    found, moment = [], at(after)
    for _ in wanted.split(", "):
        moment = next_fire(schedule, moment) if moment is not None else None
        found.append("null" if moment is None else show(moment, "UTC")[:19].replace("T", " "))
    assert ", ".join(found) == wanted


@pytest.mark.parametrize(("text", "after", "wanted"), QUARTZ_CHANGES)
def test_fires_of_quartz_at_clock_changes(text, after, wanted):
    schedule = parse_schedule(text, zone=NEW_YORK, dst="quartz")
    assert short(shown(schedule, at(after, NEW_YORK), 3)) == wanted


@pytest.mark.parametrize(
    ("text", "zone_name", "after", "wanted"),
    [
        ("30 2 * * *", NEW_YORK, "2026-03-07 12:00", "2026-03-08T03:00-04 2026-03-09T02:30-04"),
        ("0,30 2 * * *", NEW_YORK, "2026-03-07 12:00", "2026-03-08T03:00-04 2026-03-09T02:00-04"),
        ("0 2,3 * * *", NEW_YORK, "2026-03-07 12:00", "2026-03-08T03:00-04 2026-03-09T02:00-04"),
        ("0 */2 * * *", NEW_YORK, "2026-03-08 00:00", "2026-03-08T04:00-04 2026-03-08T06:00-04"),
        ("0 0 0/2 * * ?", NEW_YORK, "2026-03-08 00:00", "2026-03-08T04:00-04 2026-03-08T06:00-04"),
        ("30 1 * * *", NEW_YORK, "2026-10-31 12:00", "2026-11-01T01:30-04 2026-11-02T01:30-05"),
        ("0 * * * *", NEW_YORK, "2026-11-01 00:30", "2026-11-01T01:00-04 2026-11-01T01:00-05 2026-11-01T02:00-05"),
        ("0 0 0/1 * * ? *", NEW_YORK, "2026-11-01 00:30",
         "2026-11-01T01:00-04 2026-11-01T01:00-05 2026-11-01T02:00-05"),
        ("0 1-4 * * *", NEW_YORK, "2026-11-01 00:30", "2026-11-01T01:00-04 2026-11-01T02:00-05 2026-11-01T03:00-05"),
        ("0 0 * * *", "America/Havana", "2024-03-09 12:00", "2024-03-10T01:00-04 2024-03-11T00:00-04"),
        ("0 0 * * *", "America/Santiago", "2023-09-02 12:00", "2023-09-03T01:00-03 2023-09-04T00:00-03"),
        ("@daily", "America/Santiago", "2024-04-06 12:00", "2024-04-07T00:00-04 2024-04-08T00:00-04"),
        ("30 23 * * *", "America/Santiago", "2024-04-06 12:00", "2024-04-06T23:30-03 2024-04-07T23:30-04"),
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-05 12:00", "2024-10-06T02:30+11 2024-10-07T02:15+11"),
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-06 12:00", "2024-04-07T01:45+11 2024-04-08T01:45+10"),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29 08:00",
         "2011-12-29T09:00-10 2011-12-31T00:00+14 2011-12-31T09:00+14"),
        ("0 0 * * *", "Pacific/Apia", "2011-12-29 08:00", "2011-12-31T00:00+14 2012-01-01T00:00+14"),
    ],
)  # fmt: skip
def test_a_fixed_time_fires_once_a_day_and_a_wildcard_follows_real_time(text, zone_name, after, wanted):
    schedule = parse_schedule(text, zone=zone_name)
    assert short(shown(schedule, at(after, zone_name), len(wanted.split()))) == wanted


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change[0]} {change[1]:%Y-%m-%d}")
@a_part(0.2)
@given(told=told_expressions(daily=True), policy=st.sampled_from(["cron", "quartz", "wall"]))
def test_fires_at_clock_changes_are_those_of_a_walk_through_real_minutes(change, told, policy):
    zone_name, start = change
    try:
        schedule = parse_schedule(told.text, zone=zone_name, dst=policy)
    except MtctlError as error:
        assert "step" in error.what  # noqa: PT017 - a step that never repeats is refused
        return
    end = start + timedelta(hours=30)
    wanted = [to_instant(each) for each in walk(told, zone_name, policy, start, end)]
    # The walk judges whole minutes of UTC; so far no zone of the list leaves them.
    assert list(fires(schedule, to_instant(start), to_instant(end))) == wanted
    backward, before = [], to_instant(end) + 1
    while (before := previous_fire(schedule, before) or 0) > to_instant(start):
        backward.append(before)
    assert backward[::-1] == wanted


@pytest.mark.parametrize("change", CHANGES[:-4], ids=lambda change: f"{change[0]} {change[1]:%Y-%m-%d}")
@given(
    minute=st.sampled_from(["0", "30", "*", "*/15", "5,45", "10-20/5", "59", "*/7"]),
    hour=st.sampled_from(["0", "1", "2", "3", "*", "*/2", "0-4", "1,2,3", "2-23/3", "22,23", "*/5"]),
    day=st.sampled_from(["* * *", "L * *", "1-10 * *", "1,15,31 * *", "* * 0", "* * 1-5", "* * 5L", "* * 1#2", "8 * 0",
                         "*/3 * 0", "1 * *", "LW * *"]),
    shift=st.integers(0, 2000),
)  # fmt: skip
def test_policy_cron_is_that_of_debian_as_cronsim_plays_it(change, minute, hour, day, shift):
    zone_name, start = change
    text = f"{minute} {hour} {day}"
    start += timedelta(minutes=shift)
    if zone_name in ODD_CHANGES and text.startswith("*") | hour.startswith("*"):
        assume(False)  # see the next test
    schedule = parse_schedule(text, zone=zone_name)
    other = CronSim(text, start.astimezone(zone(zone_name)))
    # Started inside a second pass, cronsim begins with a fire of the first one.
    wanted = [found for found in (to_instant(next(other)) for _ in range(8)) if found > to_instant(start)]
    assert [show(each, zone_name) for each in islice(fires(schedule, to_instant(start), wanted[-1]), 9)] == [
        show(each, zone_name) for each in wanted
    ]


@pytest.mark.parametrize(
    ("text", "zone_name", "after", "ours", "theirs"),
    [
        # 02:00 comes once that night, half an hour after 01:30 came twice.
        ("0 */2 * * *", "Australia/Lord_Howe", "2024-04-07 00:30", "2024-04-07T02:00+10", "2024-04-07T04:00+10"),
        # 01:00 is no second hour; 00:00 does not exist that day.
        ("0 */2 * * 0", "America/Havana", "2024-03-09 12:00", "2024-03-10T02:00-04", "2024-03-10T01:00-04"),
    ],
)
def test_where_cronsim_leaves_its_own_rule_at_odd_changes_real_matches_win(text, zone_name, after, ours, theirs):
    start = at(after, zone_name)
    assert short(shown(parse_schedule(text, zone=zone_name), start, 1)) == ours
    other = CronSim(text, datetime.fromtimestamp(start // 1_000_000, zone(zone_name)))
    assert short([show(to_instant(next(other)), zone_name)]) == theirs


TEXTS = st.sampled_from([
    "0 2 * * *", "@hourly", "*/7 * * * *", "0 0 L * *", "0 0 0 L-2 * ?", "0 0 9 15W * ?", "30 1 * * 0", "0 0 29 2 *",
    "0/20 * * * * ?", "0 12 1,15 * 1", "every 90 minutes", "every 36 hours", "every 3 days", "every 1 week",
    "every 1 day",
    "0 0 0 1 1 ? 2020-2030/3", "0 0 9 31W * ?",
])  # fmt: skip
ZONES = st.sampled_from(["UTC", *dict(CHANGES)])
INSTANTS = st.integers(at("2005-01-01"), at("2045-01-01"))


@given(
    text=TEXTS, zone_name=ZONES, after=INSTANTS, back=st.integers(0, 3 * DAY),
    policy=st.sampled_from(["cron", "quartz", "wall"]),
)  # fmt: skip
def test_next_and_previous_are_each_others_inverse(text, zone_name, after, back, policy):
    schedule = parse_schedule(text, zone=zone_name, dst=policy)
    fire = next_fire(schedule, after)
    if fire is None:
        assert "2030" in text
        return
    assert fire > after
    assert next_fire(schedule, fire - 1) == fire
    assert previous_fire(schedule, fire + 1) == fire
    before = previous_fire(schedule, fire)
    if before is not None:
        assert before <= after
        assert next_fire(schedule, before) == fire
        assert next_fire(schedule, max(before, after - back)) == fire
        assert data_interval(schedule, fire) == (before, fire)


def is_sound(zone_name: str) -> None:
    """Check ten years of daily fires: each local date once, intervals that touch, from 22 to 49 hours."""
    start, end = at("2018-01-01", zone_name), at("2028-01-01", zone_name)
    for text in ("30 2 * * *", "0 0 * * *"):
        schedule = parse_schedule(text, zone=zone_name)
        found = list(fires(schedule, start - 1, end - 1))
        dates = [show(each, zone_name)[:10] for each in found]
        assert len(set(dates)) == len(dates)
        assert 3650 <= len(found) <= 3652
        for before, fire in pairwise(found):
            assert 20 * DAY // 24 <= fire - before <= 50 * DAY // 24
        for fire in found[1::400]:
            assert data_interval(schedule, fire) == (found[found.index(fire) - 1], fire)


@pytest.mark.parametrize("zone_name", ["America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Beirut"])
def test_each_local_date_of_ten_years_has_one_daily_interval(zone_name):
    is_sound(zone_name)


def distinct_zones() -> list[str]:
    """Return one name for each set of rules: the others are aliases with the same bytes."""
    found: dict[bytes, str] = {}
    for name in sorted(_names()):
        found.setdefault((_folder() / "zoneinfo" / name).read_bytes(), name)
    return sorted(found.values())


@pytest.mark.soak
@pytest.mark.parametrize("zone_name", distinct_zones())
def test_each_local_date_of_ten_years_has_one_daily_interval_in_every_zone(zone_name):
    is_sound(zone_name)


def test_far_ends_of_time_have_no_fire_and_no_crash() -> None:
    for text in ("0 2 * * *", "every 36500 days", "every 30s", "0 0 0 ? * 6L"):
        schedule = parse_schedule(text, zone="Asia/Tokyo")
        for moment in (-62_135_596_800_000_000, 253_402_300_799_999_999, 0, 10**17):
            for found in (next_fire(schedule, moment), previous_fire(schedule, moment)):
                assert found is None or -62_135_596_800_000_000 <= found <= 253_402_300_799_999_999
    assert next_fire(parse_schedule("0 2 * * *", zone="UTC"), at("2099-12-31 02:00")) is None
    assert previous_fire(parse_schedule("0 2 * * *", zone="UTC"), at("1970-01-01 02:00")) is None
    assert datetime.fromtimestamp(0, UTC).year == 1970
