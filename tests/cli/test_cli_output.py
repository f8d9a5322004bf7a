from __future__ import annotations

import csv
import io
import json

import pytest
from cli_samples import DETAIL, INSTANCE, INSTANCE_DETAIL, PARTITIONS, STATUS, VERIFY_RED

from mtctl.cli.answer import Answer, Grid, Lines, State
from mtctl.cli.output import Format, csv_line, write_answer
from mtctl.cli.paint import SIGNS, Paint, When, speaks_unicode, wants_color
from mtctl.cli.show_checks import verify_answer
from mtctl.cli.show_instances import instance_answer, instances_answer
from mtctl.cli.show_tables import detail_answer, list_answer, partitions_answer, status_answer
from mtctl.core.health import ASCII, UNICODE, Health
from mtctl.core.states import InstanceState, Outcome, TaskState

PLAIN = Paint(color=False, unicode=True)

ANSWERS = {
    "status": status_answer(STATUS),
    "list": list_answer(STATUS),
    "show": detail_answer(DETAIL),
    "partitions": partitions_answer("flights_daily", PARTITIONS, 10),
    "instances": instances_answer([INSTANCE], 50, 0),
    "instance": instance_answer(INSTANCE_DETAIL),
    "verify": verify_answer(VERIFY_RED),
}


def written(answer: Answer, form: Format, paint: Paint = PLAIN, *, terminal: bool = False) -> str:
    stream = io.StringIO()
    write_answer(answer, form, stream, paint, terminal=terminal, generated_at="2026-01-01T00:00:00Z")
    return stream.getvalue()


@pytest.mark.parametrize("name", ANSWERS)
def test_json_is_one_document_with_the_envelope(name: str) -> None:
    document = json.loads(written(ANSWERS[name], Format.JSON))
    assert document["schema"].startswith("mtctl.")
    assert document["schema"].endswith("/v1")
    assert document["generated_at"] == "2026-01-01T00:00:00Z"
    assert document["mtctl"]
    assert document["warnings"] == list(ANSWERS[name].warnings)
    assert all(record["kind"] for record in document["data"])


@pytest.mark.parametrize("name", ANSWERS)
def test_ndjson_is_one_object_a_line_with_its_kind(name: str) -> None:
    lines = written(ANSWERS[name], Format.NDJSON).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(written(ANSWERS[name], Format.JSON))["data"]


@pytest.mark.parametrize("name", ANSWERS)
def test_csv_has_a_header_and_a_record_of_equal_length_each(name: str) -> None:
    text = written(ANSWERS[name], Format.CSV)
    assert text.count("\r\n") == len(ANSWERS[name].records) + 1
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(ANSWERS[name].fields)}


def test_every_csv_field_is_a_key_of_some_record() -> None:
    for answer in ANSWERS.values():
        keys = {key for record in answer.records for key in record}
        assert set(answer.fields) <= keys


def test_json_says_instants_in_utc_and_intervals_half_open() -> None:
    day, whole = ANSWERS["partitions"].records
    assert day["interval"] == {"start": "2013-01-01T00:00:00Z", "end": "2013-01-02T00:00:00Z"}
    assert day["refreshed_at"] == "2013-01-01T12:00:00Z"
    assert whole["interval"] is None


def test_a_table_in_a_pipe_is_aligned_without_borders_or_trailing_spaces() -> None:
    assert written(ANSWERS["status"], Format.TABLE) == (
        "TABLE             HEALTH     FRESH  MISSING  STALE   ROWS  LAST SUCCESS          NOTE\n"
        "flights_daily     ✔ fresh  365/365        0      0  5,432  2013-01-01 12:00:00Z\n"
        "delay_by_weather  ! late   360/365        2      3  5,432  2013-01-01 12:00:00Z\n"
        "\n"
        "delay_by_weather: 2 missing intervals: 2013-12-30..2013-12-31; "
        "3 stale intervals: 2013-02-03..2013-02-05 (upstream flights_daily changed)\n"
        "\n"
        "changed since it was read: data/weather.parquet\n"
        "not applied yet: tables/new.sql\n"
        "gone, its table stays until `mtctl apply --prune`: tables/old.sql\n"
    )


def test_a_terminal_gets_the_same_words_and_colour() -> None:
    text = written(ANSWERS["status"], Format.TABLE, Paint(color=True, unicode=True), terminal=True)
    assert "delay_by_weather" in text
    assert "\x1b[32m✔ fresh" in text


def test_colour_can_be_forced_into_a_pipe() -> None:
    answer = Answer(schema="s", records=(), fields=(), blocks=(Grid(heads=("S",), rows=((State("failed"),),)),))
    assert "\x1b[1;31m✘ failed\x1b[0m" in written(answer, Format.TABLE, Paint(color=True, unicode=True))
    assert written(answer, Format.TABLE, Paint(color=False, unicode=False)) == "S\nX failed\n"


def test_coverage_strips_fall_back_to_ascii_as_the_core_has_them() -> None:
    text = f"{UNICODE.fresh}{UNICODE.stale}{UNICODE.missing}{UNICODE.mixed}"
    answer = Answer(schema="s", records=(), fields=(), blocks=(Lines((text,)),))
    plain = f"{ASCII.fresh}{ASCII.stale}{ASCII.missing}{ASCII.mixed}"
    assert written(answer, Format.TABLE, Paint(color=False, unicode=False)) == plain + "\n"


def test_hostile_cells_are_escaped_for_people_and_kept_for_machines() -> None:
    answer = Answer(
        schema="s",
        records=({"kind": "x", "name": "a\x1b[2J\nb"},),
        fields=("name",),
        blocks=(Grid(heads=("NAME",), rows=(("a\x1b[2J\nb",),)),),
    )
    assert written(answer, Format.TABLE) == "NAME\na\\x1b[2J\\x0ab\n"
    assert json.loads(written(answer, Format.JSON))["data"][0]["name"] == "a\x1b[2J\nb"


def test_csv_tells_nothing_from_the_empty_text() -> None:
    assert csv_line([None, "", "a", 'say "x"', "a,b", "two\nlines", " pad"]) == (
        ',"",a,"say ""x""","a,b","two\nlines"," pad"\r\n'
    )


def test_every_state_word_has_a_sign_and_none_shares_glyph_and_colour_with_success() -> None:
    words = {*TaskState, *InstanceState, *Outcome, *Health, "stale", "missing", "up_to_date"}
    assert {str(word) for word in words} <= set(SIGNS)
    good = {"success", "fresh"}
    assert all(SIGNS[word].glyph != SIGNS["success"].glyph for word in set(SIGNS) - good)
    assert [SIGNS[word].sgr for word in ("pending", "running", "success", "failed")] == ["35", "34", "32", "1;31"]


@pytest.mark.parametrize(
    ("when", "environ", "terminal", "colour"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, False, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_follows_its_order(when: str, environ: dict[str, str], terminal: bool, colour: bool) -> None:  # noqa: FBT001
    assert wants_color(When(when), environ, terminal=terminal) is colour


@pytest.mark.parametrize(
    ("environ", "yes"),
    [
        ({}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LC_CTYPE": "de_DE.utf8"}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "C.UTF-8", "MTCTL_ASCII": "1"}, False),
    ],
)
def test_glyphs_follow_the_locale(environ: dict[str, str], yes: bool) -> None:  # noqa: FBT001
    assert speaks_unicode(environ) is yes
