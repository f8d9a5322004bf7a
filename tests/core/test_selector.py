from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.selector import Facts, find_cycle, kinds_asked, refuse_cycle, select, topological

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


FACTS = Facts(
    tags={
        "flights_daily": {"team": "air", "tier": "1"},
        "weather_daily": {"team": "sky"},
        "delay_by_weather": {"team": "air"},
        "monthly_punctuality": {},
        "route_leaderboard": {},
    },
    states={
        "flights_daily": frozenset({"fresh"}),
        "weather_daily": frozenset({"late", "stale"}),
        "delay_by_weather": frozenset({"late", "failed", "missing"}),
        "monthly_punctuality": frozenset({"never", "missing"}),
        "route_leaderboard": frozenset({"fresh"}),
    },
    workflows={
        "nightly": frozenset({"flights_daily", "weather_daily", "gone"}),
        "route_leaderboard": frozenset({"route_leaderboard"}),
    },
)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["tag:team=air"], ["flights_daily", "delay_by_weather"]),
        (["tag:team"], ["flights_daily", "weather_daily", "delay_by_weather"]),
        (["tag:team=a*"], ["flights_daily", "delay_by_weather"]),
        (["state:late"], ["weather_daily", "delay_by_weather"]),
        (["state:failed", "state:never"], ["monthly_punctuality", "delay_by_weather"]),
        (["state:late,tag:team=sky"], ["weather_daily"]),
        (["state:late, *_daily"], ["weather_daily"]),
        (["state:fresh,state:late"], []),
        (["wf:nightly"], ["flights_daily", "weather_daily"]),
        (["wf:*"], ["flights_daily", "route_leaderboard", "weather_daily"]),
        (["+state:failed"], ["flights_daily", "weather_daily", "delay_by_weather"]),
        (["tag:team=sky+"], ["weather_daily", "delay_by_weather"]),
        (["wf:nightly+,state:missing"], ["monthly_punctuality", "delay_by_weather"]),
        (["tag:tier=1", "route_leaderboard"], ["flights_daily", "route_leaderboard"]),
    ],
)
def test_words_about_tables_pick_them(patterns, expected):
    assert list(select(patterns, NAMES, UPSTREAM, FACTS)) == expected


@pytest.mark.parametrize(
    ("pattern", "kind", "code", "said"),
    [
        ("tag:team=sea", Kind.NOT_FOUND, "tag_unknown", "air, sky"),
        ("tag:colour=red", Kind.NOT_FOUND, "tag_unknown", "team, tier"),
        ("state:lat", Kind.USAGE, "selector", "state:late"),
        ("state:", Kind.USAGE, "selector", "names nothing"),
        ("wf:nihgtly", Kind.NOT_FOUND, "workflow_unknown", "nightly"),
        ("sate:late", Kind.USAGE, "selector", "state:"),
        ("flights_daily,", Kind.NOT_FOUND, "table_unknown", ""),
        ("flights_daily,nosuch", Kind.NOT_FOUND, "table_unknown", "nosuch"),
    ],
)
def test_words_that_mean_nothing_are_refused(pattern, kind, code, said):
    with pytest.raises(MtctlError) as caught:
        select([pattern], NAMES, UPSTREAM, FACTS)
    assert (caught.value.kind, caught.value.code) == (kind, code)
    assert said in str(caught.value)


def test_what_was_not_looked_up_cannot_be_asked():
    with pytest.raises(MtctlError) as caught:
        select(["state:late"], NAMES, UPSTREAM)
    assert caught.value.code == "selector"
    assert kinds_asked(["+tag:a=b,x*", "state:late+", "flights"]) == {"tag", "state"}
