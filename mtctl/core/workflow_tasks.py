"""Floor 0. One `[[tasks]]` of a workflow file as a checked task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mtctl.core.command_rules import check_command, check_env_name, check_shell_text
from mtctl.core.errors import invalid
from mtctl.core.names import check_table_name, closest, printable
from mtctl.core.substitution import json_text, parameters_in
from mtctl.core.workflow import (
    HIGHEST,
    LOWEST,
    CommandSpec,
    Export,
    HttpSpec,
    RefreshSpec,
    SqlSpec,
    TaskKind,
    Variable,
    VariableKind,
    VariableType,
    WorkflowTask,
)
from mtctl.core.workflow_fields import Fields, check_plain_name, kind_of
from mtctl.core.workflow_notify import notice_rules
from mtctl.core.workflow_variables import BUILT_IN, MOST_VARIABLES, check_variable, names_in

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from mtctl.core.workflow import Spec

MOST_RETRIES = 100
"""Retries of one task."""

LONGEST_TIMEOUT = 366 * 86_400 * 1_000_000
"""Longest time of one try that is written down, in microseconds; longer is for ever, `"0"`."""

FORMATS = ("parquet", "csv", "json")
"""What an export may be."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""The methods of a request."""

TASK_KEYS = (
    "name", "table", "sql", "command", "http", "upstream", "retries", "timeout", "queue", "priority", "retry_lost",
    "when", "max_rows", "variables", "tags", "notify", "settings",
    "shell", "env", "inherit", "folder", "ok", "transient",
)  # fmt: skip
"""The keys of a task; the last row belongs to commands."""

_KINDS = {"table": TaskKind.REFRESH, "sql": TaskKind.SQL, "command": TaskKind.COMMAND, "http": TaskKind.HTTP}
_COMMAND_KEYS = ("shell", "env", "inherit", "folder", "ok", "transient")
_VARIABLE_KEYS = ("value", "time", "offset", "expression", "type")
_LEADING = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)*", re.DOTALL)
_SELECT = re.compile(r"(select|with|from)\b|\(", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SHELL_SIGNS = re.compile(r"[;|&$()<>`]")


def read_task(document: Any, at: int, known: Sequence[Variable], file: str) -> WorkflowTask:
    """Return the task of one table of `[[tasks]]`, the `at`-th from 1; `known` are the workflow's variables.

    Errors are INVALID, placed at the key; edges between tasks are the workflow's to check.
    """
    place = f"tasks[{at}]"
    if not isinstance(document, dict):
        what = f"a task is {kind_of(document)}, not a table"
        raise invalid("workflow_value", what, where=f"{file}: {place}", fix="write [[tasks]] and its keys")
    fields = Fields(document, TASK_KEYS, file=file, path=place)
    kind = _kind(fields)
    variables = read_variables(fields)
    seen = {*BUILT_IN, *(each.name for each in (*variables, *known))}
    spec = _spec(kind, fields, seen)
    name = fields.text("name") or (spec.table if isinstance(spec, RefreshSpec) else None)
    if name is None:
        raise fields.bad("name", "is missing", 'add name = "…"')
    timeout = fields.duration("timeout", zero=True)
    if timeout is not None and timeout > LONGEST_TIMEOUT:
        raise fields.bad("timeout", "is longer than a year", 'write "0" for ever')
    return WorkflowTask(
        name=check_plain_name(name, "task", where=fields.where("name")),
        kind=kind,
        spec=spec,
        upstream=fields.names("upstream", "task"),
        retries=fields.whole("retries", 0, MOST_RETRIES),
        timeout=timeout,
        queue=read_name(fields, "queue"),
        priority=fields.whole("priority", HIGHEST, LOWEST),
        retry_lost=fields.flag("retry_lost", default=True),
        when=_query(fields, "when", seen),
        max_rows=_max_rows(fields, kind),
        variables=variables,
        tags=fields.tags("tags"),
        settings=fields.settings("settings"),
        notify=notice_rules(fields),
    )


def read_name(fields: Fields, key: str) -> str | None:
    """Return the name of a queue or its like, None where it is not given."""
    text = fields.text(key)
    return None if text is None else check_plain_name(text, key, where=fields.where(key))


def read_variables(fields: Fields) -> tuple[Variable, ...]:
    """Return the variables of `variables`; each has exactly one of value, time and expression."""
    table = fields.table("variables")
    if len(table) > MOST_VARIABLES:
        raise fields.bad("variables", f"holds {len(table):,} variables", f"make at most {MOST_VARIABLES}")
    return tuple(_variable(name, value, fields) for name, value in table.items())


def _variable(name: str, value: Any, fields: Fields) -> Variable:
    if not isinstance(value, dict):  # `day = "x"` is short for `day = {value = "x"}`
        value = {"value": value}
    place = f"{fields.path}.variables.{printable(name[:80])}".strip(".")
    inner = Fields(value, _VARIABLE_KEYS, file=fields.file, path=place)
    given = [key for key in ("value", "time", "expression") if key in inner]
    if len(given) != 1:
        what = f"variable has {' and '.join(given) or 'no value'}"
        raise invalid("variable_kind", what, where=inner.where(), fix="write one of value, time and expression")
    kind = inner.choice("type", VariableType) or VariableType.TEXT
    offset = inner.text("offset", one_line=True) or ""
    if offset and given != ["time"]:
        raise inner.bad("offset", "belongs to a time", 'write time = "yyyy-MM-dd" beside it')
    text = _variable_text(inner, given[0], kind)
    way = {"value": VariableKind.STATIC, "time": VariableKind.TIME, "expression": VariableKind.EXPRESSION}[given[0]]
    variable = Variable(name=name, kind=way, value=text, type=kind, offset=offset)
    return check_variable(variable, where=inner.where())


def _variable_text(inner: Fields, key: str, kind: VariableType) -> str:
    value = inner.raw(key)
    if key == "value" and hasattr(value, "isoformat"):
        return str(value.isoformat())
    if key == "value" and isinstance(value, int) and not isinstance(value, bool) and kind is VariableType.INTEGER:
        return str(value)
    return inner.checked_text(key, value, one_line=False, empty=key != "time")


def _kind(fields: Fields) -> TaskKind:
    given = [key for key in _KINDS if key in fields]
    if len(given) > 1:
        what = f"a task has {' and '.join(given)}"
        raise invalid("task_kind", what, where=fields.where(), fix="make a task of each, joined by upstream")
    if not given:
        what = "a task does nothing"
        raise invalid("task_kind", what, where=fields.where(), fix=f"add one of {', '.join(_KINDS)}")
    if given != ["command"]:
        for key in _COMMAND_KEYS:
            if key in fields:
                raise fields.bad(key, "belongs to a command", f"remove it, or write {given[0]} as a command")
    return _KINDS[given[0]]


def _spec(kind: TaskKind, fields: Fields, seen: Container[str]) -> Spec:
    match kind:
        case TaskKind.REFRESH:
            text = fields.checked_text("table", fields.raw("table"))
            return RefreshSpec(table=check_table_name(text, where=fields.where("table")))
        case TaskKind.SQL:
            return _sql(fields, seen)
        case TaskKind.COMMAND:
            return _command(fields, seen)
        case TaskKind.HTTP:
            return _http(fields.inner("http", ("method", "url", "headers", "body", "ok")), seen)


def _max_rows(fields: Fields, kind: TaskKind) -> int | None:
    if "max_rows" in fields and kind is not TaskKind.REFRESH:
        raise fields.bad("max_rows", "belongs to a refresh", "remove it")
    return fields.whole("max_rows", 1, 2**62)


# --- sql --------------------------------------------------------------------------------------------------------


def _sql(fields: Fields, seen: Container[str]) -> SqlSpec:
    inner = fields.inner("sql", ("exports", "script", "database"))
    exports = tuple(_export(inner, at, value, seen) for at, value in enumerate(inner.items("exports"), 1))
    script, database = inner.text("script"), inner.text("database", one_line=True)
    if exports and (script is not None or database is not None):
        raise invalid("task_kind", "sql has exports and a script", where=inner.where(), fix="make a task of each")
    if exports:
        return SqlSpec(exports=exports)
    if script is None or database is None:
        lacking = "script" if database is not None else "database" if script is not None else ""
        what = f"sql has no {lacking}" if lacking else "sql does nothing"
        fix = f"add {lacking}" if lacking else "add exports, or a script and its database"
        raise invalid("task_kind", what, where=inner.where(), fix=fix)
    _check_names(script, seen, inner.where("script"))
    _check_path(database, inner, "database")
    return SqlSpec(script=script, database=database)


def _export(inner: Fields, at: int, value: Any, seen: Container[str]) -> Export:
    place = f"{inner.path}.exports[{at}]"
    if not isinstance(value, dict):
        what = f"an export is {kind_of(value)}, not a table"
        fix = 'write {query = "SELECT …", path = "out/x.parquet"}'
        raise invalid("workflow_value", what, where=f"{inner.file}: {place}", fix=fix)
    fields = Fields(value, ("query", "path", "format"), file=inner.file, path=place)
    query, path = _query(fields, "query", seen), fields.text("path", one_line=True)
    if query is None or path is None:
        key = "query" if query is None else "path"
        raise fields.bad(key, "is missing", f"add {key}")
    _check_names(path, seen, fields.where("path"))
    _check_path(path, fields, "path")
    kind = fields.text("format")
    if kind is None:
        kind = path.rpartition(".")[2].lower()
        if kind not in FORMATS:
            raise fields.bad("format", "is missing", f"add format, one of {', '.join(FORMATS)}")
    if kind not in FORMATS:
        raise fields.bad("format", f"is '{printable(kind[:80])}'", f"write one of {', '.join(FORMATS)}")
    return Export(query=query, path=path, format=kind)


def _query(fields: Fields, key: str, seen: Container[str]) -> str | None:
    text = fields.text(key)
    if text is None:
        return None
    start = _LEADING.match(text)
    if not _SELECT.match(text, start.end() if start else 0):
        raise fields.bad(key, "is not a query", "write SELECT …")
    _check_names(text, seen, fields.where(key))
    return text


def _check_names(text: str, seen: Container[str], where: str) -> None:
    """Refuse variables that nobody declared, in `${x}` as in `$x`."""
    for name in (*names_in(text), *parameters_in(text)):
        if name not in seen:
            near = closest(name, [*BUILT_IN, *(seen if isinstance(seen, set) else ())])
            fix = f"did you mean '{near}'?" if near else "declare it under [variables]"
            raise invalid("variable_unknown", f"'{printable(name)}' is not a variable", where=where, fix=fix)


def _check_path(path: str, fields: Fields, key: str) -> None:
    if any(part == ".." for part in path.split("/")) or path.endswith("/"):
        raise fields.bad(key, "does not name a file below a folder", "write a path without ..")


# --- command ----------------------------------------------------------------------------------------------------


def _command(fields: Fields, seen: Container[str]) -> CommandSpec:
    shell = fields.flag("shell", default=False)
    env = tuple(_env(fields, name, value, seen) for name, value in fields.table("env").items())
    argv = _argv(fields, seen, {name for name, _ in env}, shell=shell)
    inherit = fields.texts("inherit")
    for name in inherit:
        check_env_name(name, where=fields.where("inherit"), inherited=True)
    return CommandSpec(
        argv=argv,
        shell=shell,
        env=env,
        inherit=inherit,
        folder=_folder(fields),
        ok=_numbers(fields, "ok", 0, 255) or (0,),
        transient=_numbers(fields, "transient", 1, 255),
    )


def _argv(fields: Fields, seen: Container[str], env: Container[str], *, shell: bool) -> tuple[str, ...]:
    value, where = fields.raw("command"), fields.where("command")
    if isinstance(value, str):
        if not shell:
            signs = " with signs of a shell" if _SHELL_SIGNS.search(value) else ""
            raise invalid(
                "command_string", f"command is one text{signs}", where=where,
                fix='write a list, command = ["program", "argument"], or add shell = true',
            )  # fmt: skip
        text = fields.checked_text("command", value, one_line=False)
        check_shell_text(text, env, seen, where=where)
        return (text,)
    if shell:
        raise invalid("command_string", "shell = true takes one text", where=where, fix='write command = "…"')
    argv = tuple(fields.checked_text("command", word, one_line=False, empty=True) for word in fields.items("command"))
    check_command(argv, where=where)
    for word in argv:
        for name in names_in(word):
            if name not in seen:
                fix = "declare it under [variables]; $${…} writes it down as it is"
                raise invalid("variable_unknown", f"'{name}' is not a variable", where=where, fix=fix)
    return argv


def _env(fields: Fields, name: str, value: Any, seen: Container[str]) -> tuple[str, str]:
    where = fields.where(f"env.{name}")
    check_env_name(name, where=where)
    text = fields.checked_text(f"env.{name}", value, one_line=False, empty=True)
    _check_texts(text, seen, where)
    return name, text


def _check_texts(text: str, seen: Container[str], where: str) -> None:
    for name in names_in(text):
        if name not in seen:
            fix = "declare it under [variables]; $${…} writes it down as it is"
            raise invalid("variable_unknown", f"'{printable(name)}' is not a variable", where=where, fix=fix)


def _folder(fields: Fields) -> str | None:
    folder = fields.text("folder", one_line=True)
    if folder is None:
        return None
    if folder.startswith(("/", "~")) or ".." in folder.split("/") or names_in(folder):
        raise fields.bad("folder", "is not a folder inside the project", "write it relative to the project, without ..")
    return folder


def _numbers(fields: Fields, key: str, low: int, high: int) -> tuple[int, ...]:
    value = fields.raw(key)
    values = [value] if isinstance(value, int) and not isinstance(value, bool) else fields.items(key)
    return tuple(dict.fromkeys(fields.checked_whole(key, each, low, high) for each in values))


# --- http -------------------------------------------------------------------------------------------------------


def _http(fields: Fields, seen: Container[str]) -> HttpSpec:
    method = (fields.text("method") or "GET").upper()
    if method not in METHODS:
        raise fields.bad("method", f"is '{printable(method[:40])}'", f"write one of {', '.join(METHODS)}")
    url = fields.text("url", one_line=True)
    if url is None:
        raise fields.bad("url", "is missing", 'add url = "https://…"')
    _check_url(url, fields.where("url"))
    _check_texts(url, seen, fields.where("url"))
    headers = tuple(_header(fields, name, value, seen) for name, value in fields.table("headers").items())
    lowered = [name.lower() for name, _ in headers]
    if len(set(lowered)) < len(lowered):
        raise fields.bad("headers", "hold one name twice", "keep one of them")
    body = _body(fields, seen)
    if body is not None and method in {"GET", "HEAD"}:
        raise fields.bad("body", f"has no place in {method}", 'write method = "POST"')
    if body is not None and not isinstance(fields.raw("body"), str) and "content-type" not in lowered:
        headers += (("Content-Type", "application/json"),)
    ok = _numbers(fields, "ok", 100, 599)
    return HttpSpec(method=method, url=url, headers=headers, body=body, ok=ok)


def _check_url(url: str, where: str) -> None:
    """Refuse what is no address of a web server, names a user, or leaves scheme or host to a variable."""
    shown = printable(url[:80])
    head, _, rest = url.partition("://")
    if head.lower() not in {"http", "https"}:
        raise invalid("http_url", f"'{shown}' is not http or https", where=where, fix="write http:// or https://")
    if re.search(r"[\s\x00-\x1f\x7f\\]", url) or not url.isascii():
        raise invalid("http_url", f"'{shown}' holds a character no URL has", where=where, fix="percent-encode it")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "$" in host:
        raise invalid("http_url", f"the host of '{shown}' is a variable", where=where, fix="write the host itself")
    if "@" in host:
        raise invalid("http_url", "the URL holds a user name or password", where=where,
                      fix='write headers = {Authorization = "env:NAME"}')  # fmt: skip
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right = False
    if not port_is_right or not parts.hostname:
        raise invalid("http_url", f"'{shown}' has no host or a wrong port", where=where, fix="write http://host:port/…")


def _header(fields: Fields, name: str, value: Any, seen: Container[str]) -> tuple[str, str]:
    where = fields.where(f"headers.{name}")
    if not _TOKEN.fullmatch(name) or name.lower() in {"host", "content-length", "transfer-encoding", "connection"}:
        raise invalid("http_header", f"'{printable(name[:80])}' cannot be set as a header", where=where,
                      fix="remove it")  # fmt: skip
    if not isinstance(value, str) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or not value.isascii():
        raise invalid("http_header", f"the value of '{name}' is not one line of ASCII text", where=where,
                      fix="write one line")  # fmt: skip
    _check_texts(value, seen, where)
    return name, value


def _body(fields: Fields, seen: Container[str]) -> str | None:
    value = fields.raw("body")
    if value is None:
        return None
    text = (
        json_text(value)
        if isinstance(value, dict | list)
        else fields.checked_text("body", value, one_line=False, empty=True)
    )
    _check_texts(text, seen, fields.where("body"))
    return text
