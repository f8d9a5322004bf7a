from __future__ import annotations

import random

import pytest
from counting import calls

from mtctl.core.lineage import LEVELS, Way, branches, surroundings, worst_path

SHOP = {
    "orders": [],
    "fx": [],
    "clean": ["orders", "fx"],
    "daily": ["clean"],
    "customers": ["clean"],
    "top": ["daily", "customers"],
}


def _drawn(lines: object) -> list[str]:
    return [one.stem + (one.name or ", ".join(one.again) + " *") for one in lines]  # type: ignore[attr-defined]


def test_every_table_is_drawn_once_below_all_that_it_reads() -> None:
    assert _drawn(branches(SHOP)) == [
        "fx",
        "orders",
        "└─ clean",
        "   ├─ customers",
        "   └─ daily",
        "      └─ top",
    ]


def test_a_table_stands_between_what_it_reads_and_what_reads_it() -> None:
    assert _drawn(surroundings("daily", SHOP)) == [
        "   ┌─ orders",
        "   ├─ fx",
        "┌─ clean",
        "daily",
        "└─ top",
    ]
    assert [one.way for one in surroundings("daily", SHOP)] == [Way.ABOVE] * 3 + [Way.HERE, Way.BELOW]


def test_a_diamond_is_followed_once_and_named_where_it_meets_again() -> None:
    assert _drawn(surroundings("clean", SHOP))[-4:] == ["├─ customers", "│  └─ top", "└─ daily", "   └─ top *"]
    above = _drawn(surroundings("top", SHOP))
    assert above[:-1] == [
        "   ┌─ clean *",
        "┌─ daily",
        "│     ┌─ orders",
        "│     ├─ fx",
        "│  ┌─ clean",
        "├─ customers",
    ]  # fmt: skip


def test_names_that_are_not_there_and_loops_do_not_stop_the_drawing() -> None:
    assert _drawn(branches({"a": ["gone"], "b": ["a", "b"]})) == ["a", "└─ b"]
    assert {one.name for one in branches({"a": ["b"], "b": ["a"], "c": []})} == {"a", "b", "c"}
    assert _drawn(surroundings("a", {"a": ["b"], "b": ["a"]})) == ["   ┌─ a *", "┌─ b", "a", "└─ b", "   └─ a *"]


@pytest.mark.parametrize("shape", ["chain", "star", "layers"])
def test_five_hundred_tables_take_few_steps_however_they_hang_together(shape: str) -> None:
    if shape == "chain":
        upstream = {f"t{one:03}": [f"t{one - 1:03}"] if one else [] for one in range(500)}
    elif shape == "star":
        upstream = {f"t{one:03}": ["t000"] if one else [] for one in range(500)}
    else:
        upstream = {f"t{one:03}": [f"t{(one // 50 - 1) * 50 + two:03}" for two in range(50 if one >= 50 else 0)]
                    for one in range(500)}  # fmt: skip
    edges = sum(map(len, upstream.values()))
    whole = branches(upstream)
    assert sorted(one.name for one in whole) == sorted(upstream)
    for subject in ("t000", "t250", "t499"):
        around = surroundings(subject, upstream)
        assert len(around) <= 2 * 500 + 1
        names = [one.name for one in around if one.name]
        assert len(names) == len(set(names))
    assert max(len(one.stem) for one in whole) <= LEVELS * 3 + 2
    assert calls(lambda: (branches(upstream), surroundings("t250", upstream))) < 40 * (edges + 500)


def test_order_and_surroundings_hold_for_any_graph() -> None:
    dice = random.Random(7)  # noqa: S311 - the same graphs at every run
    for _ in range(100):
        size = dice.randint(1, 14)
        upstream = {f"n{one}": [f"n{two}" for two in range(one) if dice.random() < 0.3] for one in range(size)}
        place = {one.name: at for at, one in enumerate(branches(upstream))}
        assert set(place) == set(upstream)
        assert all(place[read] < place[name] for name, reads in upstream.items() for read in reads)
        subject = dice.choice(sorted(upstream))
        around = surroundings(subject, upstream)
        named = {one.name for one in around if one.name}
        assert {again for one in around for again in one.again} <= named
        assert named == _reach(subject, upstream) | _reach(subject, _turned(upstream))


def test_the_worst_path_ends_at_the_greatest_lag_and_goes_up_through_the_latest() -> None:
    lags = {"orders": 0, "fx": 3, "clean": 0, "daily": 9, "customers": 0, "top": 8}
    assert worst_path(lags, SHOP) == ("fx", "clean", "daily")
    assert worst_path(lags | {"top": 20}, SHOP) == ("fx", "clean", "daily", "top")
    assert worst_path(dict.fromkeys(SHOP, 0), SHOP) == ()
    assert worst_path({}, {}) == ()
    assert worst_path({"a": 1, "b": 2}, {"a": ["b"], "b": ["a"]}) == ("a", "b")


def _reach(start: str, edges: dict[str, list[str]]) -> set[str]:
    return {start}.union(*(_reach(one, edges) for one in edges.get(start, ())))


def _turned(edges: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [one for one, reads in edges.items() if name in reads] for name in edges}
