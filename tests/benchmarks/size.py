"""A catalog of 100,000 snapshots and 100,000 files: what publishing, file lists and the extension's attach cost then.

`python tests/benchmarks/size.py [--files 100000]`, a minute or two. 20 tables; one has 10,000 live files, one a day,
the others share the rest, most of them ended. Each figure is CPU (the attach: wall time) beside the same of a
catalog of almost nothing. MTCTL_LAKE_PYTHON, a Python with the DuckLake extension, measures the attach too. The exit
code is 1 when a bar is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).resolve().parents[one]) for one in (2, 1)]
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contract"))

from fakes import NOON, FakeClock  # noqa: E402 - found by the lines above
from store_kit import (  # noqa: E402
    Kit,
    Publication,
    Staged,
    StagedFile,
    StagedInterval,
    definition,
    kit_at,
    stats,
)

from mtctl.core.interval import Interval  # noqa: E402
from mtctl.core.pruning import Bound, Constant, Sight  # noqa: E402
from mtctl.ports.engine import Relation  # noqa: E402
from mtctl.services.pruning import pruned  # noqa: E402
from mtctl.store.catalog import time_text  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = 20
BIG = 10_000
DAY = 86_400_000_000
START = 7_305 * DAY  # 1990-01-01
BARS = {
    "publish beyond the transaction, ms": 2.0,
    "file list of 10,000 files, ms": 50.0,
    "the same with pruning, ms": 50.0,
    "extension attach, ms": 50.0,
}
_ATTACH = """
import duckdb, json, sys, time
db = duckdb.connect()
for statement in json.loads(sys.argv[1]):
    began = time.perf_counter()
    db.execute(statement)
    took = time.perf_counter() - began
print(took * 1e3)
"""


def interval(number: int) -> Interval:
    return Interval(START + number * DAY, START + (number + 1) * DAY)


def fill(kit: Kit, ids: list[int], files: int) -> None:
    """Write the catalog and ledger rows of so many publishes of one file each, by the store's own statements."""
    with kit.store.read() as view:
        tables = {one.table_id: one for one in view.tables()}
    live: dict[tuple[int, int], int] = {}
    made = 0
    while made < files:
        with kit.store.write() as tx:
            session = tx.session
            head = session.row("catalog.head")
            assert head is not None
            snapshot, schema, catalog_id, file_id, _ = head
            for _ in range(min(2_000, files - made)):
                big = min(BIG, files // 2)
                table = tables[ids[0] if made < big else ids[1 + made % (len(ids) - 1)]]
                number = made if made < big else made % 997
                snapshot, file_id, made = snapshot + 1, file_id + 1, made + 1
                key, lake = (table.table_id, number), table.lake_table_id
                span = interval(number)
                place = {"snapshot": snapshot, "table": lake}
                if key in live:
                    session.run("catalog.end_data_file", {"file": live[key]} | place)
                live[key] = file_id
                size = {"rows": 10, "bytes": 1_000, "footer": 100, "row_id_start": file_id * 10}
                path = {"path": f"{file_id:026}-0.parquet"}
                session.run("catalog.add_data_file", {"file": file_id} | place | path | size)
                digest = {"file": file_id, "table_id": table.table_id, "sha256": f"{file_id:064x}", "attempt": 1}
                session.run("catalog.add_file_digest", digest)
                for column in range(1, 6):
                    low = time_text(span.start)[:10]
                    stat = {"file": file_id, "table": lake, "column": column, "bytes": 64, "value_count": 10}
                    rest = {"null_count": 0, "min": low, "max": low, "contains_nan": None}
                    session.run("catalog.add_column_stats", stat | rest)
                asked = {"table_id": table.table_id, "snapshot": snapshot, "start": span.start, "end": span.end}
                session.run("ledger.end_rows", asked)
                row = {"version_id": table.version_id, "attempt_id": 1, "file_id": file_id, "row_start": 0, "rows": 10}
                rest = {"fingerprint": f"mt1-{file_id}", "reads": "[]", "source_set_id": None, "invalidated": ""}
                session.run("ledger.add_row", asked | row | rest)
                told = {"schema_version": schema, "next_catalog_id": catalog_id, "next_file_id": file_id + 1}
                when = {"snapshot": snapshot, "time": time_text(NOON + made * 1_000)}
                session.run("catalog.add_snapshot", when | told)
                words = {"changes": f"inserted_into_table:{lake}", "author": "mtctl", "message": "x", "extra": "{}"}
                session.run("catalog.add_changes", {"snapshot": snapshot} | words)


def publish_ms(kit: Kit, table_id: int, rounds: int = 40) -> float:
    """Return the median of publishing one interval in place of its file, without the beginning and the commit."""
    took = []
    for number in range(rounds):
        one = interval(number)
        claimed = kit.take(table_id, [one])
        publication = publication_of(kit, claimed, one)
        with kit.store.write() as tx:
            began = time.process_time()
            tx.publish(publication)
            took.append((time.process_time() - began) * 1e3)
    return statistics.median(took)


def publication_of(kit: Kit, claimed: Any, one: Interval) -> Any:
    """Return a publication of one interval; the kit would read the whole ledger for it."""
    with kit.store.read() as view:
        ends = tuple(row.file_id for row in view.ledger(claimed.table.table_id, one) if row.file_id is not None)
    told = (stats(1, 10, "2020-01-01", "2020-01-01"),)
    file = StagedFile(path="/s/x", rows=10, bytes=100, footer_bytes=10, sha256="0" * 64, stats=told)
    interval_ = StagedInterval(
        interval=one, file=0, row_start=0, rows=10, fingerprint=f"mt1-{claimed.attempt_id}"
    )
    staged = Staged(files=(file,), intervals=(interval_,), sources=(), rows=10, seconds=0.1)
    name = (f"{claimed.attempt_ulid}-0.parquet",)
    return Publication(
        claimed=claimed, staged=staged, files=name, ends=ends, clears=(one,), reads={one: ()}, seconds=0.1
    )


def median_ms(what: Callable[[], object], rounds: int = 9) -> float:
    took = []
    for _ in range(rounds):
        began = time.process_time()
        what()
        took.append((time.process_time() - began) * 1e3)
    return statistics.median(took)


def listing(kit: Kit, table_id: int, *, prune: bool) -> int:
    """Return how many files a query of one day has to open."""
    with kit.store.read() as view:
        table, snapshot = view.table(table_id), view.snapshot()
        assert table is not None
        files = view.file_paths([table_id], snapshot)[table_id]
        relation = Relation(names=("big",), columns=table.definition.columns, files=files, snapshot_id=snapshot)
        if not prune:
            return len(files)
        day = Constant(kind="DATE", text=time_text(interval(4_000).start)[:10])
        sight = Sight(bounds=(Bound(table="big", column="d", ranges=((day, day),)),))
        return len(pruned(view, {table_id: relation}, lambda: sight)[0].files)


def attach_ms(kit: Kit) -> float | None:
    """Return the best of five attaches of the extension, each in a process of its own, its loading not counted."""
    python = os.environ.get("MTCTL_LAKE_PYTHON") or None
    if python is None:
        return None
    project = kit.path.parent.parent
    (project / "mtctl.toml").write_text('name = "sim"\n', encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    words = [python, "-m", "mtctl", "-C", str(project), "attach"]
    told = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
    asked = [python, "-c", _ATTACH, json.dumps(told.splitlines())]
    runs = [subprocess.run(asked, check=True, capture_output=True, text=True).stdout for _ in range(5)]
    return min(float(one) for one in runs)


def measure(folder: Path, files: int) -> dict[str, float]:
    """Return the figures of a catalog of so many files."""
    folder.mkdir()
    kit = kit_at(folder)
    kit.clock = FakeClock()
    ids = list(kit.put(*(definition(f"t{number}", start=START) for number in range(TABLES))).values())
    kit.refresh(ids[1], {interval(0): "x"})  # the attempt that all rows name
    fill(kit, ids, files)
    found = {
        "publish beyond the transaction, ms": publish_ms(kit, ids[0]),
        "file list of 10,000 files, ms": median_ms(lambda: listing(kit, ids[0], prune=False)),
        "the same with pruning, ms": median_ms(lambda: listing(kit, ids[0], prune=True)),
        "files that one day opens": listing(kit, ids[0], prune=True),
        "state file, MB": (kit.path.stat().st_size) / 1e6,
    }
    kit.store.close()
    attached = attach_ms(kit)
    return found if attached is None else found | {"extension attach, ms": attached}


def main() -> int:
    """Measure both catalogs and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mtctl-bench-") as own:
        small = measure(Path(own) / "small", 200)
        large = measure(Path(own) / "large", options.files)
    kept = True
    for name, value in large.items():
        bar = BARS.get(name)
        kept &= bar is None or value <= bar
        verdict = "" if bar is None else f"   bar {bar:,}   {'kept' if value <= bar else 'NOT KEPT'}"
        sys.stdout.write(f"{name:<36} {value:>10,.2f}   of few {small[name]:>8,.2f}{verdict}\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
