"""`verify` of a table of twenty million rows in daily intervals, beside a plain scan of its files that hashes each row.

The floor reads the same files by field id and computes the same hash of every column: what cannot be left out. What
`verify` does besides is the checksum of each file, the statistics of each column, and the place of each row.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from measuring import Ratio, alternate, mtctl, python, run, text_of
from worlds import ALL_ROWS, make_project, make_source

TIMES = 1.5
DAYS = "'partition.grain'='day','start'='2024-01-01','end'='2024-10-31'"
"""304 of the 365 days of twenty-four million orders."""

_FLOOR = """
import json, sys, duckdb
asked = json.load(open(sys.argv[1]))
connection = duckdb.connect()
sql = f"SELECT count(*), sum(h) FROM (SELECT {asked['hash']} AS h FROM {asked['files']})"
rows, _ = connection.execute(sql).fetchone()
assert rows == asked["rows"], rows
"""


def verifying(folder: Path, rounds: int) -> list[Ratio]:
    """Measure `verify` of one table against a raw hash scan of its files."""
    source = make_source(folder, 4)
    project, asked = folder / "verified", folder / "verified.json"
    if not (project / ".done").exists():
        query = ALL_ROWS.replace("$source", str(source))
        table = f"CREATE MATERIALIZED TABLE orders PARTITIONED BY (day) WITH ({DAYS}) AS {query}"
        make_project(project, {"orders": table}, source=source)
        run(mtctl(project, "refresh", "orders"))
        asked.write_text(text_of(python(__file__, str(project))), encoding="utf-8")
        (project / ".done").touch()
    rows = json.loads(asked.read_text(encoding="utf-8"))["rows"]
    cost, base = alternate(
        rounds,
        lambda: run(mtctl(project, "verify", "orders")),
        lambda: run(python("-c", _FLOOR, str(asked))),
    )
    return [
        Ratio(label=f"verify of {rows:,} rows", ours=cost, base=base, bar=f"{TIMES} x a raw hash scan",
              kept=cost.wall <= TIMES * base.wall)
    ]  # fmt: skip


def _asked(root: Path) -> dict[str, object]:
    """Return what the floor computes: mtctl's own hash of a row, and its files as mtctl reads them."""
    from mtctl.clock import SystemClock
    from mtctl.engine.fingerprint import row_hash
    from mtctl.engine.literals import parquet
    from mtctl.store.connection import open_store

    store = open_store(root / ".mtctl" / "state.db", SystemClock())
    with store.read() as view:
        [table] = view.tables()
        files = view.data_files(table.table_id)
    store.close()
    columns = table.definition.columns
    return {
        "hash": row_hash(columns),
        "files": parquet([file.path for file in files], columns),
        "rows": sum(file.rows for file in files),
    }


if __name__ == "__main__":
    print(json.dumps(_asked(Path(sys.argv[1]))))
