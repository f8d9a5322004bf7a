"""How all tables stand: read by a few statements, judged as one table is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from counting import calls
from store_kit import DAY, Kit, day, definition, full, kit_at, source, task

from mtctl.core.model import RangeKind, Read
from mtctl.core.states import Outcome
from mtctl.services.lineage import Lineages

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.services.lineage import Standing, Standings

START = day(0).start
MINUTE = 60_000_000


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """A project that begins at the end of the second day of 2013, and three hours."""
    return kit_at(tmp_path, START + 2 * DAY + 180 * MINUTE)


def _standings(kit: Kit) -> Standings:
    return Lineages(kit.store, kit.clock).standings()


def _one(kit: Kit, name: str) -> Standing:
    return _standings(kit).tables[name]


def _fail(kit: Kit, table_id: int, number: int = 0) -> None:
    claimed = kit.claim(kit.instance(task(table_id, [day(number)]), tries=1))
    kit.end(claimed, Outcome.FAILED, retryable=False)


def test_a_table_is_late_by_the_first_interval_that_it_lacks(kit: Kit) -> None:
    tables = kit.put(definition("daily"))
    assert _one(kit, "daily").lag.total == 0, "it was made in this very moment"
    kit.refresh(tables["daily"], {day(0): "a", day(1): "b"})
    kit.clock.advance(20 * 3600)
    assert _one(kit, "daily").state == "fresh"
    kit.clock.advance(10 * 3600 + 720)
    found = _one(kit, "daily")
    assert (found.state, found.wanted, found.fresh) == ("late", 3, 2)
    assert found.lag.total == 552 * MINUTE
    assert found.cause == "not scheduled"


def test_what_a_source_or_an_upstream_made_stale_is_late_since_then(kit: Kit) -> None:
    reads = (Read(table="daily", kind=RangeKind.OVERLAP),)
    tables = kit.put(definition("daily"), definition("top", reads=reads))
    first = source("/data/in.csv", "1" * 64)
    kit.refresh(tables["daily"], {day(0): "a", day(1): "b"}, sources=(first,))
    kit.refresh(tables["top"], {day(0): "c", day(1): "d"})
    kit.clock.advance(3600)
    with kit.store.write() as tx:
        tx.observe_sources([source("/data/in.csv", "2" * 64)])
    kit.clock.advance(600)
    daily = _one(kit, "daily")
    assert (daily.lag.total, daily.cause) == (10 * MINUTE, "source /data/in.csv changed; not scheduled")
    assert _one(kit, "top").lag.total == 0
    kit.refresh(tables["daily"], {day(0): "x", day(1): "y"}, sources=(source("/data/in.csv", "2" * 64),))
    kit.clock.advance(300)
    assert _one(kit, "daily").lag.total == 0
    top = _one(kit, "top")
    assert (top.lag.total, top.cause) == (5 * MINUTE, "upstream daily changed; not scheduled")


def test_a_late_table_blames_the_one_that_it_waits_for_and_the_path_leads_there(kit: Kit) -> None:
    reads = (Read(table="daily", kind=RangeKind.OVERLAP),)
    tables = kit.put(definition("raw"), definition("daily", reads=(Read(table="raw", kind=RangeKind.OVERLAP),)),
                     definition("top", reads=reads))  # fmt: skip
    kit.refresh(tables["raw"], {day(0): "a", day(1): "b"})
    kit.clock.advance(3600)
    _fail(kit, tables["daily"])
    found = _standings(kit)
    assert list(found.tables) == ["raw", "daily", "top"]
    assert [one.stem for one in found.tables.values()] == ["", "└─ ", "   └─ "]
    daily, top = found.tables["daily"], found.tables["top"]
    assert daily.cause.startswith("own failure ")
    assert (daily.state, daily.error, daily.counts) == ("failing", "boom", {"failed": 1})
    assert top.cause == "waits for daily"
    assert (top.lag.own, top.lag.inherited) == (0, daily.lag.total)
    assert found.worst == ("raw", "daily")


def test_numbers_and_strip_are_of_the_newest_runs(kit: Kit) -> None:
    tables = kit.put(definition("daily"))
    _fail(kit, tables["daily"])
    kit.refresh(tables["daily"], {day(0): "a", day(1): "b"})
    again = kit.instance(task(tables["daily"], [day(1)]), task(tables["daily"], [day(0)], key=1, after=(0,)))
    found = _one(kit, "daily")
    assert found.strip == ("failed", "success")
    assert found.counts == {"failed": 1, "success": 1, "pending": 1, "created": 1}
    kit.claim(again)
    assert _one(kit, "daily").strip == ("failed", "success", "running")
    assert _one(kit, "daily").state == "running"


def test_a_paused_queue_is_the_cause(kit: Kit) -> None:
    tables = kit.put(full("one"))
    kit.clock.advance(60)
    kit.instance(task(tables["one"], [day(0)]), holder=None, detached=True)
    with kit.store.write() as tx:
        tx.pause_queue("default", paused=True, why="by ops")
    found = _one(kit, "one")
    assert (found.cause, found.lag.total, found.state) == ("queue default is paused", MINUTE, "never")


def test_the_sources_at_the_ends_tell_when_they_changed_last(kit: Kit) -> None:
    kit.put(definition("daily"))
    with kit.store.write() as tx:
        tx.observe_sources(
            [source(f"/data/{name}.csv", "1" * 64, mtime_ns=at) for name, at in (("a", 9_000), ("b", 5_000))]
        )
    with kit.store.read() as view:
        found = view.board().standings().sources(["/data/*.csv", "/data/b.csv", "/other/*"])
    assert found == {"/data/*.csv": (2, 9), "/data/b.csv": (1, 5)}


def test_five_statements_are_enough_and_five_hundred_tables_in_a_row_too(kit: Kit) -> None:
    tables = kit.put(definition("t000"), *(
        definition(f"t{one:03}", reads=(Read(table=f"t{one - 1:03}", kind=RangeKind.OVERLAP),)) for one in range(1, 500)
    ))  # fmt: skip
    kit.clock.advance(3600)
    kit.refresh(tables["t000"], {day(0): "a", day(1): "b"}, sources=(source("/data/in.csv", "1" * 64),))
    with kit.store.write() as tx:
        tx.observe_sources([source("/data/in.csv", "2" * 64)])
    with _statements(kit) as seen:
        found = _standings(kit)
    assert len(seen) <= 5, seen
    assert len(found.tables) == 500
    assert found.tables["t499"].cause == "waits for t498"
    assert calls(lambda: _standings(kit)) < 500 * 400


class _statements:  # noqa: N801 - reads like a function
    """The statements that run meanwhile, without the frame of the transaction."""

    def __init__(self, kit: Kit) -> None:
        self._connection = kit.store._connection
        self.seen: list[str] = []

    def __enter__(self) -> list[str]:
        self._connection.set_profile(
            lambda text, _: self.seen.append(text.split("\n")[0]) if not _frame(text) else None
        )
        return self.seen

    def __exit__(self, *_: object) -> None:
        self._connection.set_profile(None)


def _frame(text: str) -> bool:
    return text.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "END"))
