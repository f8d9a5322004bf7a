"""A plain DuckDB in a process of its own: one JSON request a line on stdin, one answer a line on stdout.

It runs in whichever environment starts it and imports nothing of mtctl. Signature checking is on, and extensions are
neither fetched nor loaded by themselves: what is not loaded by path is not there.
"""

from __future__ import annotations

import json
import sys

import duckdb

CONFIG = {
    "allow_unsigned_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 2,
}


def main() -> None:
    connection = duckdb.connect(config=CONFIG)
    for line in sys.stdin:
        try:
            found = connection.execute(json.loads(line))
            answer = {"rows": found.fetchall() if found.description else []}
        except duckdb.Error as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
