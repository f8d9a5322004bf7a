"""Beside the floors: answers a Tab press from a generated tree, before the option parser is imported.

The words up to the cursor come as arguments. A line of the answer is a candidate (for zsh and fish with its
description), or `:file` / `:dir` for what the shell completes itself. Whatever goes wrong, a Tab press stays silent.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = 200
_NAMES = "SELECT name FROM materialized_table WHERE dropped_at IS NULL AND name >= ? AND name < ? ORDER BY name LIMIT ?"


def answer(words: list[str], shell: str) -> int:
    """Print the candidates for the last word; always exit code 0."""
    try:
        found = candidates(_joined(words), shell)
        sys.stdout.write("".join(line + "\n" for line in found))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - a Tab press must never show a traceback
        return 0
    return 0


def candidates(words: list[str], shell: str) -> list[str]:
    """Return the lines for the last of the words, which may be empty."""
    *before, current = words or [""]
    place = _Place()
    for word in before:
        place.take(word)
    node = place.node
    if place.option is not None:
        return _values(place.kind(place.option) or "", current, shell, place.folder, "")
    if current.startswith("-") and not place.literal:
        option, sign, value = current.partition("=")
        if sign:
            prefix = "" if shell == "bash" else f"{option}="
            return _values(place.kind(option) or "", value, shell, place.folder, prefix)
        return [_line(name, entry[0], shell) for name, entry in node["options"].items() if name.startswith(current)]
    if node["commands"]:
        return [_line(name, n["help"], shell) for name, n in node["commands"].items() if name.startswith(current)]
    arguments = node["arguments"]
    if not arguments:
        return []
    return _values(arguments[min(place.given, len(arguments) - 1)], current, shell, place.folder, "")


class _Place:
    """Where in the command tree the cursor is, after the words before it.

    `option` is an option that waits for its value, `given` counts arguments, `literal` says that `--` has passed,
    `folder` is the value of `-C`.
    """

    def __init__(self) -> None:
        from mtctl.cli.completion_data import TREE  # noqa: PLC0415 - a literal, cheap to load

        self.node: dict[str, Any] = TREE
        self.option: str | None = None
        self.given = 0
        self.literal = False
        self.folder: str | None = None

    def kind(self, option: str) -> str | list[str] | None:
        """Return what completes the value of an option; None for a switch."""
        found: str | list[str] | None = self.node["options"].get(option, ("", None))[1]
        return found

    def take(self, word: str) -> None:
        """Go on by one word."""
        if self.option is not None:
            self._value(self.option, word)
            self.option = None
        elif word == "--":
            self.literal = True
        elif word.startswith("-") and not self.literal:
            option, sign, value = word.partition("=")
            if sign:
                self._value(option, value)
            elif self.kind(option) is not None:
                self.option = option
        elif word in self.node["commands"]:
            self.node, self.given = self.node["commands"][word], 0
        else:
            self.given += 1

    def _value(self, option: str, value: str) -> None:
        if option in {"-C", "--directory"}:
            self.folder = value


def _values(kind: str | list[str], start: str, shell: str, folder: str | None, prefix: str) -> list[str]:
    """Return the candidates of a kind: a list of choices, or `@table`, `@file`, `@dir`, anything else nothing."""
    if isinstance(kind, list):
        return [prefix + choice for choice in kind if choice.startswith(start)]
    if kind in {"@file", "@dir"}:
        return [":" + kind[1:]]
    if kind == "@table":
        return [_line(prefix + name, comment, shell) for name, comment in _tables(start, folder)]
    return []


def _line(name: str, text: str, shell: str) -> str:
    if shell == "zsh":
        return name.replace(":", "\\:") + (f":{text}" if text else "")
    return f"{name}\t{text}" if shell == "fish" and text else name


def _joined(words: list[str]) -> list[str]:
    """Return the words with `--option`, `=`, `value` in one piece again: bash splits them at the sign."""
    whole: list[str] = []
    for word in words:
        follows = len(whole) > 0 and whole[-1].startswith("--") and (word == "=" or whole[-1].endswith("="))
        if follows:
            whole[-1] += word
        else:
            whole.append(word)
    return whole


def _tables(start: str, folder: str | None) -> list[tuple[str, str]]:
    """Return names of tables that begin with `start`, read from the state file without waiting for anybody."""
    from pathlib import Path  # noqa: PLC0415 - the same

    import apsw  # noqa: PLC0415 - only where table names are wanted

    path = _state_file(Path(folder or ".").absolute())
    if path is None:
        return []
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(50)
    try:
        rows = connection.execute(_NAMES, (start, start + "\U0010ffff", _LIMIT))
        return [(name, "") for (name,) in rows]
    finally:
        connection.close()


def _state_file(folder: Path) -> Path | None:
    for root in (folder, *folder.parents):
        if (root / "mtctl.toml").exists():
            return root / ".mtctl" / "state.db"
    return None
