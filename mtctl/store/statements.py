"""Floor 2. The named SQL statements: one `.sql` file a group, read when the group is first used.

A statement is asked for as `group.name`. No statement reads the clock: times come in as `:now` and `:boottime`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_HEADING = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statement(name: str) -> str:
    """Return the SQL text of `group.name`; `KeyError` when there is none."""
    group, _, own = name.partition(".")
    return group_of(group)[own]


@cache
def group_of(group: str) -> dict[str, str]:
    """Return all statements of a group by name."""
    _, *parts = _HEADING.split((_FOLDER / f"{group}.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))


def groups() -> tuple[str, ...]:
    """Return the names of all groups."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))
