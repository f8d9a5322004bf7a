"""Queues: each verb twice, with the person's name, and what cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, kit_at, noop

from mtctl.core.errors import Kind, MtctlError
from mtctl.services.queues import QueueArgs, Queues

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


@pytest.fixture
def queues(kit: Kit) -> Queues:
    return Queues(kit.store, "ana")


def trouble(act: object, *given: object, **named: object) -> tuple[str, Kind]:
    with pytest.raises(MtctlError) as caught:
        act(*given, **named)  # type: ignore[operator]
    return caught.value.code, caught.value.kind


def actors(kit: Kit) -> list[tuple[object, ...]]:
    return kit.sql("SELECT kind, actor FROM event WHERE actor <> '' ORDER BY event_id")


def test_create_twice_makes_one_and_says_so(kit: Kit, queues: Queues) -> None:
    made = queues.create("reports", QueueArgs(slots=2, memory="4GB", threads=1))
    assert made.changed
    assert made.row is not None
    assert (made.row.slots, made.row.memory, made.row.threads, made.row.paused) == (2, "4GB", 1, False)
    assert queues.create("reports", QueueArgs(slots=2)).changed is False
    assert trouble(queues.create, "reports", QueueArgs(slots=3)) == ("queue_exists", Kind.CONFLICT)
    assert [row.name for row in queues.rows()] == ["default", "reports"]
    assert actors(kit) == [("queue_create", "ana")]


def test_set_changes_what_is_named_and_nothing_else(queues: Queues) -> None:
    queues.create("reports", QueueArgs(slots=2, memory="4GB"))
    changed = queues.set("reports", QueueArgs(slots=5))
    assert changed.row is not None
    assert (changed.row.slots, changed.row.memory) == (5, "4GB")
    assert queues.set("reports", QueueArgs(slots=5)).changed is False
    cleared = queues.set("reports", QueueArgs(memory=""))
    assert cleared.row is not None
    assert (cleared.row.slots, cleared.row.memory) == (5, None)
    assert trouble(queues.set, "report", QueueArgs(slots=5)) == ("queue_unknown", Kind.NOT_FOUND)
    assert trouble(queues.set, "reports", QueueArgs()) == ("nothing_to_set", Kind.USAGE)


def test_pause_lets_nothing_begin_and_says_by_whom_and_why(kit: Kit, queues: Queues) -> None:
    kit.add(noop(0))
    assert queues.pause("default", "lunch").changed
    assert queues.pause("default", "dinner").changed is False
    [row] = queues.rows()
    assert (row.paused, row.paused_why, row.waiting) == (True, "by ana: lunch", 1)
    assert kit.claim(None) is None
    assert queues.resume("default").changed
    assert queues.resume("default").changed is False
    assert kit.claim(None) is not None
    assert trouble(queues.pause, "nosuch") == ("queue_unknown", Kind.NOT_FOUND)


def test_slots_and_holders_are_those_of_what_runs(kit: Kit, queues: Queues) -> None:
    queues.create("small", QueueArgs(slots=1))
    kit.add(noop(0, queue="small"), noop(1, queue="small"))
    assert kit.claim(None) is not None
    assert kit.claim(None) is None
    [row] = [row for row in queues.rows() if row.name == "small"]
    assert (row.running, row.waiting, len(row.holders)) == (1, 1, 1)
    queues.set("small", QueueArgs(slots=2))
    assert kit.claim(None) is not None


def test_delete_needs_a_queue_that_nobody_needs(kit: Kit, queues: Queues) -> None:
    queues.create("small", QueueArgs(slots=1))
    assert trouble(queues.delete, "default") == ("queue_default", Kind.CONFLICT)
    assert trouble(queues.delete, "nosuch") == ("queue_unknown", Kind.NOT_FOUND)
    assert queues.delete("nosuch", if_exists=True).changed is False
    kit.add(noop(0, queue="small"))
    assert trouble(queues.delete, "small") == ("queue_in_use", Kind.CONFLICT)
    kit.end(kit.claim(None))
    assert queues.delete("small").changed
    assert [row.name for row in queues.rows()] == ["default"]
    assert queues.create("small", QueueArgs(slots=3)).changed


@pytest.mark.parametrize("name", ["", "1st", "a b", "a/b", "x" * 64, "ä", "a\n"])
def test_a_name_that_cannot_be_is_refused(queues: Queues, name: str) -> None:
    assert trouble(queues.create, name, QueueArgs(slots=1)) == ("queue_name", Kind.USAGE)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (QueueArgs(), "slots_missing"),
        (QueueArgs(slots=0), "slots"),
        (QueueArgs(slots=-1), "slots"),
        (QueueArgs(slots=10**9), "slots"),
        (QueueArgs(slots=1, memory="much"), "memory"),
        (QueueArgs(slots=1, threads=-1), "threads"),
    ],
)
def test_settings_that_cannot_be_are_refused(queues: Queues, args: QueueArgs, code: str) -> None:
    assert trouble(queues.create, "q", args) == (code, Kind.USAGE)
    assert [row.name for row in queues.rows()] == ["default"]
