"""The front page's promise: a fresh DuckDB with the extra answers the same question as `mtctl query`."""

from __future__ import annotations

import json
import os
import re
import subprocess

from lake_kit import ENV, ROOT, lake_python

SNIPPET = """
import duckdb, subprocess, sys
duckdb.sql(subprocess.check_output([sys.executable, "-m", "mtctl", "-C", sys.argv[1], "attach"], text=True))
print(duckdb.sql(sys.argv[2]).fetchall())
"""
QUESTION = "SELECT place, origin, dest, flights FROM {}route_leaderboard ORDER BY place LIMIT 3"


def test_the_snippet_of_the_front_page_answers_as_mtctl_does(history):
    command = [lake_python(), "-c", SNIPPET, str(history.root), QUESTION.format("nycflights13.")]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=True)

    ours = json.loads(history.mtctl("query", QUESTION.format(""), "-o", "json"))
    rows = [tuple(row[name] for name in ("place", "origin", "dest", "flights")) for row in ours["data"]]
    assert done.stdout.strip() == str(rows)
    assert rows[0] == (1, "JFK", "LAX", 11262)


def test_the_front_page_shows_what_the_snippet_answers(history):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"│ +(\d+) │ (\w+) +│ (\w+) +│ +(\d+) │", readme)

    with history.attached() as lake:
        found = lake.rows(QUESTION.format(""))

    assert [tuple(str(one) for one in row) for row in found] == shown


def test_no_network_and_no_unsigned_extension_is_needed(history):
    nowhere = {**ENV, "HOME": os.devnull, "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    script = "import duckdb, sys; duckdb.execute(sys.argv[1]); print(duckdb.execute(sys.argv[2]).fetchall())"
    setting = "SELECT current_setting('allow_unsigned_extensions'), (SELECT count(*) FROM nycflights13.flights_daily)"
    statements = history.mtctl("attach", python=lake_python())

    done = subprocess.run(
        [lake_python(), "-c", script, statements, setting], env=nowhere, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[(False, 5432)]"
