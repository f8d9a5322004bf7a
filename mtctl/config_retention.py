"""Floor 1. The `[retention]` of a project file: how long old versions, instances and events stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.retention import Limits, Policy
from mtctl.core.sizes import size_of
from mtctl.core.times import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_VERSIONS = 1_000_000


def read_retention(values: Mapping[str, Any], file: Path) -> Policy:
    """Return the retention that these keys ask for, each with its default.

    Errors `config_value` and `duration` (INVALID) with the key.
    """
    limits, policy = Limits(), Policy()
    versions = values.get("versions", limits.versions)
    if not 1 <= versions <= _MOST_VERSIONS:
        fix = f"between 1 and {_MOST_VERSIONS}"
        raise invalid("config_value", f"retention.versions = {versions} is out of range", where=str(file), fix=fix)
    size = limits.bytes
    if "bytes" in values:
        size = size_of(values["bytes"])
        if size is None:
            fix = "write for example '500 MB' or '2 GiB'"
            raise invalid("config_value", "retention.bytes is not a size", where=str(file), fix=fix)
    return Policy(
        limits=Limits(versions=versions, age=_duration(values, "age", limits.age, file), bytes=size),
        instances=_duration(values, "instances", policy.instances, file),
        events=_duration(values, "events", policy.events, file),
    )


def _duration(values: Mapping[str, Any], key: str, default: int, file: Path) -> int:
    if key not in values:
        return default
    try:
        return parse_duration(values[key], field=f"{file}: retention.{key}")
    except MtctlError as error:
        error.fix = "write a whole number and a unit, for example '7 days', '12h'"
        raise
