"""What a dispatcher asks while it waits: whether anything is open, and who holds it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, definition, kit_at, new_holder, noop, task

from mtctl.core.states import Outcome

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def _is_open(kit: Kit, instance_id: int) -> bool:
    with kit.store.read() as view:
        return view.is_open(instance_id)


def _held_up(kit: Kit, instance_id: int) -> tuple[str, str] | None:
    with kit.store.read() as view:
        return view.held_up(instance_id)


def test_an_instance_is_open_until_its_last_task_has_ended(kit: Kit) -> None:
    one = kit.add(noop(0), noop(1, after=(0,)))
    assert _is_open(kit, one)
    kit.end(kit.claim(one))
    assert _is_open(kit, one)
    kit.end(kit.claim(one), Outcome.FAILED, retryable=False)
    assert not _is_open(kit, one)
    assert not _is_open(kit, one + 99)


def test_who_refreshes_the_table_of_a_pending_task_is_named(kit: Kit) -> None:
    tables = list(kit.put(definition("a"), definition("b")).values())
    other = new_holder(kit.store, "up, worker 1")
    theirs = kit.instance(task(tables[1], [day(0)]))
    mine = kit.instance(task(tables[0], [day(0)]), task(tables[1], [day(1)], key=1), task(tables[1], [day(2)], key=2))
    assert _held_up(kit, mine) is None
    claimed = kit.claim(theirs, holder=other)
    assert _held_up(kit, mine) == (f"t{tables[1]}", "up, worker 1")
    assert _held_up(kit, theirs) is None, "its own task is the one that runs"
    kit.end(claimed, Outcome.FAILED, retryable=False)
    assert _held_up(kit, mine) is None


def test_a_program_that_runs_holds_up_no_other(kit: Kit) -> None:
    one = kit.add(noop(0))
    two = kit.add(noop(1))
    kit.claim(one)
    assert _held_up(kit, two) is None
