"""What a command costs before it does anything: version, completion, and looking at a thousand fresh tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, mtctl, python, run
from worlds import daily, make_project

if TYPE_CHECKING:
    from pathlib import Path

TABLES = 1_000
TIMES = 6.0
"""What `status` and a refresh with nothing to do may cost in CPU, as a multiple of importing sqlite3."""

_DAYS = "COPY (SELECT DATE '2024-01-01' + i::INTEGER AS day, i AS n FROM range(365) r(i)) TO '$source' (FORMAT parquet)"


def startup(folder: Path, rounds: int) -> list[Ratio]:
    """Measure each command against `python -c "import sqlite3"`, in CPU."""
    project = _thousand_tables(folder)
    commands = {
        "--version": python("-m", "mtctl", "--version"),
        "completion of a word": ["env", "_MTCTL_COMPLETE=bash", *python("-m", "mtctl", "ref")],
        f"status of {TABLES:,} tables": mtctl(project, "status"),
        "refresh --all, all fresh": mtctl(project, "refresh", "--all"),
    }
    jobs = [lambda words=words: run(words) for words in commands.values()]
    base, *costs = alternate(max(rounds, 5), lambda: run(python("-c", "import sqlite3")), *jobs)
    return [_line(label, cost, base) for label, cost in zip(commands, costs, strict=True)]


def _line(label: str, cost: Cost, base: Cost) -> Ratio:
    return Ratio(label=label, ours=cost, base=base, bar="6 x import sqlite3, CPU", kept=cost.cpu <= base.cpu * TIMES)


def _thousand_tables(folder: Path) -> Path:
    """Return a project of 1,000 tables with 365 fresh intervals each: 365,000 rows in the ledger."""
    project = folder / "thousand"
    if (project / ".done").exists():
        return project
    source = folder / "days" / "days.parquet"
    source.parent.mkdir(exist_ok=True)
    run(
        python("-c", "import duckdb, sys; duckdb.connect().execute(sys.argv[1])", _DAYS.replace("$source", str(source)))
    )
    names = [f"w{number:04d}" for number in range(TABLES)]
    make_project(project, {name: daily(name, f"SELECT day, n FROM '{source}'") for name in names}, source=source)
    run(mtctl(project, "refresh", "--all"))
    (project / ".done").touch()
    return project
