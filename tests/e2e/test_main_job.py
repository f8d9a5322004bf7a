"""The README's main path as a stranger walks it: example, one command, answers."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from e2e.kit import books, duck, ok, run

if TYPE_CHECKING:
    from pathlib import Path

_INTERVALS = {
    "flights_daily": 365,
    "weather_daily": 365,
    "delay_by_weather": 365,
    "monthly_punctuality": 12,
    "route_leaderboard": 1,
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("main")
    ok(folder, "init", "--example", "demo")
    return folder / "demo", ok(folder / "demo", "up", "--once", "-o", "json")


def test_one_command_fills_every_table(filled: tuple[Path, str]) -> None:
    records = json.loads(filled[1])["data"]
    tables = {record["table"]: record for record in records if record["kind"] == "table"}
    assert {name: record["intervals"] for name, record in tables.items()} == _INTERVALS
    assert {record["state"] for record in tables.values()} == {"success"}


def test_a_second_time_there_is_nothing_to_do(filled: tuple[Path, str]) -> None:
    before = books(filled[0])
    assert ok(filled[0], "up", "--once").startswith("nothing to do")
    records = json.loads(ok(filled[0], "up", "--once", "-o", "json"))["data"]
    assert sum(record.get("intervals", 0) for record in records) == 0
    after = books(filled[0])
    assert (after["ledger"], after["files"]) == (before["ledger"], before["files"])


def test_everything_is_fresh_and_true(filled: tuple[Path, str]) -> None:
    ok(filled[0], "status", "--check")
    ok(filled[0], "verify")
    rows = json.loads(ok(filled[0], "status", "-o", "json"))["data"]
    assert {row["health"] for row in rows if row.get("kind", "table") == "table"} == {"fresh"}


def test_all_flights_are_counted_in_every_format(filled: tuple[Path, str]) -> None:
    sql = "SELECT sum(flights)::BIGINT AS flights, count(DISTINCT flight_date) AS days FROM flights_daily"
    row = {"flights": 336776, "days": 365}
    assert json.loads(ok(filled[0], "query", sql, "-o", "json"))["data"] == [row]
    assert [json.loads(line) for line in ok(filled[0], "query", sql, "-o", "ndjson").splitlines()] == [
        {"kind": "row"} | row
    ]
    found = list(csv.DictReader(io.StringIO(ok(filled[0], "query", sql, "-o", "csv"))))
    assert found == [{"flights": "336776", "days": "365"}]
    assert "336776" in ok(filled[0], "query", sql).replace(",", "")


def test_an_independent_reader_counts_the_same(filled: tuple[Path, str]) -> None:
    root = filled[0]
    files = ", ".join(f"'{path}'" for name, path in books(root)["files"] if name == "flights_daily")
    ask = "SELECT flight_date, carrier, {} FROM {} GROUP BY ALL ORDER BY ALL"
    held = duck(ask.format("sum(flights)::BIGINT", f"read_parquet([{files}])"))
    assert held == duck(ask.format("count(*)", f"'{root}/data/flights.parquet'"))
    assert len(held) == 5432


def test_a_changed_definition_is_refreshed_with_what_reads_it(filled: tuple[Path, str], tmp_path: Path) -> None:
    ok(tmp_path, "init", "--example", "demo")
    root = tmp_path / "demo"
    ok(root, "up", "--once")
    path = root / "tables/route_leaderboard.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("count(DISTINCT carrier)", "count(DISTINCT carrier) + 0"))
    assert run(root, "plan", "--exit-code").code == 10
    records = json.loads(ok(root, "up", "--once", "-o", "json"))["data"]
    done = [r["table"] for r in records if r.get("kind") == "table" and r["state"] == "success"]
    assert done == ["route_leaderboard"]
