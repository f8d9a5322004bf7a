from __future__ import annotations

import pytest

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter, Listed, fits, parse_filter

LINE = Listed(
    text="orders_daily failing no such file",
    state="failing",
    tags={"team": "growth", "Tier": "Gold"},
    table="orders_daily",
    workflow="nightly",
    trigger="schedule",
    queue="default",
)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("orders", True),
        ("ORDERS such", True),
        ("orders nothing", False),
        ("state:failing", True),
        ("state:fresh", False),
        ("state:fresh,failing", True),
        ("tag:team", True),
        ("tag:team=growth", True),
        ("tag:tier=gold", True),
        ("tag:team=ops", False),
        ("tag:team=growth tag:tier=silver", False),
        ("table:orders*", True),
        ("table:daily", False),
        ("table:a*,orders_?aily", True),
        ("workflow:n*", True),
        ("workflow:m*", False),
        ("trigger:schedule", True),
        ("queue:reports", False),
        ("state:failing file", True),
        ("10:30", False),
    ],
)
def test_a_line_passes_when_all_parts_fit(text: str, passes: object) -> None:
    assert fits(parse_filter(text), LINE) is passes


def test_an_empty_filter_is_false_and_any_part_makes_it_true() -> None:
    assert not parse_filter("  ")
    assert parse_filter("x")
    assert parse_filter("queue:x") == Filter(queues=("x",))


def test_a_key_that_does_not_exist_is_told_with_the_likely_one() -> None:
    with pytest.raises(MtctlError) as caught:
        parse_filter("stat:failed")
    assert (caught.value.code, caught.value.fix) == ("filter_key", "did you mean state:failed?")


def test_a_time_of_day_is_a_word() -> None:
    assert parse_filter("10:30").words == ("10:30",)
