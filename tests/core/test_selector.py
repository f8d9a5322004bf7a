from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.selector import find_cycle, refuse_cycle, select, topological

NAMES = ("delay_by_weather", "flights_daily", "monthly_punctuality", "route_leaderboard", "weather_daily")
UPSTREAM = {
    "delay_by_weather": frozenset({"flights_daily", "weather_daily"}),
    "monthly_punctuality": frozenset({"flights_daily"}),
}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["flights_daily"], ["flights_daily"]),
        (["main.Flights_Daily"], ["flights_daily"]),
        (["*_daily"], ["flights_daily", "weather_daily"]),
        (["+delay_by_weather"], ["flights_daily", "weather_daily", "delay_by_weather"]),
        (["flights_daily+"], ["flights_daily", "monthly_punctuality", "delay_by_weather"]),
        (["+flights_daily+"], ["flights_daily", "monthly_punctuality", "delay_by_weather"]),
        (["weather*", "route_leaderboard"], ["route_leaderboard", "weather_daily"]),
        (["monthly_punctuality", "flights_daily"], ["flights_daily", "monthly_punctuality"]),
        (["+*"], ["flights_daily", "monthly_punctuality", "route_leaderboard", "weather_daily", "delay_by_weather"]),
        ([], []),
    ],
)
def test_patterns_pick_tables_upstream_first(patterns, expected):
    assert list(select(patterns, NAMES, UPSTREAM)) == expected


def test_an_unknown_name_proposes_the_near_one():
    with pytest.raises(MtctlError) as caught:
        select(["flight_daily"], NAMES, UPSTREAM)
    assert caught.value.kind is Kind.NOT_FOUND
    assert caught.value.code == "table_unknown"
    assert caught.value.fix == "did you mean 'flights_daily'?"
    assert caught.value.details == {"did_you_mean": ["flights_daily"]}


@pytest.mark.parametrize("pattern", ["zzz*", "' OR 1=1--", "", "+", "nosuch", "\x1b[2J"])
def test_nothing_found_is_an_error(pattern):
    with pytest.raises(MtctlError) as caught:
        select([pattern], NAMES, UPSTREAM)
    assert caught.value.code == "table_unknown"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("upstream", "path"),
    [
        ({"a": {"a"}}, "a → a"),
        ({"a": {"b"}, "b": {"a"}}, "a → b → a"),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}}, "a → b → c → a"),
        ({"z": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"b"}}, "b → c → b"),
    ],
)
def test_a_cycle_is_refused_with_its_path(upstream, path):
    with pytest.raises(MtctlError) as caught:
        refuse_cycle({name: frozenset(reads) for name, reads in upstream.items()})
    assert caught.value.code == "cycle"
    assert caught.value.what.endswith(path)
    with pytest.raises(MtctlError):
        topological(upstream, {name: frozenset(reads) for name, reads in upstream.items()})


@given(st.dictionaries(st.sampled_from("abcdefg"), st.frozensets(st.sampled_from("abcdefg"), max_size=3)))
def test_there_is_an_order_exactly_when_there_is_no_cycle(upstream):
    cycle = find_cycle(upstream)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(read in upstream[name] for name, read in pairwise(cycle))
        return
    order = topological("abcdefg", upstream)
    assert sorted(order) == list("abcdefg")
    assert all(order.index(read) < order.index(name) for name, reads in upstream.items() for read in reads)


def test_deep_and_wide_graphs_need_neither_recursion_nor_patience():
    chain = {f"c{i:05d}": frozenset({f"c{i - 1:05d}"}) for i in range(1, 10_000)}
    wide = {f"w{i:05d}": frozenset({"c00000"}) for i in range(5_000)}
    upstream = chain | wide
    names = {"c00000", *upstream}
    begun = time.process_time()
    assert find_cycle(upstream) is None
    assert len(select(["c00000+"], names, upstream)) == 15_000
    assert len(select(["+c09999"], names, upstream)) == 10_000
    assert find_cycle(upstream | {"c00000": frozenset({"c09999"})}) is not None
    assert time.process_time() - begun < 5
