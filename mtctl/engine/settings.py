"""Floor 2. What a runner is told once, at its start."""

from __future__ import annotations

from typing import Any

from mtctl.core.values import fields, frozen


@frozen
class RunnerSettings:
    """Limits and folders of one runner; all paths absolute.

    `memory` is in bytes; `temp` is the folder below which the runner's private spill folder is made; `state` is the
    project's state folder, which no query may read; `allowed` are the folders outside of the project that sources may
    lie in; `install_extensions` lets DuckDB fetch an extension that a source needs.
    """

    root: str
    state: str
    data: str
    staging: str
    temp: str
    memory: int
    threads: int
    allowed: tuple[str, ...] = ()
    install_extensions: bool = False


def dump_settings(settings: RunnerSettings) -> dict[str, Any]:
    """Return the settings as JSON."""
    return fields(settings)


def load_settings(data: dict[str, Any]) -> RunnerSettings:
    """Return the settings of `dump_settings`."""
    return RunnerSettings(**{**data, "allowed": tuple(data["allowed"])})
