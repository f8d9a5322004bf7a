"""One real project for bad input, and what every refusal must look like."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from mtctl.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = re.compile(r"error\[[a-z][a-z0-9_]*\]: [^\n]+")
DAILY = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-05')
AS SELECT d, sum(v)::BIGINT AS v FROM 'data/in.csv' GROUP BY d
"""


@dataclass(frozen=True)
class Told:
    """What a call of the program answered."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def error_codes(self) -> list[str]:
        return re.findall(r"^error\[([a-z0-9_]+)\]: ", self.err, re.MULTILINE)


class Place:
    """A project with one filled table, and calls of the program on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        assert self.call("init", str(root), "--name", "shop", here=False).code == 0
        (root / "data").mkdir()
        (root / "tables").mkdir(exist_ok=True)
        (root / "data" / "in.csv").write_text("d,v\n2013-01-01,1\n2013-01-02,2\n", encoding="utf-8")
        (root / "tables" / "daily.sql").write_text(DAILY, encoding="utf-8")
        assert self.call("up", "--once").code == 0

    def call(self, *words: str, here: bool = True) -> Told:
        """Run a command line in this process, on this project."""
        kept = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
        out, err = StringIO(), StringIO()
        began = _cpu()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run(["-C", str(self.root), *words] if here else list(words))
        finally:
            signal.signal(signal.SIGINT, kept[0])
            signal.signal(signal.SIGTERM, kept[1])
        return Told(code, out.getvalue(), err.getvalue(), _cpu() - began)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Demand that neither the books nor a file of the project differ afterwards.

        A reader that came and went may have signed in: who holds leases is no content.
        """
        before = (books(self.root), files_of(self.root))
        yield
        assert books(self.root) == before[0]
        assert files_of(self.root) == before[1]


def refused(told: Told, code: int, error: str) -> None:
    """Demand one error line with this code, no traceback, in time."""
    assert "Traceback" not in told.err + told.out
    assert told.code == code, told.err
    assert told.error_codes == [error], told.err
    first, *rest = told.err.splitlines()
    assert LINE.fullmatch(first)
    assert all(line.startswith("  ") for line in rest), told.err  # the source line and its caret
    assert told.seconds < 2


def _cpu() -> float:
    """Return the CPU seconds of this process and its ended children: other tests do not slow them down."""
    return sum(os.times()[:4])


def books(root: Path) -> str:
    """Return every row of the state file, read from a copy by a process of its own."""
    done = subprocess.run([sys.executable, "-c", _BOOKS, str(root / ".mtctl")], capture_output=True, check=True)
    return json.dumps(json.loads(done.stdout))


def files_of(root: Path) -> dict[str, bytes]:
    """Return every regular file outside of `.mtctl/`."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.relative_to(root).parts[0] != ".mtctl"
    }


_BOOKS = """
import json, shutil, sqlite3, sys, tempfile
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    for path in Path(sys.argv[1]).glob("state.db*"):
        shutil.copy(path, folder)
    connection = sqlite3.connect(Path(folder) / "state.db")
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    names = sorted(set(names) - {"holder"})
    rows = {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in names}
    connection.close()
print(json.dumps(rows))
"""
