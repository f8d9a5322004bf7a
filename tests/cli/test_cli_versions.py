"""`query --at`, `diff`, `table history | rename | undrop` from their words to stdout, stderr and exit code."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from mtctl import app as roof

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CREATE = "CREATE MATERIALIZED TABLE t (k, v, PRIMARY KEY (k) NOT ENFORCED) AS SELECT k, v FROM 'data.csv'"


@pytest.fixture
def root(tmp_path: Path, call: Callable) -> Path:
    """A project whose table has two versions: snapshots 2 and 3."""
    root = tmp_path / "shop"
    roof.init_project(root, name="shop", example=False)
    (root / "t.sql").write_text(CREATE, encoding="utf-8")
    (root / "data.csv").write_text("k,v\na,1\nb,2\nc,3\n", encoding="utf-8")
    assert call("-C", str(root), "table", "create", "-f", str(root / "t.sql"), project=roof).code == 0
    assert call("-C", str(root), "refresh", "t", project=roof).code == 0
    (root / "data.csv").write_text("k,v\na,1\nb,20\nd,4\n", encoding="utf-8")
    assert call("-C", str(root), "refresh", "t", project=roof).code == 0
    return root


def test_a_table_with_a_past_from_the_command_line(root: Path, call: Callable) -> None:
    def at(*words: str, code: int = 0) -> tuple[str, str]:
        called = call("-C", str(root), *words, project=roof)
        assert called.code == code, called.err
        return called.out, called.err

    out, err = at("query", "SELECT sum(v) AS s FROM t", "--at", "2", "-o", "csv", "-v")
    assert list(csv.reader(io.StringIO(out))) == [["s"], ["6"]]
    assert "as of snapshot 2 of " in err
    assert "snapshot_future" in at("query", "FROM t", "--at", "99", code=3)[1]

    out, err = at("diff", "t", "-o", "csv")
    assert list(csv.reader(io.StringIO(out))) == [
        ["change", "times", "k", "v"],
        ["before", "1", "b", "2"],
        ["after", "1", "b", "20"],
        ["removed", "1", "c", "3"],
        ["added", "1", "d", "4"],
    ]
    assert err.splitlines()[-1] == "1 interval changed"
    found = json.loads(at("diff", "t", "-o", "json", "--limit", "1")[0])
    assert (found["schema"], len(found["data"])) == ("mtctl.table.diff/v1", 1)
    [head, interval] = json.loads(at("diff", "t", "--from", "2", "--to", "3", "--summary", "-o", "json")[0])["data"]
    assert (head["kind"], head["from"]["snapshot"], head["key"]) == ("diff", 2, ["k"])
    counted = [interval[key] for key in ("change", "interval", "added", "removed", "changed")]
    assert counted == ["changed", None, 1, 1, 1]
    out, _ = at("diff", "t", "--key", "v", "--summary")
    assert out.splitlines()[-1] == "1 interval changed: 2 rows added, 2 rows removed, 0 rows changed"
    assert "no interval differs" in at("diff", "t", "--from", "3", "--summary")[0]
    assert "column_unknown" in at("diff", "t", "--key", "z", code=3)[1]

    data = json.loads(at("table", "history", "t", "-o", "json")[0])["data"]
    told = [(one["snapshot"], one["what"], one["rows_added"], one["rows_removed"]) for one in data]
    assert told == [(3, "refresh", 3, 3), (2, "refresh", 3, 0), (1, "create", None, None)]
    assert "older versions" in at("table", "history", "t", "--limit", "1")[1]

    assert at("table", "rename", "t", "u")[0] == "table t is now u\n"
    assert "table_exists" in at("table", "rename", "u", "u", code=4)[1]
    at("table", "drop", "u", "--yes")
    assert "still kept: u" in at("table", "undrop", "t", code=3)[1]
    assert at("table", "undrop", "u", "--as", "w")[0] == "table w is back with 1 interval, 3 rows\n"
    assert at("query", "SELECT sum(v) AS s FROM w", "-o", "csv")[0].split() == ["s", "25"]
    assert "undrop" in at("table", "history", "w")[0]
