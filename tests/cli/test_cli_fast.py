"""The short way in says what the option parser says, or nothing at all."""

from __future__ import annotations

import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from mtctl.cli import daily, fast, main
from mtctl.cli.docs import COMMANDS
from mtctl.cli.exit import ExitCode
from mtctl.cli.stop import Stop
from mtctl.cli.ui import Shell
from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from mtctl.cli.ui import Ui

PLAIN = [
    "status",
    "status flights_daily",
    "status 'flights*' delay_by_weather --check",
    "status --check flights",
    "-C shop status",
    "--directory shop status -C other",
    "-o json status",
    "-o json status -o csv",
    "status -o ndjson -q",
    "status --output=csv --color=never",
    "-v --debug status --color always a b",
    "refresh --all",
    "refresh a",
    "refresh +a b+ 'c*'",
    "refresh a --interval 2013-02",
    "refresh a --interval=2013-02 --interval 2013-03 --force",
    "refresh a --from 2013-03-01 --to 2013-03-08",
    "refresh --from=2013-03-01 a --to=2013-03-08 -n",
    "refresh a --partition day=2013-02-03",
    "refresh a --partition day=2013-02-03 --partition hour=1=2 --downstream",
    "refresh --all --full",
    "refresh a --upstream --downstream --force --strict",
    "refresh a --batch 7 --dry-run",
    "refresh a --batch=1",
    "refresh --all --detach",
    "-C x -o json -q refresh a -n --color auto",
    "refresh a --all",
    "refresh",
    "refresh a --from 2013-03-01",
    "refresh a --interval x --from 1 --to 2",
    "refresh a --partition nonsense",
    "refresh a --full --interval 2013",
    "refresh a --detach -n",
]

UNUSUAL = [
    "",
    "--help",
    "status --help",
    "status -h",
    "--version",
    "stat",
    "plan",
    "table list",
    "status --chek",
    "status --check --check",
    "status -ojson",
    "status -o yaml",
    "status -o",
    "status --check=yes",
    "status -- -odd",
    "status ''",
    "refresh a -nq",
    "refresh a --batch 0",
    "refresh a --batch x",
    "refresh a --batch -1",
    "refresh a --batch 1 --batch 2",
    "refresh a --interval --force",
    "refresh a --interval=",
    "refresh --al",
    "--all refresh",
    "-q -q status",
]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what the two commands were asked to do, in order; nothing is done."""
    found: list[Any] = []

    def status(ui: Ui, names: Any, *, check: bool) -> ExitCode:
        found.append((ui.settings, "status", tuple(names), check))
        return ExitCode.OK

    def refresh(ui: Ui, args: Any, lock_wait: int | None = None) -> ExitCode:
        found.append((ui.settings, "refresh", args, lock_wait))
        return ExitCode.OK

    for module in (daily, import_module("mtctl.cli.project")):
        monkeypatch.setattr(module, "show_status", status)
    for module in (daily, import_module("mtctl.cli.refresh")):
        monkeypatch.setattr(module, "refresh_tables", refresh)
    return found


def shell_of(words: str) -> Shell:
    return Shell(argv=tuple(shlex.split(words)), stop=Stop(), roof=lambda: None, now=lambda: 0)


def said(heard: list[Any], call: Any, words: str) -> Any:
    heard.clear()
    try:
        code = call(shell_of(words))
    except MtctlError as error:
        return str(error), error.code, list(heard)
    return code, list(heard)


@pytest.mark.parametrize("words", PLAIN)
def test_plain_words_mean_the_same_on_both_ways(heard: list[Any], words: str) -> None:
    short = said(heard, fast.plain_call, words)
    assert short[0] is not None
    assert short == said(heard, main._parsed_call, words)


@pytest.mark.parametrize("words", UNUSUAL)
def test_unusual_words_are_left_to_the_option_parser_before_anything_is_done(heard: list[Any], words: str) -> None:
    assert fast.plain_call(shell_of(words)) is None
    assert heard == []


def test_the_table_of_options_is_made_for_the_commands_that_are_read_by_it() -> None:
    assert set(fast.PLAIN) == set(COMMANDS)
