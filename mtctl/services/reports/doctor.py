"""Floor 3. What `doctor` answers."""

from __future__ import annotations

from enum import StrEnum

from mtctl.core.values import frozen


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # worth knowing; nothing is broken
    TROUBLE = "trouble"  # something is wrong: exit 1


@frozen
class Examined:
    """One check: what was looked at, how it is, and what to do where it is not well."""

    name: str
    verdict: Verdict
    detail: str
    fix: str = ""
