"""Floor 0. The variables of a workflow: their values at a fire, and putting them into texts.

A value is looked at once and never again: what it holds is data, also where it looks like `${…}`. Into SQL values are
bound; everywhere else they are written in the way of the place (percent-encoded in a URL, escaped in JSON).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from mtctl.core.calendar import show
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import closest, printable
from mtctl.core.partition import Formatter
from mtctl.core.selector import find_cycle, topological
from mtctl.core.values import replace
from mtctl.core.variables import SYSTEM_VARIABLES, request_values, variable_name
from mtctl.core.workflow import Variable, VariableKind, VariableType
from mtctl.core.zones import first_at, to_wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mtctl.core.model import Instant
    from mtctl.core.workflow import WorkflowDefinition, WorkflowTask

BUILT_IN = {
    "interval_start": VariableType.TIMESTAMP,
    "interval_end": VariableType.TIMESTAMP,
    "logical_date": VariableType.DATE,
    "system_biz_date": VariableType.TEXT,
    "system_biz_curdate": VariableType.TEXT,
    "system_datetime": VariableType.TEXT,
}
"""The variables that every workflow has: ISO times with offset, the local date that the data interval begins on, and
Alibaba's digits."""

MOST_VARIABLES = 500
"""Variables of one workflow or task."""

MOST_CHARACTERS = 64 << 10
"""Characters of all values of one instance together."""

TOKEN = re.compile(r"\$\{[ ]?(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)[ ]?\}")
"""A variable in a text; `$${name}` writes it down without meaning it, and any other `${` is text."""

_PIECE = re.compile(r"(?P<escape>\$\$(?=\{))|" + TOKEN.pattern)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_OFFSET = re.compile(r"(?P<sign>[+-]?)[ ]?(?P<number>[0-9]{1,6})[ ]+(?P<unit>[A-Za-z]+)")
_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of the variables that a text holds, in order, each once."""
    found = [variable_name(match["name"]) for match in _PIECE.finditer(text) if match["name"]]
    return tuple(dict.fromkeys(found))


def check_variable(variable: Variable, *, where: str = "") -> Variable:
    """Return a variable whose name, pattern, offset and (of a static one) value are right; errors are INVALID.

    `variable_name`, `variable_type`, `variable_identifier`, `variable_static`, `variable_offset`, `date_formatter`.
    """
    if not _NAME.fullmatch(variable.name):
        raise invalid(
            "variable_name", f"'{printable(variable.name[:80])}' cannot name a variable", where=where,
            fix="use letters, digits and _, at most 63, not beginning with a digit",
        )  # fmt: skip
    if variable.name in BUILT_IN:
        raise invalid("variable_name", f"'{variable.name}' is built in", where=where, fix="choose another name")
    if "\0" in variable.value:
        raise invalid("variable_type", f"'{variable.name}' contains a NUL character", where=where, fix="remove it")
    match variable.kind:
        case VariableKind.STATIC:
            if TOKEN.search(variable.value):
                what = f"the value of '{variable.name}' holds a variable"
                raise invalid("variable_static", what, where=where, fix="write it as expression = …")
            check_type(variable.name, variable.value, variable.type, where=where)
        case VariableKind.TIME:
            Formatter.parse(variable.value, where=where)
            _offset(variable.offset, where=where)
        case VariableKind.EXPRESSION:
            pass
    return variable


def check_type(name: str, value: str, kind: VariableType, *, where: str = "") -> None:
    """Refuse a value that its type does not have: errors `variable_type`, `variable_identifier`."""
    if _value(value, kind) is not None:
        return
    shown = printable(value[:80])
    if kind is VariableType.IDENTIFIER:
        what = f"the value '{shown}' of '{name}' is not an identifier"
        raise invalid("variable_identifier", what, where=where, fix="use letters, digits and _, at most 63")
    example = {"integer": "42", "date": "2026-03-01", "timestamp": "2026-03-01T02:00:00"}.get(kind, "a text")
    what = f"the value '{shown}' of '{name}' is not of type {kind}"
    raise invalid("variable_type", what, where=where, fix=f"write for example {example}")


def resolve(
    workflow_variables: Sequence[Variable],
    task_variables: Sequence[Variable],
    *,
    fire: Instant,
    logical_date: Instant,
    zone: str,
    params: Mapping[str, str],
) -> dict[str, str]:
    """Return the text of every variable: `params` beat the workflow's, those beat the task's defaults.

    Errors (INVALID): `variable_unknown`, `variable_cycle` with its path, `variable_size`, `variable_type`,
    `variable_identifier`, `variable_time`; a parameter that nobody declared is `param_unknown` (USAGE).
    """
    declared = {each.name: each for each in (*task_variables, *workflow_variables)}
    _refuse_unknown(params, declared)
    if max(len(workflow_variables), len(task_variables)) > MOST_VARIABLES:
        raise invalid("variable_size", f"more than {MOST_VARIABLES} variables", fix="make fewer")
    values = built_in_values(fire=fire, logical_date=logical_date, zone=zone)
    room = MOST_CHARACTERS
    for name in _order(declared, params):
        variable = declared[name]
        value = params[name] if name in params else _text(variable, values, fire, zone, room)
        room -= len(value)
        if room < 0:
            raise _too_long(name)
        check_type(name, value, variable.type)
        values[name] = value
    return values


def built_in_values(*, fire: Instant, logical_date: Instant, zone: str) -> dict[str, str]:
    """Return the texts of the variables that every workflow has, for a data interval `[logical_date, fire)`."""
    digits = request_values(SYSTEM_VARIABLES, fire, zone)
    return {
        "interval_start": show(logical_date, zone),
        "interval_end": show(fire, zone),
        "logical_date": to_wall(logical_date, zone).date().isoformat(),
        **{name: str(value) for name, value in digits.items()},
    }


def resolve_instance(
    definition: WorkflowDefinition, *, fire: Instant, logical_date: Instant, params: Mapping[str, str]
) -> tuple[dict[str, str], tuple[WorkflowTask, ...]]:
    """Return what an instance keeps: its values, and its tasks with every variable they see made static.

    The values are the built-in ones and the workflow's; those that only a task declares stand in that task. Types
    stand in the tasks. Retries of tomorrow use both as they are. Errors as of `resolve`.
    """
    own = {each.name for task in definition.tasks for each in task.variables}
    _refuse_unknown(params, {*own, *(each.name for each in definition.variables)})

    def values_for(task_variables: Sequence[Variable]) -> dict[str, str]:
        names = {each.name for each in (*definition.variables, *task_variables)}
        given = {name: value for name, value in params.items() if name in names}
        return resolve(
            definition.variables, task_variables, fire=fire, logical_date=logical_date, zone=definition.zone,
            params=given,
        )  # fmt: skip

    shared = values_for(())
    tasks = []
    for task in definition.tasks:
        values = values_for(task.variables) if task.variables else shared
        declared = {each.name: each for each in (*task.variables, *definition.variables)}
        frozen = tuple(
            Variable(name=name, kind=VariableKind.STATIC, value=values[name], type=each.type)
            for name, each in declared.items()
        )
        tasks.append(replace(task, variables=frozen))
    return shared, tuple(tasks)


def task_values(task: WorkflowTask, stored: Mapping[str, str]) -> dict[str, str]:
    """Return the values that a task of an instance sees: its own frozen ones and the instance's."""
    return {each.name: each.value for each in task.variables} | dict(stored)


def task_types(task: WorkflowTask) -> dict[str, VariableType]:
    """Return the types of the variables that a frozen task sees."""
    return BUILT_IN | {each.name: each.type for each in task.variables}


def bound_values(
    names: Iterable[str], values: Mapping[str, str], types: Mapping[str, VariableType]
) -> dict[str, object]:
    """Return what is bound to named parameters: str, int, date or datetime (aware where the text has an offset).

    Errors `variable_unknown`, `variable_type`.
    """
    found: dict[str, object] = {}
    for name in names:
        if name not in values:
            raise _unknown(name, values)
        kind = types.get(name, VariableType.TEXT)
        check_type(name, values[name], kind)
        found[name] = _value(values[name], kind)
    return found


def _refuse_unknown(params: Mapping[str, str], declared: Iterable[str]) -> None:
    known = sorted(declared)
    for name in params:
        if name not in known:
            near = closest(name, known)
            raise MtctlError(
                "param_unknown", f"the workflow has no variable '{printable(name[:80])}'", kind=Kind.USAGE,
                where="--param",
                fix=f"did you mean '{near}'?" if near else f"it has {', '.join(known) or 'none'}",
                details={"did_you_mean": [near]} if near else None,
            )  # fmt: skip


def _order(declared: Mapping[str, Variable], params: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names so that each stands after what its expression holds; error `variable_cycle`."""
    uses: dict[str, frozenset[str]] = {}
    for name, variable in declared.items():
        expands = variable.kind is VariableKind.EXPRESSION and name not in params
        uses[name] = frozenset(names_in(variable.value)) & set(declared) if expands else frozenset()
    cycle = find_cycle(uses)
    if cycle is not None:
        path = " → ".join(cycle)
        raise invalid("variable_cycle", f"variables hold each other: {path}", fix="give one of them a value of its own")
    return topological(declared, uses)


def _text(variable: Variable, values: Mapping[str, str], fire: Instant, zone: str, room: int) -> str:
    match variable.kind:
        case VariableKind.STATIC:
            return variable.value
        case VariableKind.TIME:
            return _time(variable, fire, zone)
        case VariableKind.EXPRESSION:
            length = len(variable.value)
            for match in TOKEN.finditer(variable.value):
                name = variable_name(match["name"])
                if name not in values:
                    raise _unknown(name, values)
                length += len(values[name])
                if length > room + len(variable.value):  # before anything of that size is made
                    raise _too_long(variable.name)
            return fill(variable.value, values)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its variables as they are, `$${` as `${`; error `variable_unknown`."""

    def one(match: re.Match[str]) -> str:
        if match["escape"]:
            return "$"
        name = variable_name(match["name"])
        if name not in values:
            raise _unknown(name, values)
        return values[name]

    return _PIECE.sub(one, text)


def _time(variable: Variable, fire: Instant, zone: str) -> str:
    formatter = Formatter.parse(variable.value)
    count, unit = _offset(variable.offset)
    try:
        return formatter.format_wall(_moved(fire, zone, count, unit))
    except (OverflowError, ValueError):
        what = f"'{variable.name}' with its offset {variable.offset} leaves the calendar"
        raise invalid("variable_time", what, fix="write a smaller offset") from None


def _offset(text: str, *, where: str = "") -> tuple[int, str]:
    """Return count and unit of `-1 DAY`; error `variable_offset`."""
    if not text.strip():
        return 0, "day"
    match = _OFFSET.fullmatch(text.strip())
    unit = match["unit"].lower().removesuffix("s") if match else ""
    if match is None or unit not in _UNITS:
        raise invalid(
            "variable_offset", f"'{printable(text[:80])}' is not an offset", where=where,
            fix=f"write for example -1 DAY; the units are {', '.join(each.upper() for each in _UNITS)}",
        )  # fmt: skip
    count = int(match["number"])
    return (-count if match["sign"] == "-" else count), unit


def _moved(fire: Instant, zone: str, count: int, unit: str) -> datetime:
    """Return the wall time of a fire moved by an offset: by the clock below a day, by the calendar from a day on."""
    if unit in {"second", "minute", "hour"}:
        return to_wall(fire + count * {"second": 1, "minute": 60, "hour": 3600}[unit] * 1_000_000, zone)
    wall = to_wall(fire, zone)
    if unit in {"day", "week"}:
        moved = wall + timedelta(days=count * (7 if unit == "week" else 1))
    else:
        months = wall.year * 12 + wall.month - 1 + count * (12 if unit == "year" else 1)
        first = wall.replace(day=1, year=months // 12, month=months % 12 + 1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        moved = first.replace(day=min(wall.day, last.day))
    return to_wall(first_at(moved, zone), zone)


def _value(text: str, kind: VariableType) -> object:
    """Return the value of a text, None where it is not of the type."""
    try:
        return _READ[kind](text)
    except ValueError:
        return None


def _integer(text: str) -> int | None:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _timestamp(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if _DATE.fullmatch(text) or _TIMESTAMP.fullmatch(text) else None


_READ: dict[VariableType, Callable[[str], object]] = {
    VariableType.TEXT: lambda text: None if "\0" in text else text,
    VariableType.INTEGER: _integer,
    VariableType.DATE: lambda text: date.fromisoformat(text) if _DATE.fullmatch(text) else None,
    VariableType.TIMESTAMP: _timestamp,
    VariableType.IDENTIFIER: lambda text: text if _NAME.fullmatch(text) else None,
}


def _unknown(name: str, known: Iterable[str]) -> MtctlError:
    near = closest(name, known)
    return MtctlError(
        "variable_unknown", f"${{{printable(name[:80])}}} is not a variable", kind=Kind.INVALID,
        fix=f"did you mean '{near}'?" if near else f"declare it under [variables], or use {', '.join(BUILT_IN)}",
        details={"did_you_mean": [near]} if near else None,
    )  # fmt: skip


def _too_long(name: str) -> MtctlError:
    what = f"the variables have more than {MOST_CHARACTERS:,} characters with '{name}'"
    return invalid("variable_size", what, fix="pass a file instead of its contents")
