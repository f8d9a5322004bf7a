"""Floor 0. The WITH keys: a closed list, each with its type, its default and its law.

A key that is not on the list is an error with the likely one, never ignored. `[defaults]` of the project are the
same keys; a table's own pair wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.evolution import RENAMED_COLUMN, Evolve
from mtctl.core.freshness import parse_freshness
from mtctl.core.interval import Grain
from mtctl.core.model import EmptyPolicy, Mode, NullPolicy, RangeKind
from mtctl.core.names import MAIN, MAX_COLUMN, check_table_name, closest, printable
from mtctl.core.partition import Formatter
from mtctl.core.partition_rules import mode_of, partition_of
from mtctl.core.schedule_keys import SCHEDULE_KEYS, check_schedule_key, is_schedule_key
from mtctl.core.sizes import size_of
from mtctl.core.statement import Option
from mtctl.core.table_calendar import calendar_of, partition_calendar
from mtctl.core.times import parse_duration, parse_instant
from mtctl.core.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from enum import StrEnum

    from mtctl.core.statement import TableStatement

__all__ = [
    "PATTERN_KEYS",
    "PLAIN_KEYS",
    "TableOptions",
    "UpstreamRange",
    "calendar_of",
    "key_names",
    "merge_defaults",
    "mode_of",
    "partition_calendar",
    "partition_of",
    "table_options",
]

PLAIN_KEYS = (
    "mode", "start", "end", "time-zone", "schedule", "partition.grain", "partition.null", "refresh.auto",
    "refresh.delay", "refresh.open", "refresh.batch", "refresh.on-empty", "upstream", "retention.versions",
    "retention.age", "retention.bytes", "renamed.from", "evolve", *SCHEDULE_KEYS,
)  # fmt: skip
"""The keys that stand for themselves."""

PATTERN_KEYS = (
    "tags.<k>", "partition.fields.<col>.date-formatter", "upstream.<t>.range", "upstream.<t>.wait", "source.<s>.change",
    "source.<s>.version", "execution.<x>", "renamed.column.<new>",
)  # fmt: skip
"""The keys with a name inside."""

_SECOND = 1_000_000
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+)")
_REACH = re.compile(r"(?P<sign>[+-]?)[ ]?(?P<number>[0-9]{1,10})[ ]+(?P<unit>[A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRange:
    """Which part of an upstream an interval reads; `before` and `after` in microseconds as in `model.Read`."""

    kind: RangeKind
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """The typed values of all keys; None means not given where there is no fixed default.

    `start` and `end` are text, read in the table's zone once that is known; `refresh_delay` and `retention_age` are
    microseconds. Names of upstream tables and columns are in lower case, without schema. `written` are the pairs in
    force, defaults included; `places` says where each key stands, for errors found later.
    """

    mode: Mode | None = None
    start: str | None = None
    end: str | None = None
    time_zone: str | None = None
    schedule: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    partition_grain: Grain | None = None
    partition_formatters: Mapping[str, str] = field(default_factory=dict)
    partition_null: NullPolicy = NullPolicy.FAIL
    refresh_auto: bool = True
    refresh_delay: int = 0
    refresh_open: bool = False
    refresh_batch: int | None = None
    refresh_on_empty: EmptyPolicy = EmptyPolicy.CLEAR
    upstream: tuple[str, ...] | None = None
    upstream_range: Mapping[str, UpstreamRange] = field(default_factory=dict)
    upstream_wait: Mapping[str, bool] = field(default_factory=dict)
    source_change: Mapping[str, str] = field(default_factory=dict)
    source_version: Mapping[str, str] = field(default_factory=dict)
    retention_versions: int | None = None
    retention_age: int | None = None
    retention_bytes: int | None = None
    renamed_from: str | None = None
    column_renames: Mapping[str, str] = field(default_factory=dict)
    evolve: Evolve = Evolve.ON
    written: tuple[tuple[str, str], ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)


def merge_defaults(defaults: Iterable[tuple[str, str]], options: Iterable[Option]) -> tuple[Option, ...]:
    """Return the project's defaults, each replaced by a table's own pair of the same key, then the table's rest.

    Line 0 marks a pair that comes from the defaults.
    """
    merged = {key: Option(key=key, value=value, line=0, column=0) for key, value in defaults}
    merged |= {option.key: option for option in options}
    return tuple(merged.values())


def table_options(statement: TableStatement, defaults: Iterable[tuple[str, str]], *, where: str = "") -> TableOptions:
    """Return a statement's typed options over the project's defaults; `where` is the file, for errors.

    Errors (kind INVALID): `option_unknown` with the likely key, `option_value`, and those of times, durations, zones,
    date patterns and names, all placed at the key.
    """
    return _Reader(merge_defaults(defaults, statement.options), where or statement.file).read()


def key_names() -> tuple[str, ...]:
    """Return all keys of the list, for help and completion."""
    return PLAIN_KEYS + PATTERN_KEYS


class _Reader:
    """Reads pairs into keyword arguments of `TableOptions`."""

    def __init__(self, options: tuple[Option, ...], file: str) -> None:
        self.options = options
        self.file = file
        self.found: dict[str, object] = {}
        self.maps: dict[str, dict[str, object]] = {}

    def read(self) -> TableOptions:
        for option in self.options:
            self._one(option)
        for name, values in self.maps.items():
            self.found[name] = tuple(values.items()) if name == "tags" else values
        self.found["written"] = tuple((option.key, option.value) for option in self.options)
        self.found["places"] = {option.key: self.where(option) for option in self.options}
        return TableOptions(**self.found)  # type: ignore[arg-type]

    def _one(self, option: Option) -> None:
        key = option.key
        if is_schedule_key(key):  # kept in `written`; the table's workflow is made of them
            check_schedule_key(key, option.value, where=self.where(option))
            return
        single = _SINGLE.get(key)
        if single is not None:
            name, read = single
            self.found[name] = read(option, self)
            return
        for prefix, suffix, name, read in _NAMED:
            inner = key[len(prefix) : len(key) - len(suffix)]
            if key.startswith(prefix) and key.endswith(suffix) and inner and len(prefix) + len(suffix) < len(key):
                values = self.maps.setdefault(name, {})
                inner = _inner(inner, name, option, self)
                if inner in values:
                    raise self.bad(option, "names the same thing as an earlier key", "keep one of the two")
                values[inner] = read(option, self)
                return
        near = closest(key, key_names())
        raise MtctlError(
            "option_unknown", f"'{printable(key[:80])}' is not an option", kind=Kind.INVALID, where=self.where(option),
            fix=f"did you mean '{near}'?" if near else f"the options are {', '.join(key_names())}",
            details={"did_you_mean": [near]} if near else None,
        )  # fmt: skip

    def where(self, option: Option) -> str:
        if option.line == 0:
            return f"[defaults] {printable(option.key[:80])}"
        place = f"{printable(self.file)}:{option.line}:{option.column}"
        return place if self.file else f"'{printable(option.key[:80])}'"

    def bad(self, option: Option, what: str, fix: str) -> MtctlError:
        value = printable(option.value[:80])
        return MtctlError(
            "option_value", f"'{printable(option.key[:80])}' = '{value}' {what}", kind=Kind.INVALID,
            where=self.where(option), fix=fix,
        )  # fmt: skip


def _inner(text: str, name: str, option: Option, reader: _Reader) -> str:
    match name:
        case "upstream_range" | "upstream_wait":
            return _table(text, option, reader)
        case "partition_formatters" | "column_renames":
            return text.lower()
        case "tags" if not _TAG.fullmatch(text):
            raise reader.bad(option, "has a tag name that cannot be typed", "use letters, digits, _ . - (at most 63)")
        case _:
            return text


def _table(text: str, option: Option, reader: _Reader) -> str:
    return check_table_name(text, where=reader.where(option))


def _choice(kind: type[StrEnum]) -> Callable[[Option, _Reader], object]:
    def read(option: Option, reader: _Reader) -> object:
        for member in kind:
            if option.value.lower() == member.value:
                return member
        raise reader.bad(option, "is not a choice", f"write {' or '.join(member.value for member in kind)}")

    return read


def _switch(option: Option, reader: _Reader) -> bool:
    if option.value.lower() not in {"on", "off"}:
        raise reader.bad(option, "is neither on nor off", "write on or off")
    return option.value.lower() == "on"


def _change(option: Option, reader: _Reader) -> str:
    if option.value.lower() not in {"ignore", "restate"}:
        raise reader.bad(option, "is not a choice", "write ignore or restate")
    return option.value.lower()


def _whole(low: int, high: int) -> Callable[[Option, _Reader], int]:
    def read(option: Option, reader: _Reader) -> int:
        text = option.value.strip()
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or not low <= int(text) <= high:
            raise reader.bad(option, "is out of range", f"write a whole number from {low} to {high}")
        return int(text)

    return read


def _bytes(option: Option, reader: _Reader) -> int:
    found = size_of(option.value)
    if not found:
        raise reader.bad(option, "is not a size", "write for example '500 MB' or '2 GiB'")
    return found


def _duration(option: Option, reader: _Reader) -> int:
    return parse_duration(option.value, field=reader.where(option))


def _delay(option: Option, reader: _Reader) -> int:
    return parse_duration(option.value, field=reader.where(option), allow_zero=True)


def _instant(option: Option, reader: _Reader) -> str:
    # Whether the time exists depends on the zone; its shape does not.
    try:
        parse_instant(option.value, "UTC", field=reader.where(option), kind=Kind.INVALID)
    except MtctlError as error:
        error.what = f"'{option.key}': {error.what}"
        raise
    return option.value.strip()


def _zone(option: Option, reader: _Reader) -> str:
    zone(option.value, where=reader.where(option))
    return option.value


def _line(option: Option, reader: _Reader) -> str:
    text = option.value.strip()
    if not text or len(text) > 1000 or printable(text) != text:
        raise reader.bad(option, "is empty or not one visible line", "write one line of at most 1,000 characters")
    return text


def _schedule(option: Option, reader: _Reader) -> str:
    """Read a schedule: cron, Quartz, `@daily` and its like, or `every N unit`."""
    from mtctl.core.schedule import rule_of  # noqa: PLC0415 - most tables have none

    text = _line(option, reader)
    dialect = next((each.value.strip().lower() for each in reader.options if each.key == "schedule.dialect"), None)
    rule_of(text, dialect, where=reader.where(option))
    return text


def _statement(option: Option, reader: _Reader) -> str:
    if not re.match(r"\s*(select|with|from)\b", option.value, re.IGNORECASE):
        raise reader.bad(option, "is not a query", "write SELECT … that yields the version of the source")
    return option.value.strip()


def _pattern(option: Option, reader: _Reader) -> str:
    return Formatter.parse(option.value, where=reader.where(option)).pattern


def _tables(option: Option, reader: _Reader) -> tuple[str, ...]:
    names = [_relation(part, option, reader) for part in option.value.split(",") if part.strip()]
    return tuple(dict.fromkeys(names))


def _relation(text: str, option: Option, reader: _Reader) -> str:
    """Return a name as a query reads it; the first of several parts may be a source, whose tables obey no rule here."""
    parts = [part.strip() for part in text.split(".")]
    if len(parts) == 1 or (len(parts) == 2 and parts[0].lower() == MAIN):
        return _table(text, option, reader)
    if len(parts) > 3 or not all(parts) or any(len(part) > MAX_COLUMN or printable(part) != part for part in parts):
        raise reader.bad(option, "does not name tables", "write 'table', 'schema.table' or 'source.schema.table'")
    return ".".join(parts).lower()


def _renamed(option: Option, reader: _Reader) -> str:
    return _table(option.value, option, reader)


def _range(option: Option, reader: _Reader) -> UpstreamRange:
    """Read `all`, `ignore`, `overlap`, `latest` or `<reach>..<reach>`, a reach being 0 or `-7 DAY`."""
    text = option.value.strip()
    if text.lower() in set(RangeKind):
        return UpstreamRange(kind=RangeKind(text.lower()))
    match = _RANGE.fullmatch(text)
    reach = (_reach(match["low"]), _reach(match["high"])) if match else (None, None)
    before, after = reach
    if before is None or after is None or before > after:
        raise reader.bad(option, "is not a range", "write for example '-7 DAY..0', 'overlap', 'all' or 'ignore'")
    return UpstreamRange(kind=RangeKind.OVERLAP, before=before, after=after)


def _reach(text: str) -> int | None:
    text = text.strip()
    if text in {"0", "+0", "-0"}:
        return 0
    match = _REACH.fullmatch(text)
    if match is None:
        return None
    try:
        length = parse_freshness(match["number"], match["unit"]).seconds * _SECOND
    except MtctlError:
        return None
    return -length if match["sign"] == "-" else length


_SINGLE: dict[str, tuple[str, Callable[[Option, _Reader], object]]] = {
    "mode": ("mode", _choice(Mode)),
    "start": ("start", _instant),
    "end": ("end", _instant),
    "time-zone": ("time_zone", _zone),
    "schedule": ("schedule", _schedule),
    "partition.grain": ("partition_grain", _choice(Grain)),
    "partition.null": ("partition_null", _choice(NullPolicy)),
    "refresh.auto": ("refresh_auto", _switch),
    "refresh.delay": ("refresh_delay", _delay),
    "refresh.open": ("refresh_open", _switch),
    "refresh.batch": ("refresh_batch", _whole(1, 10_000)),
    "refresh.on-empty": ("refresh_on_empty", _choice(EmptyPolicy)),
    "upstream": ("upstream", _tables),
    "retention.versions": ("retention_versions", _whole(1, 1_000_000)),
    "retention.age": ("retention_age", _duration),
    "retention.bytes": ("retention_bytes", _bytes),
    "renamed.from": ("renamed_from", _renamed),
    "evolve": ("evolve", _choice(Evolve)),
}
_NAMED: tuple[tuple[str, str, str, Callable[[Option, _Reader], object]], ...] = (
    ("tags.", "", "tags", _line),
    ("partition.fields.", ".date-formatter", "partition_formatters", _pattern),
    ("upstream.", ".range", "upstream_range", _range),
    ("upstream.", ".wait", "upstream_wait", _switch),
    ("source.", ".change", "source_change", _change),
    ("source.", ".version", "source_version", _statement),
    (RENAMED_COLUMN, "", "column_renames", _line),
)
