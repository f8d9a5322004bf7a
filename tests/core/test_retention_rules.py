"""Which snapshots stay: examples of each rule, and a naive model that knows every version from the beginning."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.retention import (
    DAY,
    HOUR,
    YOUNG,
    Ended,
    Lake,
    Limits,
    OldFile,
    OldSnapshot,
    Policy,
    TableHistory,
    is_mark,
    kept,
    limits_of,
    within,
)

MINUTE = HOUR // 60
NOW = 1_000 * DAY + 30 * MINUTE


@dataclass
class World:
    """Every snapshot that there ever was, with the tables that it changed; `there` are those not expired yet."""

    times: list[int] = field(default_factory=lambda: [0])
    changed: list[frozenset[str]] = field(default_factory=lambda: [frozenset()])
    there: set[int] = field(default_factory=lambda: {0})

    def publish(self, at: int, tables: frozenset[str]) -> None:
        self.there.add(len(self.times))
        self.times.append(at)
        self.changed.append(tables)

    def young_from(self, now: int) -> int:
        return max((n for n, at in enumerate(self.times) if at <= now - YOUNG), default=0)

    def decide(self, now: int, limits: dict[str, Limits], among: set[int]) -> frozenset[int]:
        """Ask the rules about these snapshots, as the store would."""
        first = self.young_from(now)
        known = sorted(among)
        later = dict(pairwise(known))
        old = [OldSnapshot(one, self.times[one], self.times[later[one]]) for one in known if one < first]
        tables = []
        for name, limit in limits.items():
            ends = [n for n, names in enumerate(self.changed) if name in names]
            tables.append(
                TableHistory(
                    limits=limit,
                    is_live=True,
                    young=sum(n > first for n in ends),
                    ended=tuple(
                        Ended(n, self.times[n]) for n in reversed(ends) if n <= first and n - 1 in among
                    ),
                )
            )
        return kept(now, old, tables, Lake(), first) | frozenset(one for one in among if one >= first)


def naive(world: World, now: int, limits: dict[str, Limits]) -> set[int]:
    """What must stay, from the words of the rules and the whole history."""
    last = len(world.times) - 1
    ended_at = [*world.times[1:], None]
    stays = {n for n in range(last + 1) if ended_at[n] is None or ended_at[n] > now - HOUR}
    for edge, back in ((HOUR, DAY), (DAY, 7 * DAY)):
        point = now // edge * edge
        while point > now - back and point > 0:
            stays.add(max((n for n, at in enumerate(world.times) if at < point), default=0))
            point -= edge
    for name, limit in limits.items():
        ends = [n for n, names in enumerate(world.changed) if name in names]
        wanted = ends[::-1][: limit.versions - 1]
        stays |= {n - 1 for n in wanted if world.times[n] > now - limit.age}
    return stays


steps = st.lists(
    st.tuples(
        st.sampled_from([1, MINUTE, 7 * MINUTE, 25 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY]),
        st.frozensets(st.sampled_from("abc"), max_size=2),
    ),
    max_size=60,
)
limits = st.fixed_dictionaries(
    {name: st.builds(Limits, versions=st.integers(1, 5), age=st.sampled_from([HOUR, DAY, 9 * DAY])) for name in "abc"}
)


@given(steps, limits, st.sampled_from([0, MINUTE, HOUR, 6 * HOUR, 2 * DAY, 20 * DAY]))
def test_what_stays_is_what_the_words_say(history, limit, rest):
    world = World()
    at = 500 * DAY
    for gap, tables in history:
        at += gap
        world.publish(at, tables)

    found = world.decide(at + rest, limit, set(world.there))

    assert found == naive(world, at + rest, limit)


@given(steps, limits)
def test_expiring_bit_by_bit_gives_the_same_as_expiring_once(history, limit):
    world = World()
    at = 500 * DAY
    for gap, tables in history:
        at += gap
        world.publish(at, tables)
        world.there = set(world.decide(at, limit, world.there))

    assert world.there == naive(world, at, limit)


@given(steps, limits)
def test_every_version_of_the_last_hour_can_be_read(history, limit):
    world = World()
    at = 500 * DAY
    for gap, tables in history:
        at += gap
        world.publish(at, tables)
        world.there = set(world.decide(at, limit, world.there))

    for number, ended_at in enumerate([*world.times[1:], at + 1]):
        if ended_at > at - HOUR:
            assert number in world.there


def old(number: int, at: int, ended_at: int) -> OldSnapshot:
    return OldSnapshot(number, at, ended_at)


def test_a_table_that_changes_rarely_keeps_no_snapshot_of_those_that_change_often():
    ended = tuple(Ended(n, NOW - 2 * HOUR) for n in range(99, 2, -1))
    often = TableHistory(limits=Limits(versions=1), is_live=True, young=0, ended=ended)
    rare = TableHistory(limits=Limits(), is_live=True, young=0, ended=(Ended(50, NOW - 2 * HOUR),))
    snapshots = [old(n, NOW - 2 * HOUR, NOW - 2 * HOUR) for n in range(1, 99)]

    assert kept(NOW, snapshots, [often, rare], Lake(), 99) == {49}


def test_the_age_of_a_version_counts_from_its_end_not_from_its_beginning():
    table = TableHistory(limits=Limits(age=DAY), is_live=True, young=0, ended=(Ended(2, NOW - 2 * HOUR),))

    assert kept(NOW, [old(1, NOW - 300 * DAY, NOW - 2 * HOUR)], [table], Lake(), 2) >= {1}


@pytest.mark.parametrize(
    ("at", "ended_at", "stays"),
    [
        (NOW - 91 * MINUTE, NOW - 89 * MINUTE, True),  # the newest at 23:00
        (NOW - 89 * MINUTE, NOW - 88 * MINUTE, False),
        (NOW - 40 * HOUR, NOW - 24 * HOUR, True),  # at a midnight
        (NOW - 40 * HOUR, NOW - 39 * HOUR, False),  # at a full hour too long ago
        (NOW - 40 * DAY, NOW - 6 * DAY, True),
        (NOW - 40 * DAY, NOW - 8 * DAY, False),
    ],
)
def test_the_newest_of_an_hour_and_of_a_day_stay(at, ended_at, stays):
    assert is_mark(NOW, old(1, at, ended_at)) is stays


def test_bytes_are_counted_once_however_many_snapshots_show_a_file():
    files = [OldFile(1, 10, 100), OldFile(2, 5, 50), OldFile(7, 9, 30), OldFile(1, 12, 7)]

    assert within([8, 4, 1], files, 137, 11) == [8]
    assert within([8, 4, 1], files, 187, 11) == [8, 4, 1]
    assert within([8, 4, 1], files, 136, 11) == []


def test_a_table_without_room_for_its_old_versions_keeps_the_newest_of_them():
    ended = tuple(Ended(n, NOW - 2 * HOUR) for n in (5, 4, 3))
    files = tuple(OldFile(n - 1, n, 10) for n in (3, 4, 5))
    table = TableHistory(limits=Limits(bytes=20), is_live=True, young=0, ended=ended, allowed=20, files=files)
    snapshots = [old(n, NOW - 2 * HOUR, NOW - 2 * HOUR) for n in (2, 3, 4)]

    assert kept(NOW, snapshots, [table], Lake(), 5) == {4, 3}


def test_marks_go_only_where_the_whole_lake_takes_too_much():
    snapshots = [old(n, NOW - 5 * HOUR + n * HOUR - MINUTE, NOW - 5 * HOUR + (n + 1) * HOUR - MINUTE) for n in range(3)]
    files = tuple(OldFile(n, n + 1, 10) for n in range(3))

    assert kept(NOW, snapshots, [], Lake(), 3) == {0, 1, 2}
    assert kept(NOW, snapshots, [], Lake(allowed=20, files=files), 3) == {2, 1}


def test_a_table_says_its_own_limits():
    options = [("retention.versions", "3"), ("retention.age", "2 days"), ("retention.bytes", "5 MB"), ("mode", "full")]

    assert limits_of(Policy(), options) == Limits(versions=3, age=2 * DAY, bytes=5_000_000)
    assert limits_of(Policy(limits=Limits(versions=4)), [("retention.age", "1h")]) == Limits(versions=4, age=HOUR)
    assert Limits().allowed(10) == 20 + (1 << 30)
