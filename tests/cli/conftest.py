"""Calls the command line inside the test's process, with a project of handmade answers."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mtctl.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Called]]:
    """Return a function that runs a command line and returns exit code, stdout and stderr."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "MTCTL_ASCII", "MTCTL_DEBUG", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))

    def run_it(*argv: str, project: Any = None) -> Called:
        capsys.readouterr()
        code = run(argv, lambda: project)
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    yield run_it
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])
