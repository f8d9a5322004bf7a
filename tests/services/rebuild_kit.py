"""A table that is being built anew beside the version that readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_kit import DAILY

if TYPE_CHECKING:
    from service_kit import World

DOUBLED = DAILY.replace("sum(v)::BIGINT", "(sum(v) * 2)::DOUBLE")
"""A change that files cannot follow."""

SUM = "SELECT count(*), sum(total), any_value(typeof(total)) FROM daily"


def begun(world: World, text: str = DOUBLED) -> World:
    """Let a rebuild begin, and two of its four days be there."""
    world.table("daily", text)
    world.apply()
    world.fill("daily", intervals=("2013-01-01", "2013-01-02"))
    return world
