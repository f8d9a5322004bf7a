"""Power that fails: whatever part of the log reached the disk, the file opens with whole refreshes only.

SQLite's log is written front to back and synced at each commit. So a cut leaves a prefix of it, perhaps with a torn
end or one that holds old garbage. Each cut is opened by the store itself.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from store_kit import day, definition, kit_at

from mtctl.store.audit import recompute_coverage, stored_coverage
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw

_HEADER = 32
_FRAME = 24 + 4096
_REFRESHES = 8
_FACTS = """
SELECT (SELECT count(*) FROM ducklake_snapshot), (SELECT count(*) FROM ledger),
       (SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL),
       (SELECT count(*) FROM attempt WHERE outcome = 'success'), (SELECT count(*) FROM event WHERE kind = 'published'),
       (SELECT group_concat(start_at || ':' || fingerprint, ' ')
        FROM (SELECT * FROM ledger WHERE end_snapshot IS NULL ORDER BY start_at))
"""
"""What one publish moves together: data, ledger, run state, event."""


class Log:
    """A state file as it lay on the disk, and what was acknowledged when the log had each length."""

    def __init__(self, folder: Path) -> None:
        """Refresh some days, each a publish of its own, with nothing brought back from the log into the file."""
        kit = kit_at(folder)
        self.table = table = kit.put(definition("a"))["a"]
        connection = kit.store._connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        self.path = next(folder.rglob("state.db"))
        self._wal = self.path.with_name("state.db-wal")
        self.acknowledged = {0: _facts(connection)}
        for number in range(_REFRESHES):
            kit.refresh(table, {day(number % 5): f"x{number}"})
            self.acknowledged[self._wal.stat().st_size] = _facts(connection)
        self.main, self.log = self.path.read_bytes(), self._wal.read_bytes()
        kit.store.close()

    def opened_with(self, log: bytes, folder: Path) -> tuple[object, ...]:
        """Return the facts of a copy that has this log; the store opens it and it must be whole."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / "state.db"
        path.write_bytes(self.main)
        path.with_name("state.db-wal").write_bytes(log)
        for file in (path, path.with_name("state.db-wal")):
            file.chmod(0o600)
        store = open_store(path, FakeClock())
        try:
            assert store._connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert store._connection.execute("PRAGMA foreign_key_check").fetchall() == []
            with store.read() as view:
                assert stored_coverage(view, self.table) == recompute_coverage(view, self.table)
            return _facts(store._connection)
        finally:
            store.close()

    def newest(self, length: int) -> tuple[object, ...]:
        """Return what had been acknowledged when the log had at most this length."""
        return self.acknowledged[max(known for known in self.acknowledged if known <= length)]


def _facts(connection: apsw.Connection) -> tuple[object, ...]:
    return tuple(connection.execute(_FACTS).fetchone())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("power"))


def _cuts(length: int) -> Iterator[int]:
    """At every third frame's edge, at odd places, and within the header."""
    yield from range(_HEADER, length + 1, 3 * _FRAME)
    yield from range(1, length, 60_013)
    yield from (0, 7, _HEADER - 1, length - 1, length)


def test_a_log_that_ends_anywhere_holds_the_refreshes_that_were_whole_by_then(log: Log, tmp_path: Path) -> None:
    found = [(cut, log.opened_with(log.log[:cut], tmp_path / "cut")) for cut in sorted(set(_cuts(len(log.log))))]

    assert [facts for cut, facts in found if facts != log.newest(cut)] == []
    assert len({facts for _, facts in found}) == len(set(log.acknowledged.values())) == _REFRESHES + 1


def test_an_acknowledged_refresh_is_there_when_the_power_fails_right_after_it(log: Log, tmp_path: Path) -> None:
    for length, facts in log.acknowledged.items():
        assert log.opened_with(log.log[:length], tmp_path / "cut") == facts


@pytest.mark.parametrize("seed", range(3))
def test_a_torn_end_full_of_garbage_is_no_refresh(log: Log, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(6):
        cut = dice.randrange(_HEADER, len(log.log))
        torn = log.log[:cut] + dice.choice([dice.randbytes(3 * _FRAME), bytes(2 * _FRAME), log.log[: 2 * _FRAME]])
        assert log.opened_with(torn, tmp_path / "cut") == log.newest(cut)


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_ends_the_log_before_it(log: Log, tmp_path: Path, seed: int) -> None:
    dice = random.Random(100 + seed)  # noqa: S311 - no secret
    for _ in range(6):
        at = dice.randrange(_HEADER, len(log.log))
        flipped = bytearray(log.log)
        flipped[at] ^= 1 << dice.randrange(8)
        frame = (at - _HEADER) // _FRAME * _FRAME + _HEADER
        assert log.opened_with(bytes(flipped), tmp_path / "cut") == log.newest(frame)
