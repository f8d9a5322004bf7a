"""`mtctl schedule` from its words to stdout, stderr and exit code, with and without a project."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from mtctl import app as roof

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mtctl(call, tmp_path: Path):
    """Return a function that calls the command line in an empty project."""
    root = tmp_path / "shop"
    roof.init_project(root, name="shop", example=False)

    def run(*words: str):
        return call("-C", str(root), *words, project=roof)

    return run


def data(called: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(called.out)["data"]
    return found


def test_explain_says_words_fires_and_warnings(mtctl) -> None:
    called = mtctl("schedule", "explain", "0 2 * * *", "--tz", "Europe/Berlin")
    assert called.code == 0
    assert "every day at 02:00" in called.out
    assert "LOCAL" in called.out
    assert "warning: " in called.err


def test_explain_as_json_has_the_agreed_keys(mtctl) -> None:
    called = mtctl("schedule", "explain", "0 0 5,17 ? * MON-FRI", "-o", "json")
    document = json.loads(called.out)
    assert document["schema"] == "mtctl.schedule.explain/v1"
    [found] = document["data"]
    assert {"dialect", "normalized", "words", "next", "warnings"} <= set(found)
    assert (found["dialect"], found["normalized"]) == ("quartz", "0 0 5,17 ? * MON-FRI")
    assert len(found["next"]) == 5
    assert set(found["next"][0]) == {"at", "local", "offset", "dst"}
    assert found["next"][0]["at"].endswith("Z")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "0 2 30 2 *"),
        ("next", "0 2 30 2 *"),
        ("validate", "0 2 30 2 *"),
        ("explain", "0 2 * *"),
        ("explain", "0 2 * * *", "--tz", "Mars/Olympus"),
    ],
)
def test_what_is_not_valid_is_exit_7_with_a_caret_or_a_name(mtctl, words: tuple[str, ...]) -> None:
    called = mtctl("schedule", *words)
    assert called.code == 7
    assert called.err.startswith("error[")


def test_asking_works_without_a_project_in_utc(call, tmp_path: Path) -> None:
    for words in (("explain", "0 2 * * *"), ("next", "@daily", "-n", "1"), ("validate", "@daily")):
        assert call("-C", str(tmp_path), "schedule", *words, project=roof).code == 0
    called = call("-C", str(tmp_path), "schedule", "next", "@daily", "-o", "json", "-n", "1", project=roof)
    assert json.loads(called.out)["data"][0]["zone"] == "UTC"
    assert call("-C", str(tmp_path), "schedule", "next", "nightly", project=roof).code == 2
    assert call("-C", str(tmp_path), "schedule", "list", project=roof).code == 3


def test_next_counts_and_begins_where_told(mtctl) -> None:
    words = ("--after", "2013-03-30", "-n", "2", "--tz", "Europe/Berlin", "-o", "json")
    called = mtctl("schedule", "next", "0 2 * * *", *words)
    assert [fire["local"] for fire in data(called)] == ["2013-03-30T02:00:00+01:00", "2013-03-31T03:00:00+02:00"]
    assert mtctl("schedule", "next", "0 2 * * *", "-n", "0").code == 2
    assert mtctl("schedule", "next", "0 2 * * *", "--after", "soon").code == 2
    assert mtctl("schedule", "next", "nobody").code == 3


def test_validate_answers_for_each_expression_and_fails_if_one_does(mtctl) -> None:
    called = mtctl("schedule", "validate", "0 2 * * *", "0 2 * *", "-o", "json")
    assert called.code == 7
    assert [one["valid"] for one in data(called)] == [True, False]
    assert json.loads(called.err)["error"]["exit"] == 7
    assert mtctl("schedule", "validate", "0 2 * * *", "@daily").code == 0


def test_set_list_next_and_clear_of_a_workflow(mtctl) -> None:
    assert mtctl("workflow", "create", "w", "--task", "command:true").code == 0
    assert mtctl("schedule", "list").out == "nothing fires\n"
    done = mtctl("schedule", "set", "w", "--every", "90 minutes", "--jitter", "5m", "--misfire", "all")
    assert (done.code, done.out.split(",")[0]) == (0, "w: no schedule -> every 90 minutes")
    assert mtctl("schedule", "set", "w", "--every", "90 minutes").out == "w: every 90 minutes already\n"

    lines = mtctl("schedule", "list", "--next", "24h").out.splitlines()
    assert lines[0].split() == ["NEXT", "LEFT", "LAST", "PASSED", "NAME", "SCHEDULE", "ZONE", "STATE"]
    assert "every 90 minutes" in lines[1]
    [timer] = data(mtctl("schedule", "list", "-o", "json"))
    assert (timer["kind"], timer["name"], timer["state"], timer["last_at"]) == ("timer", "w", "enabled", None)
    assert len(data(mtctl("schedule", "next", "w", "-o", "json"))) == 5

    assert mtctl("schedule", "clear", "w").code == 0
    assert mtctl("schedule", "next", "w").out == "w has no schedule\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("set", "w"), 2),
        (("set", "w", "--cron", "@daily", "--every", "2h"), 2),
        (("set", "w", "--cron", "0 2 30 2 *"), 7),
        (("set", "w", "--cron", "@daily", "--misfire", "some"), 2),
        (("set", "nobody", "--cron", "@daily"), 3),
        (("clear", "nobody"), 3),
        (("list", "--next", "soon"), 2),
    ],
)
def test_exit_codes_of_what_is_refused(mtctl, words: tuple[str, ...], code: int) -> None:
    mtctl("workflow", "create", "w", "--task", "command:true")
    assert mtctl("schedule", *words).code == code


def test_lists_are_csv_and_ndjson_too(mtctl) -> None:
    mtctl("workflow", "create", "w", "--task", "command:true", "--schedule", "0 2 * * *")
    [row] = list(csv.DictReader(io.StringIO(mtctl("schedule", "list", "-o", "csv").out)))
    assert (row["name"], row["schedule"], row["zone"]) == ("w", "0 2 * * *", "UTC")
    lines = mtctl("schedule", "next", "w", "-n", "3", "-o", "ndjson").out.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["fire"] * 3
