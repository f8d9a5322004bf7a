"""Floor 0. Puts the values of variables into the texts of tasks, each in the way of its place.

A value never becomes structure: into SQL it is bound, in a URL percent-encoded, in JSON escaped, in a path it is one
name. A shell's text gets none at all; it reads its environment.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote as percent_encoded

from mtctl.core.errors import invalid
from mtctl.core.names import printable, quote
from mtctl.core.variables import rewrite_variables
from mtctl.core.workflow import VariableType
from mtctl.core.workflow_variables import BUILT_IN, TOKEN, bound_values, check_type, fill, names_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETERS = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | \$(?P<tag>[A-Za-z_]?\w*)\$.*?\$(?P=tag)\$
      | \$(?P<name>[A-Za-z_][A-Za-z0-9_]*)""",
    re.VERBOSE | re.DOTALL,
)
_BARE_JSON = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null")
_JSON_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|' + TOKEN.pattern, re.DOTALL)


class Sql(NamedTuple):
    """A statement with named parameters, and the value of each that it names."""

    text: str
    params: dict[str, object]


def sql(text: str, values: Mapping[str, str], types: Mapping[str, VariableType]) -> Sql:
    """Return the statement with each `${x}` as the parameter `$x`; a declared identifier is quoted in its place.

    Errors: `variable_unknown`, `variable_in_text`, `variable_identifier`, `variable_type`.
    """
    identifiers: dict[str, str] = {}
    for name, kind in types.items():
        if kind is VariableType.IDENTIFIER and name in values:
            check_type(name, values[name], kind)
            identifiers[name] = quote(values[name])
    known = [name for name in values if name not in BUILT_IN]
    rewritten = rewrite_variables(text, known, identifiers)
    named = [name for name in parameters_in(rewritten) if name in values]
    return Sql(rewritten, bound_values(named, values, types))


def parameters_in(query: str) -> tuple[str, ...]:
    """Return the named parameters of a query, in order, each once; comments and texts hold none."""
    return tuple(dict.fromkeys(match["name"] for match in _PARAMETERS.finditer(query) if match["name"]))


def argument(text: str, values: Mapping[str, str]) -> str:
    """Return one argument of a program, or one value of its environment: the values as they are, without NUL."""
    found = fill(text, values)
    if "\0" in found:
        raise invalid("variable_type", "a value holds NUL, which no program can be given", fix="remove it")
    return found


def address(url: str, values: Mapping[str, str]) -> str:
    """Return a URL with its values percent-encoded, `/` and `&` too; scheme and host hold none (see the checks)."""
    return fill(url, {name: percent_encoded(value, safe="") for name, value in values.items()})


def header(text: str, values: Mapping[str, str]) -> str:
    """Return the value of a header; error `http_header` where a value would begin another line."""
    found = fill(text, values)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", found):
        raise invalid("http_header", "a value in a header holds a control character", fix="remove line ends from it")
    return found


def path(text: str, values: Mapping[str, str]) -> str:
    """Return a path in which each value is a part of one name; error `variable_path`.

    No value brings a `/` or a backslash, and none makes the name `.`, `..` or empty.
    """
    for name in names_in(text):
        value = values.get(name, "")
        if re.search(r"[/\\\x00-\x1f\x7f]", value):
            what = f"the value '{printable(value[:80])}' of '{name}' would lead to another folder"
            raise invalid("variable_path", what, fix="use a value without / and \\")
    found = fill(text, values)
    if any(part in {".", ".."} for part in found.split("/")) or found.endswith("/") or not found:
        what = f"the path '{printable(found[:80])}' does not name a file"
        raise invalid("variable_path", what, fix="write a path without . and ..")
    return found


def body(text: str, content_type: str, values: Mapping[str, str]) -> str:
    """Return the body of a request: JSON stays JSON, a form stays a form, anything else takes the values as they are.

    A body is JSON where the content type says so or, without one, where it begins with `{` or `[`. Error
    `variable_json` for a value that stands outside of quotes and is no number, true, false or null.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return address(text, values)
    if "json" in kind or (not kind and text.lstrip()[:1] in {"{", "["}):
        return _json(text, values)
    return fill(text, values)


def _json(text: str, values: Mapping[str, str]) -> str:
    if not names_in(text):
        return fill(text, values)
    escaped = {name: json.dumps(value)[1:-1] for name, value in values.items()}

    def one(match: re.Match[str]) -> str:
        if match["name"] is None:
            return fill(match[0], escaped)
        value = fill(match[0], values)
        if not _BARE_JSON.fullmatch(value):
            what = f"the value '{printable(value[:80])}' of {match[0]} is no JSON number, true, false or null"
            raise invalid("variable_json", what, fix=f'put it in quotes: "{match[0]}"')
        return value

    return _JSON_PIECES.sub(one, text)


def json_text(document: Any) -> str:
    """Return the text of a body that was written as a table or list; dates as ISO texts."""
    return json.dumps(document, ensure_ascii=False, default=lambda value: value.isoformat())
