from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, kit_at

from mtctl.core.listing import parse_filter
from mtctl.core.states import InstanceState
from mtctl.ports.board import ORDERS, InstanceWindow

if TYPE_CHECKING:
    from pathlib import Path

STATES = ("success", "failed", "cancelled")
NOW = 1_700_000_000_000_000


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """Thirty instances: three states in turn, tags on every fifth, durations that differ."""
    kit = kit_at(tmp_path, NOW)
    with kit.store.write() as tx:
        for number in range(30):
            tx.session.connection.execute(
                "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, created_at, started_at, "
                "ended_at, tags) VALUES (?, 'manual', ?, '{}', ?, 'default', ?, ?, ?, ?)",
                (
                    f"{number:026d}",
                    f"Work {number % 7}",
                    STATES[number % 3],
                    NOW + number,
                    NOW + number,
                    NOW + number + (number * 11) % 30,
                    json.dumps({"team": "growth"} if number % 5 == 0 else {}),
                ),
            )
    return kit


def _window(kit: Kit, text: str = "", **more: object) -> list[int]:
    with kit.store.read() as view:
        rows = view.board().instance_window(InstanceWindow(wanted=parse_filter(text), **more))  # type: ignore[arg-type]
    return [int(row.ulid) for row in rows]


def test_windows_join_to_the_whole_list(kit: Kit) -> None:
    parts = [_window(kit, offset=offset, limit=7) for offset in range(0, 35, 7)]
    assert [one for part in parts for one in part] == list(range(29, -1, -1))


@pytest.mark.parametrize("order", ORDERS)
def test_each_order_and_its_reverse_hold_the_same_instances(kit: Kit, order: str) -> None:
    up = _window(kit, order=order, descending=False)
    down = _window(kit, order=order, descending=True)
    assert sorted(up) == sorted(down) == list(range(30))
    if order == "duration":
        assert [(one * 11) % 30 for one in down] == sorted(((one * 11) % 30 for one in range(30)), reverse=True)
    if order == "title":
        assert [one % 7 for one in up] == sorted(one % 7 for one in range(30))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("state:failed", [one for one in range(30) if one % 3 == 1]),
        ("state:failed,cancelled", [one for one in range(30) if one % 3]),
        ("work 3", [one for one in range(30) if "3" in f"Work {one % 7} {one:026d}"]),
        ("tag:team=growth", list(range(0, 30, 5))),
        ("tag:team", list(range(0, 30, 5))),
        ("tag:team=ops", []),
        ("trigger:man*", list(range(30))),
        ("queue:other", []),
        ("workflow:x", []),
        ("table:x", []),
    ],
)
def test_a_filter_and_its_total_agree(kit: Kit, text: str, wanted: list[int]) -> None:
    assert sorted(_window(kit, text)) == wanted
    with kit.store.read() as view:
        assert view.board().instance_total(parse_filter(text)) == len(wanted)


def test_counts_are_of_all_instances(kit: Kit) -> None:
    with kit.store.read() as view:
        counts = view.board().instance_counts()
    assert counts == {InstanceState.SUCCESS: 10, InstanceState.FAILED: 10, InstanceState.CANCELLED: 10}
