"""Floor 4. The four output formats of every answer: table, json, ndjson, csv.

Data goes to stdout and nothing else does. With json, ndjson and csv there is no colour, and hints and warnings stay on
stderr or inside the JSON envelope.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

import mtctl
from mtctl.cli.grid import write_block

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from mtctl.cli.answer import Answer, Json, Record
    from mtctl.cli.paint import Paint


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"  # for people
    JSON = "json"  # one document with an envelope
    NDJSON = "ndjson"  # one object a line, each with its kind
    CSV = "csv"  # RFC 4180 with a header


def write_answer(
    answer: Answer, form: Format, stream: TextIO, paint: Paint, *, terminal: bool, generated_at: str | None
) -> None:
    """Write a whole answer to the stream."""
    if form is Format.JSON:
        stream.write(document(answer, generated_at) + "\n")
    elif form is Format.NDJSON:
        stream.writelines(to_json(record) + "\n" for record in answer.records)
    elif form is Format.CSV:
        stream.write(csv_line(answer.fields))
        stream.writelines(csv_line(csv_text(record.get(field)) for field in answer.fields) for record in answer.records)
    else:
        for number, block in enumerate(answer.blocks):
            if number:
                stream.write("\n")
            write_block(block, stream, paint, terminal=terminal)


def document(answer: Answer, generated_at: str | None) -> str:
    """Return the JSON document of an answer, one record a line so that a diff is readable."""
    head = envelope_head(answer.schema, generated_at)
    data = ",\n ".join(map(to_json, answer.records))
    page = ""
    if answer.total is not None or answer.limit is not None:
        page = f',"page":{to_json({"limit": answer.limit, "total": answer.total})}'
    return f'{head},"data":[{data}]{page},"warnings":{to_json(list(answer.warnings))}}}'


def envelope_head(schema: str, generated_at: str | None) -> str:
    """Return the opening of a JSON document, without the closing brace."""
    return to_json({"schema": schema, "generated_at": generated_at, "mtctl": mtctl.__version__})[:-1]


def to_json(value: Json | Record) -> str:
    """Return a value as JSON on one line; characters beyond ASCII stay readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def csv_line(texts: Iterable[str | None]) -> str:
    """Return one CSV record: an absent value is empty, an empty text is a pair of quotes."""
    return ",".join(map(_csv_field, texts)) + "\r\n"


def csv_text(value: Json) -> str | None:
    """Return a value as the text of a CSV field; nested values as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else to_json(value)


def _csv_field(text: str | None) -> str:
    if text is None:
        return ""
    if text and not any(mark in text for mark in '",\r\n') and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
