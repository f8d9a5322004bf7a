"""Stored coverage equals what the ledger says, whatever happened in whatever order."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from store_kit import DAY, Kit, day, definition, full, kit_at, new, source

from mtctl.core.interval import WHOLE, Grain, Interval
from mtctl.core.model import Partition, PartitionColumn, RangeKind, Read
from mtctl.ports import Published

MONTHS = [Interval(day(0).start, day(31).start), Interval(day(31).start, day(59).start)]


def _month(name: str, reads: tuple[Read, ...], fingerprint: str):
    partition = Partition(columns=(PartitionColumn(name="d", type="DATE"),), grain=Grain.MONTH)
    return definition(name, reads=reads, fingerprint=fingerprint, partition=partition)


class World:
    """Six tables that read each other in all ways, and random things that happen to them."""

    def __init__(self, kit: Kit, seed: int) -> None:
        self.kit = kit
        self.random = random.Random(seed)  # noqa: S311 - a history, not a secret
        self.fingerprints = dict.fromkeys("abcdef", "f1")
        self.window = -DAY
        names = kit.put(*(self.definition(name) for name in "abcdef"))
        self.ids = {name: names[name] for name in "abcdef"}

    def definition(self, name: str):
        fingerprint = self.fingerprints[name]
        match name:
            case "a":
                return definition(name, fingerprint=fingerprint)
            case "b":
                return definition(name, reads=(Read(table="a", before=self.window),), fingerprint=fingerprint)
            case "c":
                return _month(name, (Read(table="a"), Read(table="b")), fingerprint)
            case "d":
                reads = (Read(table="a", kind=RangeKind.ALL), Read(table="e", kind=RangeKind.LATEST))
                return definition(name, reads=reads, fingerprint=fingerprint)
            case "e":
                return full(name, reads=(Read(table="b"),), fingerprint=fingerprint)
            case _:
                return definition(name, reads=(Read(table="c"),), fingerprint=fingerprint)

    def intervals(self, name: str) -> list[Interval]:
        if name == "e":
            return [WHOLE]
        if name == "c":
            return self.random.sample(MONTHS, self.random.randint(1, 2))
        first = self.random.randrange(40)
        return [day(number) for number in range(first, first + self.random.randint(1, 5))]

    def step(self) -> None:
        name = self.random.choice("aaabbbccdef")
        action = self.random.choices([self.refresh, self.overtake, self.redefine, self.observe], [8, 2, 1, 1])[0]
        self.kit.clock.advance(1)
        action(name)

    def refresh(self, name: str) -> None:
        published = self.kit.refresh(self.ids[name], **self.content(name))
        assert published is not None

    def content(self, name: str) -> dict:
        intervals = self.intervals(name)
        content = {one: self.random.choice("xyz") for one in intervals}
        empty = frozenset(one for one in intervals if self.random.random() < 0.2)
        sources = (source(f"/s/{self.random.randrange(2)}", self.random.choice("pq")),)
        return {"content": content, "empty": empty, "sources": sources if self.random.random() < 0.5 else ()}

    def overtake(self, name: str) -> None:
        """Something else happens between the claim and the publish."""
        parts = self.content(name)
        claimed = self.kit.take(self.ids[name], list(parts["content"]))
        publication = self.kit.publication(claimed, **parts)
        self.kit.clock.advance(1)
        other = self.random.choice([one for one in "abcdef" if one != name])
        self.refresh(other)
        self.observe(other)
        assert isinstance(self.kit.publish(publication), Published)

    def redefine(self, name: str) -> None:
        self.fingerprints[name] = self.random.choice(["f1", "f2", "f3"])
        if name == "b":
            self.window = self.random.choice([0, -DAY, -3 * DAY])
        rebuild = self.random.random() < 0.2
        with self.kit.store.write() as tx:
            tx.put_tables([new(self.definition(name), self.ids[name], rebuild=rebuild)])

    def observe(self, _: str) -> None:
        with self.kit.store.write() as tx:
            tx.observe_sources([source(f"/s/{self.random.randrange(2)}", self.random.choice("pq"))])

    def check(self) -> None:
        for table_id in self.ids.values():
            self.kit.coverage(table_id)
            rows = self.kit.sql(
                "SELECT start_at, end_at, stale FROM coverage WHERE table_id = ? ORDER BY start_at", table_id
            )
            for (_, end, reason), (start, _, following) in pairwise(rows):
                assert end < start or (end == start and reason != following), "neighbours must be merged"
        self.check_files()

    def check_files(self) -> None:
        """Every live file is filled by its live intervals without hole or overlap, and nothing else lives."""
        with self.kit.store.read() as view:
            for table_id in self.ids.values():
                files = {one.file_id: one.rows for one in view.data_files(table_id)}
                ledger = [row for row in view.ledger(table_id, WHOLE) if row.file_id is not None]
                assert {row.file_id for row in ledger} == set(files)
                for file_id, rows in files.items():
                    parts = sorted((row.row_start, row.rows) for row in ledger if row.file_id == file_id)
                    assert [start for start, _ in parts] == [sum(n for _, n in parts[:i]) for i in range(len(parts))]
                    assert sum(count for _, count in parts) == rows


@pytest.mark.parametrize("seed", range(8))
def test_coverage_equals_the_ledger_after_any_history(tmp_path, seed):
    world = World(kit_at(tmp_path), seed)
    for _ in range(40):
        world.step()
        world.check()

    stale = world.kit.sql("SELECT count(*) FROM coverage WHERE stale <> ''")[0][0]
    fresh = world.kit.sql("SELECT count(*) FROM coverage WHERE stale = ''")[0][0]
    assert stale, "a history without anything stale proves little"
    assert fresh


def test_a_month_is_stale_when_one_of_its_days_changes_and_not_the_next_month(tmp_path):
    kit = kit_at(tmp_path)
    ids = kit.put(definition("up"), _month("down", (Read(table="up"),), "f1"))
    kit.refresh(ids["up"], {day(number): "x" for number in range(59)})
    kit.refresh(ids["down"], dict.fromkeys(MONTHS, "m"))

    kit.refresh(ids["up"], {day(30): "changed"})

    fresh, stale = kit.coverage(ids["down"])
    assert list(fresh) == [MONTHS[1]]
    assert list(stale) == [MONTHS[0]]


def test_a_wider_window_reaches_back_by_its_days(tmp_path):
    kit = kit_at(tmp_path)
    ids = kit.put(definition("up"), definition("down", reads=(Read(table="up", before=-2 * DAY),)))
    kit.refresh(ids["up"], {day(number): "x" for number in range(10)})
    kit.refresh(ids["down"], {day(number): "y" for number in range(10)})

    kit.refresh(ids["up"], {day(4): "changed"})

    assert kit.coverage(ids["down"])[1] == {Interval(day(4).start, day(6).end): "upstream up changed"}
