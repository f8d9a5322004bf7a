"""What all tests share: how many examples a property is tried with, and how their own process starts runners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from forking import Zygote
from hypothesis import HealthCheck, settings

from mtctl.engine import process

if TYPE_CHECKING:
    from collections.abc import Iterator


_SLOW = [HealthCheck.too_slow]
"""What fails no property: a machine that is busy with other things. Nor does a deadline."""

settings.register_profile("suite", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("campaign", max_examples=300, deadline=None, suppress_health_check=_SLOW)
settings.load_profile("suite")


_STARTED = process._start


@pytest.fixture(autouse=True, scope="session")
def _forked() -> Iterator[None]:
    """Let the tests' own processes fork their runners."""
    zygote = Zygote(_STARTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "_start", zygote.start)
        yield
    zygote.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start runners as users do: for tests of just that."""
    monkeypatch.setattr(process, "_start", _STARTED)
