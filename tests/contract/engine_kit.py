"""What the engine's tests share: a project folder with a runner, and an independent DuckDB in a child process."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mtctl.core.calendar import calendar
from mtctl.core.errors import MtctlError
from mtctl.core.interval import Grain, Interval
from mtctl.core.model import Column, EmptyPolicy, NullPolicy, Partition, PartitionColumn, Source, Staged
from mtctl.core.partition import values
from mtctl.core.zones import first_at
from mtctl.engine.client import RunnerClient
from mtctl.engine.settings import RunnerSettings
from mtctl.ports import DescribeRequest, Measured, MeasureRequest, Parsed, Relation, Slice, StageRequest
from mtctl.store.columns import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PLAIN = """
import duckdb, json, sys
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
for sql in json.load(sys.stdin):
    rows = connection.execute(sql).fetchall()
print(json.dumps([[None if v is None else str(v) for v in row] for row in rows]))
"""


def plain(*statements: str) -> list[list[str | None]]:
    """Run statements in a plain DuckDB of a child process and return the last one's rows as text."""
    done = subprocess.run(
        [sys.executable, "-c", _PLAIN], input=json.dumps(statements), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows: list[list[str | None]] = json.loads(done.stdout)
    return rows


def day_intervals(start: str, end: str, zone: str = "UTC", grain: Grain = Grain.DAY) -> list[Interval]:
    """Return the grain intervals between two local dates."""
    edges = [first_at(datetime.fromisoformat(text), zone) for text in (start, end)]
    return list(calendar(grain, zone, wall=False).intervals(*edges))


def native(column: str, sql_type: str, grain: Grain = Grain.DAY) -> Partition:
    """Return a partition by one native column."""
    return Partition(columns=(PartitionColumn(name=column, type=sql_type),), grain=grain)


def strings(grain: Grain, **formatters: str) -> Partition:
    """Return a partition by formatted string columns."""
    columns = tuple(PartitionColumn(name=n, type="VARCHAR", formatter=f) for n, f in formatters.items())
    return Partition(columns=columns, grain=grain)


class Bench:
    """A project folder with a lake and a runner."""

    def __init__(
        self, root: Path, *, memory: int = 1 << 30, allowed: tuple[str, ...] = (), python: str = sys.executable
    ) -> None:
        self.root = root
        for folder in (".mtctl", "lake/data", "lake/_staging", "data"):
            (root / folder).mkdir(parents=True)
        self.settings = RunnerSettings(
            root=str(root),
            state=str(root / ".mtctl"),
            data=str(root / "lake/data"),
            staging=str(root / "lake/_staging"),
            temp=str(root / ".mtctl/tmp"),
            memory=memory,
            threads=2,
            allowed=allowed,
        )
        self.client = RunnerClient(python, self.settings)
        self._count = 0

    def close(self) -> None:
        self.client.close()

    def parse(self, query: str) -> Parsed:
        [answer] = self.client.parse([query])
        if isinstance(answer, MtctlError):
            raise answer
        return answer

    def columns(self, query: str, *, zone: str = "UTC", **more: Any) -> tuple[Column, ...]:
        """Describe a query and give its columns field ids."""
        request = DescribeRequest(
            query=query,
            zone=zone,
            relations=more.get("relations", ()),
            sources=more.get("sources", ()),
            params=more.get("params", {}),
            publish_as=(),
            declared=more.get("declared", ()),
        )
        [answer] = self.client.describe([request])
        if isinstance(answer, MtctlError):
            raise answer
        return numbered(answer.columns)

    def stage(
        self, query: str, partition: Partition | None = None, intervals: Sequence[Interval] = (), **more: Any
    ) -> Staged:
        zone = more.pop("zone", "UTC")
        params = more.pop("params", ({},))
        described = {key: more[key] for key in ("relations", "sources") if key in more}
        columns = more.pop("columns", None) or self.columns(query, zone=zone, params=params[0], **described)
        self._count += 1
        slices = tuple(
            Slice(interval=i, values=values(partition, i, zone) if partition is not None else ()) for i in intervals
        )
        request = StageRequest(
            query=query,
            zone=zone,
            columns=columns,
            partition=partition,
            relations=more.pop("relations", ()),
            sources=more.pop("sources", ()),
            slices=slices,
            statements=more.pop("statements", ((0, len(slices)),)),
            params=params,
            rewrites=more.pop("rewrites", ()),
            folder=self.settings.staging,
            file_prefix=more.pop("prefix", f"f{self._count}"),
            target_rows=more.pop("target_rows", 250_000),
            target_bytes=more.pop("target_bytes", 32 << 20),
            null_policy=more.pop("null_policy", NullPolicy.FAIL),
            on_empty=more.pop("on_empty", EmptyPolicy.CLEAR),
            known=more.pop("known", ()),
        )
        on_progress = more.pop("on_progress", lambda _: None)
        assert not more, more
        return self.client.stage(request, on_progress)

    def query(self, sql: str, *relations: Relation, limit: int | None = None, **more: Any) -> list[list[str | None]]:
        """Run a query and take all rows."""
        result = self.client.query(sql, relations, more.get("sources", ()), more.get("zone", "UTC"), limit)
        return [row for chunk in result.chunks for row in chunk]

    def measure(self, staged: Staged, number: int, columns: tuple[Column, ...]) -> Measured:
        """Measure one staged file, its intervals as ranges."""
        ranges = tuple((i.row_start, i.rows) for i in staged.intervals if i.file == number)
        path = staged.files[number].path
        return self.client.measure(
            MeasureRequest(path=path, columns=columns, ranges=ranges, zone="UTC", partition=None)
        )

    def survey(
        self, staged: Staged, columns: tuple[Column, ...], partition: Partition | None = None, zone: str = "UTC"
    ) -> list[Measured | None]:
        """Look at all staged files at once, their intervals as ranges."""
        return self.client.survey([*survey_requests(staged, columns, partition, zone)])

    def file(self, name: str, sql: str) -> Path:
        """Write a data file of the project from a query, by a plain DuckDB."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        plain(f"COPY ({sql}) TO '{path}'", "SELECT 1")
        return path

    def source(self, text: str, *patterns: str) -> Source:
        """Return a named source of the project."""
        return Source(text=text, paths=tuple(str(self.root / pattern) for pattern in patterns))


def survey_requests(
    staged: Staged, columns: tuple[Column, ...], partition: Partition | None = None, zone: str = "UTC"
) -> Iterator[MeasureRequest]:
    """Yield what is asked of each staged file."""
    for number, file in enumerate(staged.files):
        mine = [one for one in staged.intervals if one.file == number]
        yield MeasureRequest(
            path=file.path,
            columns=columns,
            ranges=tuple((one.row_start, one.rows) for one in mine),
            zone=zone,
            partition=partition,
            intervals=tuple(one.interval for one in mine),
            sha256=file.sha256,
        )


def relation(name: str, columns: tuple[Column, ...], *files: str) -> Relation:
    """Return a table as queries name it."""
    return Relation(names=(name, f"main.{name}", f"shop.main.{name}"), columns=columns, files=files)


def bench_in(folder: Path, **more: Any) -> Iterator[Bench]:
    """Yield a bench and close it: the body of a fixture."""
    bench = Bench(folder, **more)
    yield bench
    bench.close()


def error_of(act: Any) -> MtctlError:
    """Return the error that a call raises."""
    try:
        act()
    except MtctlError as error:
        return error
    raise AssertionError("no error was raised")


def content(staged: Staged) -> dict[Interval, tuple[int, str]]:
    """Return rows and fingerprint per interval."""
    return {i.interval: (i.rows, i.fingerprint) for i in staged.intervals}
