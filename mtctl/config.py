"""Floor 1. The project and its settings, each with where it came from.

Precedence: flag, `MTCTL_*`, `mtctl.toml` of the project, default. Keys are a closed list:
an unknown one is an error with a suggestion, because a misspelt key that is ignored loses a night.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError, invalid, not_found
from mtctl.core.values import frozen
from mtctl.core.zones import zone as check_zone
from mtctl.text_files import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.config_notify import NotifyConfig
    from mtctl.config_sources import SourceConfig
    from mtctl.config_ui import UiConfig
    from mtctl.core.retention import Policy

PROJECT_FILE = "mtctl.toml"
STATE_FOLDER = ".mtctl"
STATE_FILE = "state.db"
USER_FILE = "config.toml"

_SECTIONS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "": {"name": str, "time_zone": str},
    "lake": {"path": str, "share": str, "foreign_writes": bool, "target_file_bytes": int, "target_file_rows": int},
    "engine": {"memory": str, "threads": int, "temp": str, "install_extensions": bool},
    "paths": {"allowed": list},
    "retention": {"versions": int, "age": str, "bytes": str, "instances": str, "events": str},
}
_NOTIFY = ("notify", "notify_rules")
_MEMORY = re.compile(r"^\d+(\.\d+)?\s*(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$", re.IGNORECASE)


@frozen
class Project:
    """A project as its file says it; paths are absolute. `defaults` are table options for every table."""

    root: Path
    name: str
    zone: str
    lake: Path
    target_file_bytes: int
    target_file_rows: int
    memory: str
    threads: int
    temp: Path | None
    allowed: tuple[Path, ...]
    sources: tuple[SourceConfig, ...]
    defaults: tuple[tuple[str, str], ...]
    origins: tuple[tuple[str, str], ...]
    install_extensions: bool = False
    share: str = ""
    foreign_writes: bool = False
    notify_data: Mapping[str, Any] = MappingProxyType({})
    retention_data: Mapping[str, Any] = MappingProxyType({})
    ui_data: Mapping[str, Any] = MappingProxyType({})

    @property
    def notify(self) -> NotifyConfig:
        """Channels and rules, checked when somebody is about to be told: reading them costs what `status` may not.

        Raises the errors of `read_notify`.
        """
        from mtctl.config_notify import read_notify  # noqa: PLC0415 - most commands tell nobody

        return read_notify(self.notify_data, self.root / PROJECT_FILE)

    @property
    def retention(self) -> Policy:
        """How long old versions, instances and events stay; checked when the file was read."""
        from mtctl.config_retention import read_retention  # noqa: PLC0415 - only upkeep asks

        return read_retention(self.retention_data, self.root / PROJECT_FILE)

    @property
    def ui(self) -> UiConfig:
        """How the dashboard is to look; checked when the file was read."""
        from mtctl.config_ui import read_ui  # noqa: PLC0415 - only the dashboard asks

        return read_ui(self.ui_data, self.root / PROJECT_FILE)

    @property
    def state_folder(self) -> Path:
        """Where the state file and its locks live."""
        return self.root / STATE_FOLDER

    @property
    def state_file(self) -> Path:
        """The state file."""
        return self.state_folder / STATE_FILE

    @property
    def tables_folder(self) -> Path:
        """Where table files live."""
        return self.root / "tables"


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds `mtctl.toml`.

    Raises not_found `project_missing`.
    """
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).exists() or (folder / PROJECT_FILE).is_symlink():
            return folder
    raise not_found(
        "project_missing",
        f"no {PROJECT_FILE} here or above",
        where=str(start),
        fix="run `mtctl init`, or point at a project with -C DIR",
    )


def load_user_ui(folder: Path) -> UiConfig:
    """Read the `[ui]` of the user's own `config.toml` in a folder; nothing is asked for where there is no file.

    Raises invalid with file, line and key.
    """
    from mtctl.config_ui import UiConfig, read_ui  # noqa: PLC0415 - only the dashboard asks

    file = folder / USER_FILE
    if not file.exists():
        return UiConfig()
    data = read_toml(file)
    for key, value in data.items():
        if key != "ui":
            raise _unknown(key, ["ui"], file)
        if not isinstance(value, dict):
            raise invalid("config_value", "[ui] is not a table", where=str(file), fix="write [ui]")
    return read_ui(data.get("ui", {}), file)


def load_project(root: Path) -> Project:
    """Read and check `mtctl.toml` of a project root.

    Raises invalid with file, line and key.
    """
    root = Path(os.path.realpath(root))  # one spelling of every path, whichever link led here
    file = root / PROJECT_FILE
    data = read_toml(file)
    origins: list[tuple[str, str]] = []
    _check_keys(data, file)
    top = _section(data, "", file)
    lake = _section(data, "lake", file)
    engine = _section(data, "engine", file)
    paths = _section(data, "paths", file)
    for section, values in (("", top), ("lake", lake), ("engine", engine), ("paths", paths)):
        origins += [(f"{section}.{key}".lstrip("."), str(file)) for key in values]

    name = _environment("MTCTL_NAME", top.get("name", _plain_name(root.name)), origins, "name")
    zone = _environment("MTCTL_TIME_ZONE", top.get("time_zone", "UTC"), origins, "time_zone")
    check_zone(zone, where=f"{file}: time_zone")
    memory = _environment("MTCTL_ENGINE_MEMORY", engine.get("memory", _default_memory()), origins, "engine.memory")
    if not _MEMORY.match(memory):
        raise invalid(
            "config_value", f"engine.memory {memory!r} is not a size", where=str(file), fix="write for example '4GB'"
        )
    given = str(engine.get("threads", os.cpu_count() or 1))
    threads = _whole(_environment("MTCTL_ENGINE_THREADS", given, origins, "engine.threads"), "engine.threads", file)
    _in_range(threads, 1, 1024, "engine.threads", file)

    lake_path = _inside_rules(root, lake.get("path", "lake/"), file)
    target_bytes = lake.get("target_file_bytes", 32 << 20)
    target_rows = lake.get("target_file_rows", 250_000)
    _in_range(target_bytes, 1 << 10, 1 << 40, "lake.target_file_bytes", file)
    _in_range(target_rows, 1, 1 << 40, "lake.target_file_rows", file)
    allowed = tuple(_absolute(root, _text(item, "paths.allowed", file)) for item in paths.get("allowed", ()))
    for folder in allowed:
        _refuse_root_or_state(root, folder, file)
    name = _project_name(name, file)
    return Project(
        root=root,
        name=name,
        zone=zone,
        lake=lake_path,
        target_file_bytes=target_bytes,
        target_file_rows=target_rows,
        memory=memory,
        threads=threads,
        temp=_absolute(root, engine["temp"]) if "temp" in engine else None,
        allowed=allowed,
        sources=_sources(data, file, name) if "sources" in data else (),
        share=_share(lake.get("share", ""), file),
        foreign_writes=lake.get("foreign_writes", False),
        install_extensions=engine.get("install_extensions", False),
        defaults=_defaults(data, file),
        origins=tuple(origins),
        notify_data={key: data[key] for key in _NOTIFY if key in data},
        retention_data=_retention(data, file) if "retention" in data else MappingProxyType({}),
        ui_data=_ui(data, file) if "ui" in data else MappingProxyType({}),
    )


def _check_keys(data: dict[str, Any], file: Path) -> None:
    known_top = [*_SECTIONS[""], *(name for name in _SECTIONS if name), "sources", "defaults", "ui", *_NOTIFY]
    for key in data:
        if key not in known_top:
            raise _unknown(key, known_top, file)
    for section, keys in _SECTIONS.items():
        values = data if not section else data.get(section, {})
        if not isinstance(values, dict):
            raise invalid("config_value", f"[{section}] is not a table", where=str(file), fix=f"write [{section}]")
        for key in values if section else ():
            if key not in keys:
                raise _unknown(f"{section}.{key}", [f"{section}.{known}" for known in keys], file)


def _unknown(key: str, known: list[str], file: Path) -> MtctlError:
    import difflib  # noqa: PLC0415 - only on the way to an error

    near = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return invalid("key_unknown", f"unknown key {key!r}", where=str(file), fix=fix)


def _section(data: dict[str, Any], section: str, file: Path) -> dict[str, Any]:
    values: dict[str, Any] = data.get(section, {}) if section else {k: v for k, v in data.items() if k in _SECTIONS[""]}
    for key, value in values.items():
        wanted = _SECTIONS[section][key]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            label = f"{section}.{key}".lstrip(".")
            kind = wanted.__name__ if isinstance(wanted, type) else str(wanted)
            raise invalid("config_value", f"{label} is not of type {kind}", where=str(file), fix="change its value")
    return values


def _sources(data: dict[str, Any], file: Path, project: str) -> tuple[SourceConfig, ...]:
    from mtctl.config_sources import read_sources  # noqa: PLC0415 - many projects have none

    return read_sources(data, file, project)


def _retention(data: dict[str, Any], file: Path) -> dict[str, Any]:
    from mtctl.config_retention import read_retention  # noqa: PLC0415 - many projects have none

    values = _section(data, "retention", file)
    read_retention(values, file)
    return values


def _ui(data: dict[str, Any], file: Path) -> dict[str, Any]:
    from mtctl.config_ui import read_ui  # noqa: PLC0415 - few projects have it

    values = data["ui"]
    if not isinstance(values, dict):
        raise invalid("config_value", "[ui] is not a table", where=str(file), fix="write [ui]")
    read_ui(values, file)
    return values


def _defaults(data: dict[str, Any], file: Path) -> tuple[tuple[str, str], ...]:
    """Flatten [defaults]: TOML keys may be written dotted, quoted or nested; values become WITH texts."""
    raw = data.get("defaults", {})
    if not isinstance(raw, dict):
        raise invalid("config_value", "[defaults] is not a table", where=str(file), fix="write [defaults]")
    return tuple(_flat(raw, "", file))


def _flat(values: dict[str, Any], path: str, file: Path) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        full = f"{path}.{key}".lstrip(".").replace("_", "-") if key != "upstream" else f"{path}.{key}".lstrip(".")
        if isinstance(value, dict):
            pairs += _flat(value, full, file)
        elif isinstance(value, bool):
            pairs.append((full, "on" if value else "off"))
        elif isinstance(value, (str, int)):
            pairs.append((full, str(value)))
        elif hasattr(value, "isoformat"):
            pairs.append((full, value.isoformat()))
        else:
            raise invalid("config_value", f"defaults.{full} is not a text", where=str(file), fix="write it in quotes")
    return pairs


def _environment(variable: str, value: str, origins: list[tuple[str, str]], key: str) -> str:
    found = os.environ.get(variable)
    if found is None:
        return value
    origins.append((key, f"${variable}"))
    return found


def _default_memory() -> str:
    """60 % of the machine, shared by the runners of a process (one in this version)."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{max(total * 6 // 10 // (1 << 20), 64)}MiB"


def _plain_name(folder: str) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", folder.lower()).strip("_")
    return name if name and not name[0].isdigit() else f"project_{name}".rstrip("_")


def _project_name(name: str, file: Path) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise invalid(
            "identifier",
            f"project name {name!r} is not a plain name",
            where=str(file),
            fix="lower-case letters, digits and _, at most 63, not beginning with a digit",
        )
    if name in {"main", "temp", "system", "memory"}:
        raise invalid(
            "identifier", f"project name {name!r} is a name of the engine", where=str(file), fix="choose another name"
        )
    return name


def _share(word: str, file: Path) -> str:
    if word not in {"", "group", "all"}:
        fix = "write 'group' or 'all', or leave it out to keep the lake to yourself"
        raise invalid("config_value", f"lake.share {word!r} is unknown", where=str(file), fix=fix)
    return word


def _absolute(root: Path, text: str) -> Path:
    # Unlike Path.expanduser this leaves alone what it cannot expand: nobody's home, or no HOME.
    return Path(os.path.normpath(root / os.path.expanduser(text)))  # noqa: PTH111


def _inside_rules(root: Path, text: str, file: Path) -> Path:
    path = _absolute(root, text)
    if path == root or path == root / STATE_FOLDER or (root / STATE_FOLDER) in path.parents:
        raise invalid(
            "config_value",
            f"lake.path {text!r} must be a folder of its own outside {STATE_FOLDER}/",
            where=str(file),
            fix="for example path = 'lake/'",
        )
    return path


def _refuse_root_or_state(root: Path, folder: Path, file: Path) -> None:
    real, state = Path(os.path.realpath(folder)), Path(os.path.realpath(root / STATE_FOLDER))
    if state == real or real in state.parents or state in real.parents:
        raise invalid(
            "config_value",
            f"paths.allowed {str(folder)!r} would open {STATE_FOLDER}/ to queries",
            where=str(file),
            fix="name a folder that does not hold the state file",
        )


def _text(value: Any, key: str, file: Path) -> str:
    if not isinstance(value, str) or not value:
        raise invalid("config_value", f"{key} is not a text", where=str(file), fix="write it in quotes")
    return value


def _whole(text: str, key: str, file: Path) -> int:
    if not (text.isascii() and text.lstrip("-").isdigit() and len(text) < 19):
        raise invalid(
            "config_value", f"{key} = {text[:80]!r} is not a whole number", where=str(file), fix="write a number"
        )
    return int(text)


def _in_range(value: int, low: int, high: int, key: str, file: Path) -> None:
    if not low <= value <= high:
        raise invalid(
            "config_value", f"{key} = {value} is out of range", where=str(file), fix=f"between {low} and {high}"
        )
