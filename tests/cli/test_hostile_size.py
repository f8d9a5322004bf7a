"""Very many tables, very deep and very wide: no recursion error, and an apply within seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostile_kit import Place

if TYPE_CHECKING:
    from pathlib import Path


def project(root: Path, queries: list[str]) -> Place:
    """Make a project of whole tables `t0`, `t1`, …"""
    place = Place(root / "shop")
    for number, query in enumerate(queries):
        text = f"CREATE MATERIALIZED TABLE t{number} AS {query}\n"
        (place.root / "tables" / f"t{number}.sql").write_text(text, encoding="utf-8")
    return place


DEEP = ["SELECT 1 AS x", *(f"SELECT x + 1 AS x FROM t{number}" for number in range(199))]


@pytest.mark.campaign
def test_two_hundred_levels_are_refreshed_in_order(tmp_path: Path) -> None:
    place = project(tmp_path, DEEP)
    assert place.call("up", "--once").code == 0
    assert place.call("query", "FROM t199", "-o", "csv").out.split() == ["x", "200"]


def test_two_hundred_levels_are_applied_and_a_circle_of_them_is_found(tmp_path: Path) -> None:
    place = project(tmp_path, DEEP)
    assert place.call("apply").code == 0
    assert place.call("refresh", "+t199", "--dry-run", "-q").code == 0
    (place.root / "tables" / "t0.sql").write_text("CREATE MATERIALIZED TABLE t0 AS SELECT x FROM t199\n")
    told = place.call("apply")
    assert told.code == 7
    assert set(told.error_codes) == {"cycle", "definitions_invalid"}


@pytest.mark.campaign
def test_ten_thousand_tables_are_applied_looked_at_and_planned(tmp_path: Path) -> None:
    place = project(tmp_path, [f"SELECT {number} AS x" for number in range(10_000)])
    told = place.call("apply", "-q")
    assert told.code == 0
    assert place.call("status", "-q", "-o", "csv").out.count("\n") == 10_003  # a header, these and `daily`, the project
    assert place.call("plan", "--exit-code").code == 0


@pytest.mark.campaign
def test_one_table_with_five_thousand_readers(tmp_path: Path) -> None:
    place = project(tmp_path, ["SELECT 1 AS x", *(f"SELECT x + {number} AS x FROM t0" for number in range(5_000))])
    assert place.call("apply", "-q").code == 0
    assert place.call("refresh", "t0", "--downstream", "--dry-run").code == 0
    assert place.call("refresh", "t0").code == 0


@pytest.mark.campaign
def test_one_table_that_reads_five_thousand(tmp_path: Path) -> None:
    names = ", ".join(f"t{number}" for number in range(5_000))
    place = project(tmp_path, ["SELECT 1 AS x"] * 5_000)
    (place.root / "tables" / "all.sql").write_text(
        f"CREATE MATERIALIZED TABLE total WITH ('upstream' = '{names}') AS SELECT x FROM t0", encoding="utf-8"
    )
    assert place.call("apply", "-q").code == 0
    assert place.call("refresh", "+total", "--dry-run").code == 0
