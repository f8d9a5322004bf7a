from __future__ import annotations

import pytest

from mtctl.core.errors import MtctlError
from mtctl.core.names import check_column, check_name, closest, printable, quote


def test_quoting_doubles_inner_quotes():
    assert quote('a"; DROP TABLE x; --') == '"a""; DROP TABLE x; --"'
    assert quote("plain") == '"plain"'


def test_quoting_refuses_what_no_engine_takes():
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


@pytest.mark.parametrize(("text", "name"), [("flights", "flights"), ("Flights_Daily", "flights_daily"), ("_x1", "_x1")])
def test_good_names_get_their_one_spelling(text, name):
    assert check_name(text, "table") == name


@pytest.mark.parametrize(
    "text",
    [
        'a"; DROP TABLE x; --', "", "x" * 64, "x" * 65536, "..", "../../etc/passwd",
        "a/b", "-rf", "--help", "\U0001f600",
        "\u202egpj", "a\nb", "a\tb", "\x1b[31m", "1a", "caf\u00e9", "a b", "a\0",
    ],
)  # fmt: skip
def test_hostile_names_are_refused_and_shown_escaped(text):
    with pytest.raises(MtctlError) as caught:
        check_name(text, "table")
    assert caught.value.code == "identifier"
    shown = str(caught.value)
    assert shown.isprintable()
    assert len(shown) < 300


@pytest.mark.parametrize("text", ["_mtctl", "_MTCTL_x", "ducklake_table", "information_schema", "pg_catalog"])
def test_reserved_names_are_refused(text):
    with pytest.raises(MtctlError) as caught:
        check_name(text, "table")
    assert caught.value.code == "identifier_reserved"


def test_columns_keep_their_case_and_join_their_accents():
    assert check_column("Gro\u0308\u00dfe") == "Gr\u00f6\u00dfe"
    assert check_column("with space") == "with space"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "identifier"),
        ("a\x1b", "identifier"),
        ("x" * 256, "identifier"),
        ("_mtctl_x", "schema_reserved_column"),
        ("__MTCTL", "schema_reserved_column"),
    ],
)
def test_bad_columns_are_refused(text, code):
    with pytest.raises(MtctlError) as caught:
        check_column(text)
    assert caught.value.code == code


def test_printable_escapes_what_a_terminal_would_obey():
    assert printable("a\x1b[2J\n\u202eb\U000e0001") == "a\\x1b[2J\\x0a\\u202eb\\U000e0001"
    assert printable("Gr\u00f6\u00dfe \u65e5\u672c") == "Gr\u00f6\u00dfe \u65e5\u672c"


def test_closest_finds_the_slip_and_nothing_far():
    assert closest("flihgts", ["flights", "weather"]) == "flights"
    assert closest("zzz", ["flights", "weather"]) is None
