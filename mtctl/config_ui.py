"""Floor 1. The `[ui]` of a project file and of the user's own: how the dashboard looks, which keys it has.

What stands in the user's own file wins over the project's: colours and keys are a matter of eyes and hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.names import closest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEYS = ("ascii", "palette", "theme", "time", "keys")
_PALETTES = ("default", "colour-blind")
_TIMES = ("utc", "local")


@dataclass(frozen=True, slots=True, kw_only=True)
class UiConfig:
    """What is asked for; None and empty where nothing is said.

    `keys` are triples of a binding's id, its keys with commas between them, and the file that says so. `theme_file` is
    the file that names the theme: only the dashboard knows which ones exist.
    """

    ascii: bool | None = None
    palette: str | None = None
    theme: str | None = None
    time: str | None = None
    keys: tuple[tuple[str, str, str], ...] = ()
    theme_file: str = ""

    def under(self, over: UiConfig) -> UiConfig:
        """Return this with everything that `over` says in its place."""
        theirs = {name for name, _, _ in over.keys}
        return UiConfig(
            ascii=self.ascii if over.ascii is None else over.ascii,
            palette=over.palette or self.palette,
            theme=over.theme or self.theme,
            time=over.time or self.time,
            keys=(*(key for key in self.keys if key[0] not in theirs), *over.keys),
            theme_file=over.theme_file if over.theme else self.theme_file,
        )


def read_ui(values: Mapping[str, Any], file: Path) -> UiConfig:
    """Return what a `[ui]` asks for; errors `key_unknown` and `config_value` (INVALID) with the key."""
    for key in values:
        if key not in _KEYS:
            near = closest(key, _KEYS)
            fix = f"did you mean 'ui.{near}'?" if near else f"known are {', '.join(_KEYS)}"
            raise invalid("key_unknown", f"unknown key 'ui.{key}'", where=str(file), fix=fix)
    plain = values.get("ascii")
    if plain is not None and not isinstance(plain, bool):
        raise _wrong("ascii", file, "write true or false")
    theme = values.get("theme")
    if theme is not None and not isinstance(theme, str):
        raise _wrong("theme", file, "write the name of a theme in quotes, for example 'nord'")
    return UiConfig(
        ascii=plain,
        palette=_one_of("palette", values, _PALETTES, file),
        theme=theme,
        time=_one_of("time", values, _TIMES, file),
        keys=_keys(values.get("keys", {}), file),
        theme_file=str(file) if theme else "",
    )


def _one_of(key: str, values: Mapping[str, Any], words: tuple[str, ...], file: Path) -> str | None:
    value = values.get(key)
    if value is not None and value not in words:
        raise _wrong(key, file, " or ".join(f"'{word}'" for word in words))
    return str(value) if value is not None else None


def _keys(values: Any, file: Path) -> tuple[tuple[str, str, str], ...]:
    if not isinstance(values, dict):
        raise _wrong("keys", file, "write [ui.keys] and below it for example \"verb.retry\" = 't,f5'")
    return tuple(_flat(values, "", file))


def _flat(values: dict[str, Any], path: str, file: Path) -> list[tuple[str, str, str]]:
    """Return the keys of all levels: an id holds a dot, and TOML reads one that has no quotes as a table in a table."""
    found: list[tuple[str, str, str]] = []
    for key, value in values.items():
        name = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict):
            found += _flat(value, name, file)
        elif isinstance(value, str) and all(part.strip() for part in value.split(",")):
            found.append((name, ",".join(part.strip() for part in value.split(",")), str(file)))
        else:
            raise _wrong(f"keys.{name}", file, "write keys with commas between them in quotes, for example 't,f5'")
    return found


def _wrong(key: str, file: Path, fix: str) -> MtctlError:
    return invalid("config_value", f"ui.{key} is not what it should be", where=str(file), fix=fix)
