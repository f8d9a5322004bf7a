"""Which missed fires are made: the matrix of policy and absence, and what a long absence costs."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core import fires as fires_module
from mtctl.core.misfire import Misfire, MisfirePolicy, Reason, due_fires
from mtctl.core.schedule import due_at, fires, parse_schedule
from mtctl.core.zones import first_at

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
ALL, LATEST, NONE = (MisfirePolicy(kind=kind) for kind in Misfire)


def at(text: str, zone: str = "UTC") -> int:
    return first_at(datetime.fromisoformat(text), zone)


DAILY = parse_schedule("0 2 * * *", zone="UTC")
FIRST = at("2026-06-01 02:00")


def told(skipped) -> list[tuple]:
    return [(each.count, each.first, each.last, each.reason) for each in skipped]


@pytest.mark.parametrize("policy", [ALL, LATEST, NONE], ids=list(Misfire))
def test_nothing_is_due_before_the_next_fire(policy):
    found = due_fires(DAILY, policy, FIRST, FIRST + DAY - 1, "a")
    assert found == ((), (), FIRST + DAY, False)
    assert found.handled is None


@pytest.mark.parametrize("policy", [ALL, LATEST, NONE], ids=list(Misfire))
@pytest.mark.parametrize("late", [0, 30 * SECOND, 60 * SECOND])
def test_a_fire_on_time_is_made_under_every_policy(policy, late):
    found = due_fires(DAILY, policy, FIRST, FIRST + DAY + late, "a")
    assert found == ((FIRST + DAY,), (), FIRST + 2 * DAY, False)
    assert found.handled == FIRST + DAY


@pytest.mark.parametrize(
    ("policy", "made", "skipped"),
    [
        (ALL, [1, 2, 3], []),
        (LATEST, [3], [(2, FIRST + DAY, FIRST + 2 * DAY, Reason.MISFIRE)]),
        (NONE, [], [(3, FIRST + DAY, FIRST + 3 * DAY, Reason.MISFIRE)]),
    ],
    ids=list(Misfire),
)
def test_three_missed_days(policy, made, skipped):
    found = due_fires(DAILY, policy, FIRST, FIRST + 3 * DAY + HOUR, "a")
    assert list(found.fires) == [FIRST + number * DAY for number in made]
    assert told(found.skipped) == skipped
    assert (found.next, found.more, found.handled) == (FIRST + 4 * DAY, False, FIRST + 3 * DAY)


def test_all_reaches_back_one_window_and_tells_the_rest_as_a_range() -> None:
    now = FIRST + 100 * DAY + HOUR
    found = due_fires(DAILY, ALL, FIRST, now, "a")
    assert list(found.fires) == [FIRST + number * DAY for number in range(71, 101)]
    assert told(found.skipped) == [(70, FIRST + DAY, FIRST + 70 * DAY, Reason.WINDOW)]
    assert not found.more


def test_latest_covers_now_also_when_its_fire_is_older_than_the_window() -> None:
    yearly = parse_schedule("@yearly", zone="UTC")
    found = due_fires(yearly, LATEST, at("2020-01-01"), at("2026-09-01"), "a")
    assert found.fires == (at("2026-01-01"),)
    assert told(found.skipped) == [(5, at("2021-01-01"), at("2025-01-01"), Reason.MISFIRE)]


def test_the_cap_is_met_by_coming_again() -> None:
    minutely = parse_schedule("* * * * *", zone="UTC")
    now, last, seen = FIRST + 3 * HOUR, FIRST, []
    policy = MisfirePolicy(kind=Misfire.ALL, cap=50)
    while True:
        found = due_fires(minutely, policy, last, now, "a")
        assert len(found.fires) <= 50
        seen += found.fires
        assert found.handled is not None
        last = found.handled
        if not found.more:
            break
        assert found.next == last + 60 * SECOND
    assert seen == list(fires(minutely, FIRST, now))


def test_never_run_begins_at_the_start_and_without_one_with_nothing() -> None:
    start = at("2026-06-10 02:00")
    schedule = parse_schedule("0 2 * * *", zone="UTC", start=start)
    assert due_fires(schedule, ALL, None, start - DAY, "a") == ((), (), start, False)
    assert due_fires(schedule, ALL, None, start + DAY, "a").fires == (start, start + DAY)
    assert due_fires(DAILY, ALL, None, FIRST + 1, "a") == ((), (), FIRST + DAY, False)


def test_after_the_end_there_is_no_next() -> None:
    schedule = parse_schedule("0 2 * * *", zone="UTC", end=FIRST + 2 * DAY)
    found = due_fires(schedule, ALL, FIRST, FIRST + 20 * DAY, "a")
    assert found == ((FIRST + DAY, FIRST + 2 * DAY), (), None, False)
    assert due_fires(schedule, LATEST, FIRST + 2 * DAY, FIRST + 21 * DAY, "a") == ((), (), None, False)


@pytest.mark.parametrize("policy", [ALL, LATEST, NONE], ids=list(Misfire))
def test_a_clock_behind_the_mark_makes_nothing(policy):
    found = due_fires(DAILY, policy, FIRST + 5 * DAY, FIRST, "a")
    assert found == ((), (), FIRST + 6 * DAY, False)


def test_jitter_delays_what_is_due_and_changes_no_logical_date() -> None:
    schedule = parse_schedule("0 2 * * *", zone="UTC", jitter=HOUR)
    due = due_at(schedule, FIRST + DAY, "a")
    assert due > FIRST + DAY
    assert due_fires(schedule, NONE, FIRST, due - 1, "a").fires == ()
    assert due_fires(schedule, NONE, FIRST, due, "a").fires == (FIRST + DAY,)


def test_grace_is_how_late_none_still_makes_a_fire() -> None:
    policy = MisfirePolicy(kind=Misfire.NONE, grace=6 * HOUR)
    assert due_fires(DAILY, policy, FIRST, FIRST + DAY + 5 * HOUR, "a").fires == (FIRST + DAY,)
    assert due_fires(DAILY, policy, FIRST, FIRST + DAY + 7 * HOUR, "a").fires == ()


@pytest.mark.parametrize("policy", [ALL, LATEST], ids=["all", "latest"])
def test_fires_dropped_by_a_blackout_are_told_once(policy):
    schedule = parse_schedule("0 2 * * *", zone="UTC", blackout=["2026-06-03..2026-06-05"])
    found = due_fires(schedule, policy, FIRST, at("2026-06-07 03:00"), "a")
    dropped = (3, at("2026-06-03 02:00"), at("2026-06-05 02:00"), Reason.BLACKOUT)
    assert dropped in told(found.skipped)
    assert not {FIRST + 2 * DAY, FIRST + 3 * DAY, FIRST + 4 * DAY} & set(found.fires)
    assert found.fires[-1] == at("2026-06-07 02:00")
    assert found.handled is not None
    assert due_fires(schedule, policy, found.handled, at("2026-06-07 04:00"), "a").skipped == ()


def test_in_the_middle_of_a_blackout_the_mark_moves_and_nothing_is_made() -> None:
    schedule = parse_schedule("0 * * * *", zone="UTC", blackout=["22:00-06:00"])
    found = due_fires(schedule, ALL, at("2026-06-01 21:00"), at("2026-06-02 03:30"), "a")
    assert found.fires == ()
    assert told(found.skipped) == [(6, at("2026-06-01 22:00"), at("2026-06-02 03:00"), Reason.BLACKOUT)]
    assert found.next == at("2026-06-02 06:00")


@given(
    text=st.sampled_from(["0 2,12 * * *", "*/20 * * * *", "every 50 minutes", "0 0 12 ? * 2-6"]),
    blackout=st.sampled_from([(), ("SAT,SUN",), ("22:00-06:00", "2026-03-08")]),
    kind=st.sampled_from(list(Misfire)),
    cap=st.integers(1, 40),
    window=st.integers(0, 5 * DAY),
    gaps=st.lists(st.integers(1, 3 * DAY), min_size=1, max_size=5),
)
def test_every_fire_is_accounted_for_exactly_once(text, blackout, kind, cap, window, gaps):
    zone = "America/New_York"
    schedule = parse_schedule(text, zone=zone, blackout=blackout)
    bare = parse_schedule(text, zone=zone)
    begin = last = now = at("2026-03-06", zone)
    policy = MisfirePolicy(kind=kind, cap=cap, window=window)
    made, skipped = [], []
    for gap in gaps:
        now += gap
        more = True
        while more:
            found = due_fires(schedule, policy, last, now, "k")
            more = found.more
            made += found.fires
            skipped += found.skipped
            last = max(last, found.handled or last)
    kept = set(fires(schedule, begin, now))
    assert made == sorted(set(made))
    assert set(made) <= kept
    covered: set[int] = set()
    for each in skipped:
        source = bare if each.reason is Reason.BLACKOUT else schedule
        inside = set(fires(source, each.first - 1, each.last))
        if each.reason is Reason.BLACKOUT:
            inside -= kept
        assert {each.first, each.last} <= inside
        assert each.count in {None, len(inside)}
        assert not covered & inside
        covered |= inside
    assert covered | set(made) == set(fires(bare, begin, now))
    assert not covered & set(made)


def evaluations(action) -> int:
    """Return how many fires an action computes, as the interpreter sees the calls."""
    count = 0
    names, path = {"after", "before"}, Path(fires_module.__file__).name

    def look(frame, event, _):
        nonlocal count
        code = frame.f_code
        count += event == "call" and code.co_name in names and Path(code.co_filename).name == path

    sys.setprofile(look)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


ABSENCES = [
    *((policy, text, ()) for policy in (ALL, LATEST, NONE) for text in ("0/1 * * * * ? *", "0 2 * * *")),
    (ALL, "* * * * *", ()),
    (LATEST, "0/1 * * * * ? *", ("SAT,SUN",)),
    (ALL, "* * * * *", ("22:00-06:00",)),
    (NONE, "0 12 * * *", ("22:00-06:00",)),
]


@pytest.mark.parametrize(("policy", "text", "blackout"), ABSENCES)
def test_ten_years_of_absence_are_jumped_over(policy, text, blackout):
    schedule = parse_schedule(text, zone="Europe/Berlin", blackout=blackout)
    last, now = at("2016-06-01"), at("2026-06-01 12:00:30")
    # One answer costs a few evaluations for each fire of the cap, and at most one for each day of the absence.
    limit = 5000 + (12_000 if blackout else 0)
    assert evaluations(lambda: due_fires(schedule, policy, last, now, "a")) < limit
    found = due_fires(schedule, policy, last, now, "a")
    assert len(found.fires) <= policy.cap
    assert found.skipped
