"""Floor 4. Names and options as Flink writes them, in mtctl's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mtctl.core.errors import invalid
from mtctl.core.names import MAIN, check_name, check_schema, joined_name, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "workflow-scheduler."
"""What the options of the scheduler itself begin with; a workflow does not keep them."""

ZONE = "table.local-time-zone"
"""The option of a session that says in which zone its times are."""

CONDITION, MAX_RECORDS = "refresh.condition", "refresh.max.records"
"""Options of a refresh: a SELECT giving one boolean, false skips it; and the most rows it may yield."""

_PART = r'(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[^`".\s]+)'
_IDENTIFIER = re.compile(rf"\s*{_PART}(?:\.{_PART}){{0,2}}\s*")


class TableName(NamedTuple):
    """A table of the project: its name, and its whole name as Flink's messages show it."""

    table: str
    full: str


def table_name(identifier: str, project: str) -> TableName:
    """Return the table of `t`, `schema.t` or `project.schema.t`, parts quoted or not.

    Errors `identifier`, `identifier_reserved`, `catalog_unknown`.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        what = f"'{printable(identifier[:80])}' is not the name of a table"
        raise invalid("identifier", what, fix=f"write t, {MAIN}.t or {project}.{MAIN}.t")
    parts = [_plain(part) for part in re.findall(_PART, identifier)]
    if len(parts) > 2 and parts[0].lower() != project.lower():
        what = f"catalog '{printable(parts[0][:80])}' is not this project"
        raise invalid("catalog_unknown", what, fix=f"leave it out, or write {project}")
    schema = check_schema(parts[-2]) if len(parts) > 1 else MAIN
    table = check_name(parts[-1], "table")
    return TableName(joined_name(schema, table), f"`{project}`.`{schema}`.`{table}`")


def task_form(table: str, execution: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of a task that refreshes a table: the options with a meaning of their own in their places."""
    form: dict[str, Any] = {"table": table}
    if CONDITION in execution:
        form["when"] = execution[CONDITION]
    if MAX_RECORDS in execution:
        text = str(execution[MAX_RECORDS]).strip()
        form["max_rows"] = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text
    return form


def settings(*configs: Mapping[str, str]) -> dict[str, str]:
    """Return the options to keep, a later map over an earlier one."""
    joined = {key: value for config in configs for key, value in config.items()}
    return {
        key: value
        for key, value in joined.items()
        if key not in {CONDITION, MAX_RECORDS, ZONE} and not key.startswith(PREFIX)
    }


def dialect_of(cron: str) -> str | None:
    """Return the dialect of an expression: six and seven fields are Quartz, as Flink's always are."""
    return "quartz" if len(cron.split()) > 5 else None


def _plain(part: str) -> str:
    quote = part[0]
    return part[1:-1].replace(quote * 2, quote) if quote in '`"' else part
