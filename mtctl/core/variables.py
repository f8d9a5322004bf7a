"""Floor 0. The variables that a query may name, and their values for one interval.

They reach the engine as named parameters, bound and never spliced. The `${system.biz.date}` spelling of Alibaba's
workflows is rewritten to the parameter outside comments; inside quotes only where it is the whole literal, because a
part of a literal could only be spliced.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.core.interval import Interval
    from mtctl.core.model import Instant

INTERVAL_VARIABLES = ("interval_start", "interval_end", "logical_date")
"""Variables that only a table with intervals has."""

SYSTEM_VARIABLES = ("system_biz_date", "system_biz_curdate", "system_datetime")
"""Alibaba's variables: the day before the fire, the day of the fire, the fire, as digits."""

_OURS = ("system.", "interval_", "logical_")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECES = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<text>'(?:[^']|'')*')
      | (?P<name>"(?:[^"]|"")*")
      | (?P<variable>\$\{[^}\n]*\})""",
    re.VERBOSE | re.DOTALL,
)

_NAME_BEFORE = re.compile(r"(\.|\b(from|join|into|update|table|view|schema|database|attach|as))\s*$", re.IGNORECASE)
_VALUE_BEFORE = re.compile(r"(\bdistinct\s+|\b(extract|substring|trim|overlay)\s*\([^()]*)from\s*$", re.IGNORECASE)


def rewrite_variables(
    query: str, known: Iterable[str] | None = None, identifiers: Mapping[str, str] | None = None
) -> str:
    """Return the query with each `${system.biz.date}` turned into the parameter `$system_biz_date`.

    `known` are further names (a workflow's); `identifiers` those of them that stand for a name, each with its quoted
    text. Raises invalid `variable_unknown`, `variable_in_text`, and `variable_identifier` where a value stands in the
    place of a name.
    """
    names = (*INTERVAL_VARIABLES, *SYSTEM_VARIABLES, *(known or ()))
    spliced = identifiers or {}

    def replace(match: re.Match[str]) -> str:
        piece = match.group()
        if match.lastgroup == "variable":
            name = _known(piece, names)
            if name in spliced:
                return spliced[name]
            if _names_something(query, match.start(), match.end()):
                raise _not_a_name(piece)
            return f"${name}"
        if match.lastgroup == "name" and re.fullmatch(r"\$\{[^}\n]*\}", piece[1:-1]) and known is not None:
            name = _known(piece[1:-1], names)
            if name not in spliced:
                raise _not_a_name(piece)
            return spliced[name]
        if match.lastgroup == "text" and "${" in piece:
            inner = piece[1:-1]
            if re.fullmatch(r"\$\{[^}\n]*\}", inner):
                return f"${_known(inner, names)}"
            inside = [variable_name(found[1]) for found in re.finditer(r"\$\{([^}\n]*)", inner)]
            if any(name in names or name.startswith(_OURS) for name in inside):
                raise invalid(
                    "variable_in_text",
                    f"a variable stands inside the text {piece[:60]}",
                    fix="write it alone and join with ||, for example 'p=' || '${system.biz.date}'",
                )
        return piece

    return _PIECES.sub(replace, query)


def check_variables(params: Iterable[str], *, has_intervals: bool) -> None:
    """Refuse parameters that no interval or system variable gives; raises invalid `variable_unknown`."""
    known = (*INTERVAL_VARIABLES, *SYSTEM_VARIABLES) if has_intervals else SYSTEM_VARIABLES
    for name in params:
        if name in known:
            continue
        if name in INTERVAL_VARIABLES:
            raise invalid(
                "variable_no_interval",
                f"${name} is used, but the table has no intervals",
                fix="add PARTITIONED BY and 'partition.grain', or remove it",
            )
        raise invalid(
            "variable_unknown", f"${name} is not a variable", fix=f"known are {', '.join('$' + item for item in known)}"
        )


def variable_values(
    params: Iterable[str], interval: Interval, zone_name: str, partition_type: str
) -> dict[str, object]:
    """Return the values of the named parameters for one interval, typed by the partition column.

    `interval_start` and `interval_end` are aware datetimes for TIMESTAMPTZ, dates for DATE, else naive datetimes in the
    table's zone. The system variables are Alibaba's: the fire is the end of the interval.
    """
    return _values(params, interval.start, interval.end, zone_name, partition_type)


def request_values(params: Iterable[str], requested_at: Instant, zone_name: str) -> dict[str, object]:
    """Return the system variables of a whole-table refresh: the fire is the instant of the request."""
    return _values(params, requested_at, requested_at, zone_name, "TIMESTAMP")


def _values(
    params: Iterable[str], start: Instant, fire: Instant, zone_name: str, partition_type: str
) -> dict[str, object]:
    local_fire = _local(fire, zone_name)
    values: dict[str, object] = {}
    for name in params:
        match name:
            case "interval_start":
                values[name] = _edge(start, zone_name, partition_type)
            case "interval_end":
                values[name] = _edge(fire, zone_name, partition_type)
            case "logical_date":
                values[name] = _local(start, zone_name).date()
            case "system_biz_date":
                values[name] = (local_fire.date() - timedelta(days=1)).strftime("%Y%m%d")
            case "system_biz_curdate":
                values[name] = local_fire.strftime("%Y%m%d")
            case "system_datetime":
                values[name] = local_fire.strftime("%Y%m%d%H%M%S")
            case _:
                raise invalid("variable_unknown", f"${name} is not a variable")
    return values


def _edge(instant: Instant, zone_name: str, partition_type: str) -> datetime | date:
    match partition_type:
        case "DATE":
            return _local(instant, zone_name).date()
        case "TIMESTAMP WITH TIME ZONE" | "TIMESTAMPTZ":
            return _EPOCH + timedelta(microseconds=instant)
        case _:
            return _local(instant, zone_name).replace(tzinfo=None)


def _local(instant: Instant, zone_name: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone(zone_name))


def variable_name(text: str) -> str:
    """Return the parameter's name of what stands between the braces: Alibaba writes dots where SQL needs `_`."""
    name = text.strip()
    dotless = name.replace(".", "_")
    return dotless if dotless in {*INTERVAL_VARIABLES, *SYSTEM_VARIABLES} else name


def _known(text: str, names: tuple[str, ...]) -> str:
    name = variable_name(text[2:-1])
    if name not in names:
        raise invalid(
            "variable_unknown", f"{text} is not a variable", fix=f"known are {', '.join('$' + item for item in names)}"
        )
    return name


def _names_something(query: str, start: int, end: int) -> bool:
    """Return whether what stands there names a table, a column or their like: it could only be spliced."""
    before = query[max(0, start - 200) : start]
    if query[end : end + 1] == ".":
        return True
    return _NAME_BEFORE.search(before) is not None and _VALUE_BEFORE.search(before) is None


def _not_a_name(piece: str) -> MtctlError:
    return invalid(
        "variable_identifier", f"{piece} stands where a name belongs, and a value is never a name",
        fix='declare it with type = "identifier"',
    )  # fmt: skip
