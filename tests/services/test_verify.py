"""`verify` turns red, names the intervals, and only those, for every way in which files and books can disagree.

The books are spoilt by a process of its own, which lets itself through the guard, while no mtctl process runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import mtctl
from mtctl.app import open_app

ENV = {**os.environ, "PYTHONPATH": str(Path(mtctl.__file__).parents[1]), "LANG": "C.UTF-8"}
WRITE = """
import apsw, json, sys
connection = apsw.Connection(sys.argv[1])
connection.create_scalar_function("mtctl_writer", lambda _: 1, 1, flags=apsw.SQLITE_INNOCUOUS)
connection.execute(sys.argv[2]).fetchall()
assert connection.changes() > 0, "nothing was spoilt"
"""
READ = "import apsw, json, sys; print(json.dumps(apsw.Connection(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
SOURCE = "ds,place,n\n" + "".join(
    f"2013-01-0{day},{place},{day * number}\n" for day in range(1, 7) for number, place in enumerate("abcde", 3)
)
DAYS = """CREATE MATERIALIZED TABLE {name} PARTITIONED BY (ds)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-08')
AS SELECT ds, place, {n} AS n, n / 7 AS part FROM 'data/source.csv'
"""


@dataclass
class Ground:
    """A filled project. `days` has each day in a file of its own, `packed` all days in one; January 7th is empty."""

    root: Path

    def mtctl(self, *words: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "mtctl", "-C", str(self.root), *words]
        done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def write(self, statement: str) -> None:
        subprocess.run([sys.executable, "-c", WRITE, str(self.root / ".mtctl/state.db"), statement], check=True)

    def read(self, query: str) -> list[list]:
        command = [sys.executable, "-c", READ, str(self.root / ".mtctl/state.db"), query]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def findings(self, *names: str, deep: bool = False) -> list[tuple[str, str, str]]:
        """Return what `verify` finds as (table, check, intervals)."""
        with open_app(self.root, print) as app:
            return [(one.table, one.check, one.intervals) for one in app.verify(names, deep=deep).findings]

    def file_of(self, table: str, day: int) -> Path:
        """Return the file of a day of January 2013."""
        query = f"""SELECT m.folder || f.path FROM ledger l JOIN materialized_table m USING (table_id)
                    JOIN ducklake_data_file f ON f.data_file_id = l.file_id
                    WHERE m.name = '{table}' AND l.start_at = {start(day)} AND l.end_snapshot IS NULL"""
        [[path]] = self.read(query)
        return self.root / "lake" / "data" / path


def start(day: int) -> int:
    return (15_706 + day - 1) * 86_400_000_000


def row(table: str, day: int) -> str:
    """Return the condition that finds a day's ledger row."""
    return f"table_id = (SELECT table_id FROM materialized_table WHERE name = '{table}') AND start_at = {start(day)}"


def file(table: str, day: int) -> str:
    return f"data_file_id = (SELECT file_id FROM ledger WHERE {row(table, day)})"


def column(table: str, name: str) -> str:
    """Return the condition that finds a column's statistics."""
    lake_id = f"(SELECT lake_table_id FROM materialized_table WHERE name = '{table}')"
    return (
        f"table_id = {lake_id} AND column_id ="
        f" (SELECT column_id FROM ducklake_column WHERE table_id = {lake_id} AND column_name = '{name}')"
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Ground:
    ground = Ground(tmp_path_factory.mktemp("verify") / "lab")
    subprocess.run([sys.executable, "-m", "mtctl", "init", str(ground.root)], env=ENV, check=True, capture_output=True)
    (ground.root / "data").mkdir()
    (ground.root / "data" / "source.csv").write_text(SOURCE, encoding="utf-8")
    settings = ground.root / "mtctl.toml"
    plain = settings.read_text(encoding="utf-8")
    for name, tail in (("packed", ""), ("days", "\n[lake]\ntarget_file_rows = 1\n")):
        settings.write_text(plain + tail, encoding="utf-8")
        text = DAYS.format(name=name, n="n" if name == "packed" else "n + 1")
        (ground.root / "tables" / f"{name}.sql").write_text(text, encoding="utf-8")
        ground.mtctl("up", "--once")
    return ground


@pytest.fixture
def ground(filled, tmp_path) -> Ground:
    """The project for one test: whatever the test spoils is put back afterwards, in the same place."""
    for folder in ("lake", ".mtctl"):
        shutil.copytree(filled.root / folder, tmp_path / folder)
    yield filled
    for folder in ("lake", ".mtctl"):
        shutil.rmtree(filled.root / folder)
        shutil.copytree(tmp_path / folder, filled.root / folder)


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x01
    path.write_bytes(bytes(content))


def test_an_untouched_lake_is_clean(ground):
    answer = json.loads(ground.mtctl("verify", "-o", "json"))

    [summary] = answer["data"]
    assert {name: summary[name] for name in ("tables", "files", "intervals", "rows", "findings")} == {
        "tables": 2,
        "files": 7,
        "intervals": 14,
        "rows": 60,
        "findings": 0,
    }
    assert answer["warnings"] == []


def flip_one_byte(ground: Ground) -> None:
    path = ground.file_of("days", 3)
    flip(path, path.stat().st_size // 2)


def swap_two_files(ground: Ground) -> None:
    swap(ground.file_of("days", 3), ground.file_of("days", 4))


def swap(one: Path, other: Path) -> None:
    parked = one.with_suffix(".parked")
    one.rename(parked)
    other.rename(one)
    parked.rename(other)


def change_one_fingerprint(ground: Ground) -> None:
    ground.write(LEDGER["its fingerprint"][0].format(row("days", 3)))


def change_one_record_count(ground: Ground) -> None:
    ground.write(CATALOG["record_count"].format(file("days", 3)))


def change_one_minimum(ground: Ground) -> None:
    where = f"{file('days', 3)} AND {column('days', 'n')}"
    ground.write(f"UPDATE ducklake_file_column_stats SET {STATISTICS['min']} WHERE {where}")


@pytest.mark.parametrize(
    ("spoil", "checks", "days"),
    [
        (flip_one_byte, None, {"2013-01-03"}),
        (change_one_fingerprint, {"fingerprint"}, {"2013-01-03"}),
        (change_one_record_count, {"row count", "ledger"}, {"2013-01-03"}),
        (change_one_minimum, {"statistics"}, {"2013-01-03"}),
        (swap_two_files, None, {"2013-01-03", "2013-01-04"}),
    ],
)
def test_the_command_exits_1_and_names_the_intervals(ground, spoil, checks, days):
    spoil(ground)

    answer = json.loads(ground.mtctl("verify", "-o", "json", code=1))

    found = [one for one in answer["data"] if one["kind"] == "finding"]
    assert {one["table"] for one in found} == {"days"}
    assert {one["intervals"] for one in found} == days
    assert checks is None or {one["check"] for one in found} == checks
    assert answer["data"][-1]["findings"] == len(found)


def test_one_changed_byte_in_a_file_of_many_days_names_all_of_them(ground):
    flip(ground.file_of("packed", 3), 10)

    assert ("packed", "2013-01-01..2013-01-06") in {(table, days) for table, _, days in ground.findings()}


LEDGER = {
    "its fingerprint": ("UPDATE ledger SET fingerprint = replace(fingerprint, '-5-', '-5-0') WHERE {}", "2013-01-03"),
    "its row count": ("UPDATE ledger SET rows = rows - 1 WHERE {}", "2013-01-03"),
    "its first row": ("UPDATE ledger SET row_start = row_start + 1 WHERE {}", "2013-01-03"),
    "the row gone": ("DELETE FROM ledger WHERE {}", "2013-01-03"),
    "the row ended": ("UPDATE ledger SET end_snapshot = begin_snapshot + 1 WHERE {}", "2013-01-03"),
    "its file": ("UPDATE ledger SET file_id = file_id + 1000 WHERE {}", "2013-01-03"),
    "its end": ("UPDATE ledger SET end_at = end_at - 3600000000 WHERE {}", "2013-01-03"),
}


@pytest.mark.parametrize("table", ["days", "packed"])
@pytest.mark.parametrize("name", LEDGER)
def test_one_changed_ledger_row(ground, table, name):
    statement, days = LEDGER[name]
    ground.write(statement.format(row(table, 3)))

    found = ground.findings()

    assert {one for one, _, _ in found} == {table}
    assert any(days in intervals or intervals == "2013-01-01..2013-01-06" for _, _, intervals in found), found


@pytest.mark.parametrize("table", ["days", "packed"])
def test_two_ledger_rows_that_exchanged_their_days(ground, table):
    """Counts and fingerprints still fit the rows; only the rows themselves tell that they are of another day."""
    third, fourth, away = start(3), start(4), 1_000_000_000_000_000
    whose = f"end_snapshot IS NULL AND table_id = (SELECT table_id FROM materialized_table WHERE name = '{table}')"
    move = "UPDATE ledger SET start_at = {1}, end_at = {1} + 86400000000 WHERE start_at = {0} AND {2};"
    steps = ((third, away), (fourth, third), (away, fourth))
    ground.write("".join(move.format(old, fresh, whose) for old, fresh in steps))

    assert {(one, days) for one, _, days in ground.findings()} == {(table, "2013-01-03"), (table, "2013-01-04")}


CATALOG = {
    "record_count": "UPDATE ducklake_data_file SET record_count = record_count + 1 WHERE {}",
    "record_count less": "UPDATE ducklake_data_file SET record_count = record_count - 1 WHERE {}",
    "file_size_bytes": "UPDATE ducklake_data_file SET file_size_bytes = file_size_bytes + 1 WHERE {}",
    "footer_size": "UPDATE ducklake_data_file SET footer_size = footer_size + 1 WHERE {}",
    "path": "UPDATE ducklake_data_file SET path = path || '.gone' WHERE {}",
    "ended": "UPDATE ducklake_data_file SET end_snapshot = begin_snapshot + 1 WHERE {}",
    "gone": "DELETE FROM ducklake_data_file WHERE {}",
    "digest": "UPDATE data_file_digest SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x') WHERE {}",
}


@pytest.mark.parametrize("name", CATALOG)
def test_one_changed_row_of_the_catalog(ground, name):
    ground.write(CATALOG[name].format(file("days", 3)))

    found = ground.findings()

    assert {(table, intervals) for table, _, intervals in found} == {("days", "2013-01-03")}


STATISTICS = {
    "min": "min_value = CAST(CAST(min_value AS INTEGER) + 1 AS TEXT)",
    "max": "max_value = CAST(CAST(max_value AS INTEGER) - 1 AS TEXT)",
    "value_count": "value_count = value_count - 1",
    "null_count": "null_count = null_count + 1",
}


@pytest.mark.parametrize("name", STATISTICS)
def test_one_changed_statistic(ground, name):
    where = f"{file('days', 3)} AND {column('days', 'n')}"
    ground.write(f"UPDATE ducklake_file_column_stats SET {STATISTICS[name]} WHERE {where}")

    assert ground.findings() == [("days", "statistics", "2013-01-03")]


def test_a_minimum_that_hides_a_row_of_text_or_of_a_float_or_a_date(ground):
    for name, value in (("place", "b"), ("part", "9.5"), ("ds", "2013-01-09")):
        where = f"{file('days', 4)} AND {column('days', name)}"
        ground.write(f"UPDATE ducklake_file_column_stats SET min_value = '{value}' WHERE {where}")

    assert ground.findings() == [("days", "statistics", "2013-01-04")] * 3


def test_two_swapped_files_differ_in_bytes_and_in_rows(ground):
    swap_two_files(ground)

    found = ground.findings("days")

    assert {intervals for _, _, intervals in found} == {"2013-01-03", "2013-01-04"}
    assert {"sha256", "fingerprint"} <= {check for _, check, _ in found}


def test_files_swapped_between_two_tables(ground):
    swap(ground.file_of("days", 3), ground.file_of("packed", 3))

    assert {table for table, _, _ in ground.findings()} == {"days", "packed"}


def test_a_missing_a_short_and_an_empty_file(ground):
    ground.file_of("days", 2).unlink()
    path = ground.file_of("days", 3)
    path.write_bytes(path.read_bytes()[:-20])
    ground.file_of("days", 4).write_bytes(b"")

    found = ground.findings()

    assert {intervals for _, _, intervals in found} == {"2013-01-02", "2013-01-03", "2013-01-04"}


def test_what_is_kept_as_fresh_is_compared_with_the_ledger(ground):
    ground.write(f"DELETE FROM ledger WHERE {row('days', 7)}")

    assert ground.findings() == [("days", "coverage", "2013-01-07")]


def test_an_untouched_lake_is_clean_down_to_its_rows(ground):
    assert ground.findings(deep=True) == []


def test_a_footer_that_lies_about_its_rows_is_found_though_checksum_and_catalog_agree_with_it(ground):
    path = ground.file_of("days", 5)
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    high, lower = struct.pack("<q", 36), struct.pack("<q", 31)  # the greatest of the day, and the one before
    assert high in content[footer:]
    content[footer:] = content[footer:].replace(high, lower)
    path.chmod(0o600)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    ground.write(f"UPDATE data_file_digest SET sha256 = '{digest}' WHERE {file('days', 5)}")
    ground.write(
        f"UPDATE ducklake_file_column_stats SET max_value = '31' WHERE {file('days', 5)} AND {column('days', 'n')}"
    )

    assert ("days", "statistics", "2013-01-05") in ground.findings(deep=True)


def test_only_the_named_tables_are_looked_at(ground):
    flip(ground.file_of("days", 3), 100)

    ground.mtctl("verify", "packed")
    assert ground.findings("days")


def test_a_finding_is_told_on_the_screen_with_exit_1(ground):
    ground.write(f"UPDATE ledger SET rows = rows - 1 WHERE {row('days', 3)}")

    shown = ground.mtctl("verify", code=1)

    assert "2013-01-03" in shown
    assert "4 rows in the ledger, 5 in the catalog" in shown
    assert "2013-01-04" not in shown


def changed_bytes_that_are_missed(ground: Ground, offsets: range) -> list[int]:
    """Change one byte after the other and return where `verify` named anything but that day, or nothing."""
    path = ground.file_of("days", 3)
    missed = []
    with open_app(ground.root, print) as app:
        for offset in offsets:
            flip(path, offset)
            found = app.verify(["days"]).findings
            flip(path, offset)
            if {one.intervals for one in found} != {"2013-01-03"}:
                missed.append(offset)
        assert app.verify([]).findings == (), "the same runner reads on when the byte is put right"
    return missed


def test_a_changed_byte_is_found_wherever_it_is(ground):
    size = ground.file_of("days", 3).stat().st_size
    assert changed_bytes_that_are_missed(ground, range(0, size, 53)) == []


def test_a_file_that_breaks_the_engine_is_not_blamed_on_the_next(ground):
    size = ground.file_of("days", 3).stat().st_size
    assert changed_bytes_that_are_missed(ground, range(size // 2 - 50, size // 2, 5)) == []


@pytest.mark.campaign
def test_every_third_byte_counts(ground):
    size = ground.file_of("days", 3).stat().st_size
    assert changed_bytes_that_are_missed(ground, range(0, size, 3)) == []
