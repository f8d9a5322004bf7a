"""Floor 4. How somebody left the dashboard of a project, kept for the next start in a small file of their own.

It lies in the user's state folder and not in the state file of the project: two people who look at one project each
have their own view of it. Nothing depends on the file: a damaged or newer one is left aside with a notice.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""The version of the file; a greater one is left alone."""

_MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """How one list was left: sorted by which column, which way, narrowed by which filter, without which columns."""

    order: str = ""
    descending: bool = False
    filter: str = ""
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How the dashboard was left; None where nobody chose anything and the configuration may decide."""

    first: str | None = None
    dense: bool = False
    local: bool | None = None
    theme: str | None = None
    palette: str | None = None
    lists: Mapping[str, ListView] = field(default_factory=dict)


class Keeper:
    """The file of one project."""

    def __init__(self, folder: Path, project: Path) -> None:
        """Keep it in `folder` under a name that is the project's own; nothing is written yet."""
        name = sha256(os.fsencode(project)).hexdigest()[:24]
        self.path = folder / "ui" / f"{name}.json"
        self._project = str(project)

    def load(self) -> tuple[Kept, str]:
        """Return what was kept, and a notice where there is a file that cannot be used; it is left where it is."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return Kept(), ""
        except OSError as error:
            return Kept(), f"the kept view cannot be read: {error.strerror}"
        try:
            return _kept(raw), ""
        except _NewerError:
            return Kept(), "the kept view is of a newer mtctl and was left aside"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Kept(), f"the kept view is damaged and was left aside ({self.path})"

    def save(self, kept: Kept) -> str:
        """Write it whole or not at all, for nobody else to read; return what went wrong, empty if nothing did."""
        text = json.dumps({"version": VERSION, "project": self._project, **asdict(kept)}, indent=1)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".kept-", dir=self.path.parent)  # made with mode 0600
        except OSError as error:
            return f"the view cannot be kept: {error.strerror}"
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            return f"the view cannot be kept: {error.strerror}"
        return ""

    def forget(self) -> str:
        """Take the file away; return what went wrong, empty if nothing did."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            return f"the kept view cannot be forgotten: {error.strerror}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a dashboard begins: who keeps its view, what was kept, what there is to say about that."""

    keeper: Keeper | None = None
    kept: Kept = field(default_factory=Kept)
    notice: str = ""


class _NewerError(Exception):
    """The file was written by a later version."""


def _kept(raw: bytes) -> Kept:
    if len(raw) > _MOST_BYTES:
        raise ValueError("too long")
    data = json.loads(raw.decode())
    if data["version"] > VERSION:
        raise _NewerError
    return Kept(
        first=_text(data["first"]),
        dense=_flag(data["dense"]) or False,
        local=_flag(data["local"]),
        theme=_text(data["theme"]),
        palette=_text(data["palette"]),
        lists={str(name): _list_view(view) for name, view in data["lists"].items()},
    )


def _list_view(data: Mapping[str, Any]) -> ListView:
    return ListView(
        order=_text(data["order"]) or "",
        descending=_flag(data["descending"]) or False,
        filter=(_text(data["filter"]) or "")[:1000],
        hidden=tuple(str(_text(key)) for key in data["hidden"]),
    )


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _flag(value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise TypeError
    return value
