from __future__ import annotations

import pytest
from cli_samples import report, result

from mtctl.cli.errors import exit_of
from mtctl.cli.exit import OF_KIND, ExitCode
from mtctl.cli.show_refresh import refresh_errors, refresh_exit
from mtctl.core.errors import Kind, MtctlError


def test_every_kind_of_trouble_has_its_exit_code() -> None:
    assert set(OF_KIND) == set(Kind)
    assert OF_KIND[Kind.INVALID] == 7
    assert OF_KIND[Kind.BUSY] == 75


def test_the_numbers_are_the_documented_ones() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 75, 130, 141, 143]
    assert all(code.reason for code in ExitCode)


def test_an_error_may_name_its_exit_code() -> None:
    error = MtctlError("x", "y", kind=Kind.FAILED, details={"exit": 5})
    assert exit_of(error) is ExitCode.PARTIAL


@pytest.mark.parametrize(
    ("states", "not_ready", "code"),
    [
        ((), (), 0),
        (("success", "success"), (), 0),
        (("up_to_date",), (), 0),
        (("skipped",), (), 0),
        (("failed",), (), 1),
        (("failed", "cancelled"), (), 1),
        (("failed", "up_to_date"), (), 1),
        (("cancelled",), (), 1),
        (("success", "failed"), (), 5),
        (("success", "cancelled"), (), 5),
        ((), ("a 2013-01-01: needs b",), 4),
        (("up_to_date",), ("a 2013-01-01: needs b",), 4),
        (("success",), ("a 2013-01-01: needs b",), 5),
        (("failed",), ("a 2013-01-01: needs b",), 1),
    ],
)
def test_a_refresh_exits_by_what_succeeded_failed_or_was_not_ready(
    states: tuple[str, ...], not_ready: tuple[str, ...], code: int
) -> None:
    tables = [result(f"t{number}", state) for number, state in enumerate(states)]
    assert refresh_exit(report(*tables, not_ready=not_ready)) == code


def test_each_failed_table_has_its_error_and_the_common_exit_code() -> None:
    found = refresh_errors(
        report(result("a", "success"), result("b", "failed", error="division by zero", code="query_failed"))
    )
    assert [(error.code, error.where, exit_of(error)) for error in found] == [("query_failed", "table b", 5)]


def test_what_is_not_ready_names_the_option_that_helps() -> None:
    (error,) = refresh_errors(report(not_ready=("a 2013-01: needs b", "c 2013-01: needs b")))
    assert str(error) == "a 2013-01: needs b (and 1 more) – refresh them too with --upstream"
    assert (error.code, exit_of(error)) == ("upstream_not_ready", 4)
