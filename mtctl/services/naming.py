"""Floor 3. What is said of a table that nobody knows; apart, so that looking loads nothing of what defines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, not_found
from mtctl.core.names import closest

if TYPE_CHECKING:
    from collections.abc import Iterable


def unknown_table(name: str, known: Iterable[str]) -> MtctlError:
    """Return the error of a table name that nothing bears, with the nearest one that exists."""
    near = closest(name, sorted(known))
    error = not_found(
        "table_unknown",
        f"no table is named {name!r}",
        fix=f"did you mean {near!r}?" if near else "`mtctl table list` shows all",
    )
    if near:
        error.details["did_you_mean"] = [near]
    return error
