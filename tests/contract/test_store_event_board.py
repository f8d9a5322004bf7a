from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, kit_at

from mtctl.core.errors import MtctlError
from mtctl.core.listing import parse_filter
from mtctl.core.states import InstanceState
from mtctl.ports.event_board import NEWEST, ORDERS, EventWindow

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000_000_000


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """Thirty events: two kinds in turn, by somebody every third time."""
    kit = kit_at(tmp_path, NOW)
    with kit.store.write() as tx:
        for number in range(30):
            tx.session.connection.execute(
                "INSERT INTO event (at, kind, actor, detail) VALUES (?, ?, ?, ?)",
                (
                    NOW + number,
                    "noted" if number % 2 else "seen",
                    "ann" if number % 3 == 0 else "",
                    f'{{"n": {number}}}',
                ),
            )
    return kit


def _window(kit: Kit, text: str = "", **more: object) -> list[int]:
    with kit.store.read() as view:
        rows = view.board().happened().window(EventWindow(wanted=parse_filter(text), **more))  # type: ignore[arg-type]
    return [row.detail["n"] for row in rows if "n" in row.detail]


def _total(kit: Kit, text: str = "") -> int:
    with kit.store.read() as view:
        return view.board().happened().total(parse_filter(text))


def test_windows_of_events_join_to_the_whole_from_either_end(kit: Kit) -> None:
    down = [one for offset in range(0, 40, 7) for one in _window(kit, offset=offset, limit=7)]
    up = [one for offset in range(0, 40, 7) for one in _window(kit, offset=offset, limit=7, descending=False)]
    assert down == list(range(29, -1, -1))
    assert up == down[::-1]


@pytest.mark.parametrize("order", ORDERS)
def test_events_are_sorted_by_each_column_and_those_without_a_value_stand_last(kit: Kit, order: str) -> None:
    by = {
        "at": lambda n: (0, n),
        "kind": lambda n: (0, "noted" if n % 2 else "seen"),
        "actor": lambda n: (n % 3 > 0, "ann"),
        "detail": lambda n: (0, f'{{"n": {n}}}'),
    }[order]
    up = [one for offset in (0, 20) for one in _window(kit, order=order, descending=False, offset=offset, limit=20)]
    down = _window(kit, order=order, limit=100)
    assert sorted(up) == sorted(down) == list(range(30))
    assert [by(n) for n in up] == sorted(map(by, range(30)))
    known, rest = [n for n in down if not by(n)[0]], [n for n in down if by(n)[0]]
    assert down == known + rest
    assert [by(n) for n in known] == sorted(map(by, known), reverse=True)


@pytest.mark.parametrize("descending", [False, True])
def test_an_event_that_says_nothing_stands_last(kit: Kit, *, descending: bool) -> None:
    with kit.store.write() as tx:
        tx.session.connection.execute("INSERT INTO event (at, kind, actor, detail) VALUES (1, 'seen', '', '{}')")
    with kit.store.read() as view:
        rows = view.board().happened().window(EventWindow(order="detail", descending=descending, limit=100))
    assert [bool(row.detail) for row in rows] == [True] * 30 + [False]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("state:noted", set(range(1, 30, 2))),
        ("state:noted,seen", set(range(30))),
        ("ann", set(range(0, 30, 3))),
        ("state:seen ann", set(range(0, 30, 6))),
        ("nobody", set()),
        ("table:x", set()),
        ("workflow:x", set()),
        ("tag:team=x", set()),
        ("queue:default", set()),
    ],
)
def test_a_filter_of_events_narrows_windows_and_totals_alike(kit: Kit, text: str, wanted: set[int]) -> None:
    assert set(_window(kit, text, limit=100)) == wanted
    assert _total(kit, text) == len(wanted)


def test_only_the_newest_events_are_looked_at(kit: Kit) -> None:
    with kit.store.write() as tx:
        tx.session.connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO event (at, kind, detail) SELECT ?, 'more', '{}' FROM n",
            (NEWEST, NOW),
        )
    assert _total(kit) == NEWEST
    assert _window(kit, "state:seen", limit=100) == []


def test_the_last_state_of_a_workflow_is_that_of_its_newest_instance(kit: Kit) -> None:
    with kit.store.write() as tx:
        run = tx.session.connection.execute
        for name in ("one", "two", "none"):
            run("INSERT INTO workflow (name, state, version, created_at) VALUES (?, 'enabled', 1, 1)", (name,))
        for number, (name, state) in enumerate(
            (("one", "failed"), ("two", "success"), ("one", "success"), (None, "failed"))
        ):
            run(
                "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, created_at, ended_at, "
                "workflow_id) VALUES (?, 'manual', 'x', '{}', ?, 'default', 1, 2, "
                "(SELECT workflow_id FROM workflow WHERE name = ?))",
                (f"{number:026d}", state, name),
            )
        ids = dict(run("SELECT name, workflow_id FROM workflow").fetchall())
    with kit.store.read() as view:
        found = view.board().last_states()
    assert found == {ids["one"]: InstanceState.SUCCESS, ids["two"]: InstanceState.SUCCESS}


def test_a_look_tells_that_a_newer_program_has_upgraded_the_file(kit: Kit) -> None:
    before = kit.store.change_mark()
    with kit.store.write() as tx:
        [[version]] = tx.session.connection.execute("PRAGMA user_version").fetchall()
        tx.session.connection.execute(f"PRAGMA user_version = {version + 1}")
    with pytest.raises(MtctlError) as caught:
        kit.store.change_mark()
    assert caught.value.code == "state_newer"
    assert isinstance(before, int)
