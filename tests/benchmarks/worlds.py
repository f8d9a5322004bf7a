"""Sources and projects to measure on; what makes them is printed with the figures.

duckdb runs in child processes only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from measuring import mtctl, python, run, text_of

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 6_000_000
TABLES_IN_DAG = 100

GENERATOR = f"""
COPY (SELECT TIMESTAMP '2024-01-01' + INTERVAL 1 SECOND * (i * 31536000 // {ROWS}) AS ordered_at,
             (hash(i) % 500)::INTEGER AS shop, (hash(i + 1) % 100000)::BIGINT AS customer,
             round((hash(i + 2) % 100000) / 100, 2)::DOUBLE AS amount, 'order ' || (hash(i + 3) % 1000) AS note
      FROM range({ROWS}) r(i)) TO '$source' (FORMAT parquet, COMPRESSION zstd)
"""
"""Six million orders over 365 days, in order of time."""

GROUPED = """
SELECT CAST(ordered_at AS DATE) AS day, shop, count(*) AS orders, sum(customer) AS customers,
       max(amount) AS largest
FROM '$source' GROUP BY ALL
"""
"""Five hundred rows a day come out."""

ALL_ROWS = "SELECT CAST(ordered_at AS DATE) AS day, ordered_at, shop, customer, amount, note FROM '$source'"
"""All rows pass through."""

RAW = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("SET TimeZone = 'UTC'")
for statement in sys.argv[2:]:
    connection.execute(statement)
connection.execute("CHECKPOINT")
connection.close()
"""
"""The floor: import duckdb, run the same SQL into a `.duckdb` file, CHECKPOINT, exit."""

_COMPARE = """
import sys, duckdb
connection = duckdb.connect()
connection.execute(f"ATTACH '{sys.argv[1]}' AS raw (READ_ONLY); SET TimeZone = 'UTC'")
lake = f"read_parquet('{sys.argv[3]}')"
sums = "count(*), sum(hash(t)::HUGEINT)"
columns = ", ".join(f'"{row[0]}"' for row in connection.execute(f"DESCRIBE raw.{sys.argv[2]}").fetchall())
ours = connection.execute(f"SELECT {sums} FROM (SELECT {columns} FROM {lake}) t").fetchone()
theirs = connection.execute(f"SELECT {sums} FROM (SELECT {columns} FROM raw.{sys.argv[2]}) t").fetchone()
print("equal" if ours == theirs else f"NOT EQUAL: {ours} and {theirs}")
"""


def make_source(folder: Path, times: int = 1) -> Path:
    """Write the source once and return it; one with `times` as many orders is a file of its own."""
    source = folder / "sources" / ("orders.parquet" if times == 1 else f"orders-{times}.parquet")
    source.parent.mkdir(exist_ok=True)
    if not source.exists():
        statement = GENERATOR.replace("$source", str(source)).replace(f"{ROWS}", f"{ROWS * times}")
        run(python("-c", "import duckdb, sys; duckdb.connect().execute(sys.argv[1])", statement))
    return source


def make_project(folder: Path, tables: dict[str, str], *, source: Path, settings: str = "") -> Path:
    """Write a project in a new folder, put its tables in force and return it."""
    run(python("-m", "mtctl", "init", str(folder)))
    text = f'name = "bench"\ntime_zone = "UTC"\n[paths]\nallowed = [{json.dumps(str(source.parent))}]\n'
    (folder / "mtctl.toml").write_text(text + settings, encoding="utf-8")
    for name, ddl in tables.items():
        (folder / "tables" / f"{name}.sql").write_text(ddl, encoding="utf-8")
    run(mtctl(folder, "apply"))
    return folder


def daily(name: str, query: str) -> str:
    """Return the statement of a table with 365 daily intervals over the year of the source."""
    options = "'partition.grain'='day','start'='2024-01-01','end'='2024-12-31'"
    return f"CREATE MATERIALIZED TABLE {name} PARTITIONED BY (day) WITH ({options}) AS {query}"


def dag() -> dict[str, str]:
    """Return the queries of small tables that each read two of those before them."""
    queries = {"t000": "SELECT range AS id, range % 7 AS kind, range * 1.5 AS amount FROM range(1000)"}
    for number in range(1, TABLES_IN_DAG):
        first, second = f"t{(number - 1) // 2:03d}", f"t{max(0, number - 2) // 3:03d}"
        queries[f"t{number:03d}"] = (
            f"SELECT a.id, a.kind, a.amount + b.amount + {number} AS amount FROM {first} a JOIN {second} b USING (id)"
        )
    return queries


def compared(database: Path, table: str, project: Path, name: str = "") -> str:
    """Return whether the lake's files of a table and the raw table hold the same rows."""
    files = project / "lake" / "data" / f"{name or table}-*" / "*.parquet"
    return text_of(python("-c", _COMPARE, str(database), table, str(files))).strip()
