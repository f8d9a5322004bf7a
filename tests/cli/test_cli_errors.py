from __future__ import annotations

import json

import pytest

from mtctl.cli.errors import error_json, error_text
from mtctl.cli.main import asked_format
from mtctl.core.errors import Kind, MtctlError, not_found


def test_an_error_is_one_line_and_its_excerpt() -> None:
    error = MtctlError(
        "ddl_syntax", "expected AS", kind=Kind.INVALID, where="a.sql:1:5", fix="write AS", excerpt="SELEC 1\n    ^"
    )
    assert error_text(error) == "error[ddl_syntax]: expected AS – a.sql:1:5 – write AS\n  SELEC 1\n      ^"


def test_hostile_text_is_escaped() -> None:
    text = error_text(not_found("table_unknown", "there is no table '\x1b[31mred\u202e\n'"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n" not in text
    assert "\\x1b[31mred" in text


def test_an_error_for_machines_is_one_json_line_with_its_details() -> None:
    error = not_found("table_unknown", "there is no table 'x'", fix="did you mean 'y'?")
    error.details["did_you_mean"] = ["y"]
    text = error_json(error)
    assert "\n" not in text
    assert json.loads(text) == {
        "schema": "mtctl.error/v1",
        "error": {
            "code": "table_unknown",
            "what": "there is no table 'x'",
            "where": "",
            "fix": "did you mean 'y'?",
            "exit": 3,
            "did_you_mean": ["y"],
        },
    }


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("status", "table"),
        ("-o json status", "json"),
        ("status --output=ndjson", "ndjson"),
        ("status -ocsv", "csv"),
        ("status -o", "table"),
        ("status -o xml", "table"),
        ("query -- -o json", "table"),
    ],
)
def test_the_format_is_known_before_the_words_are_parsed(words: str, form: str) -> None:
    assert asked_format(words.split()) == form


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("tabel list", "command_unknown", "did you mean 'table'?"),
        ("table lits", "command_unknown", "did you mean 'list'?"),
        ("refresh --al", "option_unknown", "did you mean '--all'?"),
        ("table show", "argument_missing", "TABLE"),
        ("instance list --limit -1", "argument_invalid", "--limit"),
        ("instance list --limit 0", "argument_invalid", "--limit"),
        ("instance list --limit 1e9", "argument_invalid", "--limit"),
        ("instance list --limit abc", "argument_invalid", "--limit"),
        ("instance list --limit 1 --limit 2", "option_twice", "--limit"),
        ("instance list --state done", "argument_invalid", "failed"),
        ("status -o xml", "argument_invalid", "ndjson"),
        ("refresh --batch 0 x", "argument_invalid", "--batch"),
        ("lake gc --grace", "option_invalid", "--grace"),
        ("lake gc --grace soon", "duration", "--grace"),
        ("completion tcsh", "argument_invalid", "fish"),
        ("help everything", "argument_invalid", "exit-codes"),
        ("table", "usage", "mtctl table --help"),
        ("--", "usage", "mtctl --help"),
        ("up --once --no-fill", "option_conflict", "mtctl tick"),
        ("refresh", "table_missing", "--all"),
        ("refresh x --all", "option_conflict", "--all"),
        ("refresh x --from 2013-01-01", "range_half", "--to"),
        ("refresh x --interval 2013 --from 2013-01-01 --to 2013-01-02", "option_conflict", "--interval"),
        ("refresh x --partition flight_date", "partition_pair", "KEY=VALUE"),
        ("table partitions x --missing --stale", "option_conflict", "--stale"),
        ("table create -f - --dry-run", "dry_run_stdin", "file"),
    ],
)
def test_a_wrong_call_is_exit_2_with_one_line_that_helps(call, words: str, code: str, says: str) -> None:
    called = call(*words.split())
    assert called.code == 2
    assert called.out == ""
    assert called.err.count("\n") == 1
    assert called.err.startswith(f"error[{code}]: ")
    assert says in called.err


def test_a_wrong_call_with_json_is_one_json_line(call) -> None:
    called = call("instance", "list", "--limit", "abc", "-o", "json")
    assert called.code == 2
    assert called.out == ""
    assert json.loads(called.err)["error"]["exit"] == 2


def test_an_empty_argument_is_refused(call) -> None:
    called = call("query", "")
    assert (called.code, called.err.split(":")[0]) == (2, "error[argument_empty]")


def test_no_words_at_all_give_the_help_on_stderr(call) -> None:
    called = call()
    assert (called.code, called.out) == (2, "")
    assert "Commands:" in called.err
