"""`lake check|repair`, `state backup|restore`, `doctor` and `attach --shared|--views` as a user calls them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hostile_kit import Place, refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("strangers") / "shop")


def records(place: Place, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(place.call(*words, "-o", "json").out)["data"]
    return found


def test_a_damaged_file_is_told_repaired_and_made_anew(place: Place) -> None:
    assert place.call("lake", "check", "--deep").code == 0
    [path] = (place.root / "lake" / "data").rglob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:-9])

    refused(place.call("query", "SELECT sum(v) FROM daily"), 8, "file_damaged")
    assert place.call("lake", "info", "--dry-run").code == 0
    told = place.call("lake", "check", "--dry-run")
    assert told.code == 1
    assert "truncated" in told.out
    assert "2013-01-01..2013-01-02" in told.out
    with place.untouched():
        assert "would be stale" in place.call("lake", "repair", "--dry-run").out
    assert [one["kind"] for one in records(place, "lake", "repair")] == ["damage", "stale", "repair"]
    assert place.call("refresh", "--all").code == 0
    assert place.call("query", "SELECT sum(v) AS v FROM daily", "-o", "csv").out.split() == ["v", "3"]


def test_a_backup_and_the_way_back(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "kept.db"
    [copy] = records(place, "state", "backup", str(target))
    assert (copy["project"], copy["tables"]) == ("shop", 1)
    refused(place.call("state", "backup", str(target)), 4, "backup_exists")
    refused(place.call("state", "restore", str(tmp_path / "none.db")), 3, "backup_missing")
    assert place.call("refresh", "daily", "--force").code == 0
    told = place.call("state", "restore", str(target))
    assert (told.code, "former file" in told.out) == (0, True)
    assert place.call("up", "--once").code == 0


def test_the_doctor_answers_in_every_format_and_fails_on_trouble(place: Place) -> None:
    told = place.call("doctor")
    assert told.code == 0, told.out
    assert "write guard" in told.out
    (place.root / ".mtctl").chmod(0o755)
    checks = {str(one["check"]): one["verdict"] for one in records(place, "doctor")}
    assert checks["permissions"] == "trouble"
    assert place.call("doctor", "-o", "csv").code == 1
    (place.root / ".mtctl").chmod(0o700)


def test_ways_in_for_others(place: Place) -> None:
    refused(place.call("attach", "--shared"), 7, "lake_not_shared")
    refused(place.call("attach", "--shared", "--views"), 2, "options_exclusive")
    assert place.call("attach", "--views").out.startswith('CREATE OR REPLACE VIEW "daily" AS SELECT * FROM ')
    settings = place.root / "mtctl.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text + '\n[lake]\nshare = "all"\n', encoding="utf-8")
    assert "catalog.db' AS shop (READ_ONLY);" in place.call("attach", "--shared").out
    assert (place.root / "lake" / "catalog.db").exists()
    settings.write_text(text, encoding="utf-8")
    assert place.call("status").code == 0
    assert not (place.root / "lake" / "catalog.db").exists()
