from __future__ import annotations

import csv
import io
import json
from itertools import islice

import pytest
from cli_samples import endless, rows_of

from mtctl.cli.output import Format
from mtctl.cli.paint import Paint
from mtctl.cli.stream import AHEAD, value_of, write_result
from mtctl.ports import QueryResult

PLAIN = Paint(color=False, unicode=True)


def written(result: QueryResult, form: Format) -> str:
    stream = io.StringIO()
    write_result(result, form, stream, PLAIN, terminal=False, generated_at="2026-01-01T00:00:00Z")
    return stream.getvalue()


def sample() -> QueryResult:
    rows: list[list[str | None]] = [["UA", "12", "1.5", "true"], [None, "-3", "nan", "false"]]
    return rows_of(rows, ("carrier", "n", "x", "ok"), ("VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"))


def test_json_keeps_numbers_booleans_and_null() -> None:
    document = json.loads(written(sample(), Format.JSON))
    assert document["schema"] == "mtctl.query.result/v1"
    assert document["columns"][1] == {"name": "n", "type": "BIGINT"}
    assert document["data"] == [
        {"carrier": "UA", "n": 12, "x": 1.5, "ok": True},
        {"carrier": None, "n": -3, "x": "nan", "ok": False},
    ]


def test_ndjson_is_a_row_a_line() -> None:
    first = json.loads(written(sample(), Format.NDJSON).splitlines()[0])
    assert first == {"kind": "row", "carrier": "UA", "n": 12, "x": 1.5, "ok": True}


def test_csv_keeps_texts_as_the_engine_wrote_them() -> None:
    assert written(sample(), Format.CSV) == "carrier,n,x,ok\r\nUA,12,1.5,true\r\n,-3,nan,false\r\n"


def test_a_table_aligns_numbers_right_and_shows_null() -> None:
    assert written(sample(), Format.TABLE) == (
        "carrier   n    x  ok\nUA       12  1.5  true\nNULL     -3  nan  false\n"
    )


def test_an_empty_result_is_valid_in_every_format() -> None:
    def empty() -> QueryResult:
        return QueryResult(columns=("a",), types=("BIGINT",), chunks=iter([]))

    assert json.loads(written(empty(), Format.JSON))["data"] == []
    assert written(empty(), Format.NDJSON) == ""
    assert written(empty(), Format.CSV) == "a\r\n"
    assert written(empty(), Format.TABLE) == "a\n"


def test_columns_of_the_same_name_keep_their_values() -> None:
    result = rows_of([["1", "2", "3"]], ("a", "a", "kind"), ("BIGINT",) * 3)
    assert json.loads(written(result, Format.NDJSON)) == {"kind": "row", "a": 1, "a_2": 2, "kind_2": 3}


def test_a_table_longer_than_it_looks_ahead_loses_no_row() -> None:
    rows: list[list[str | None]] = [[str(number)] for number in range(AHEAD + 5)]
    lines = written(rows_of(rows, ("number",), ("BIGINT",)), Format.TABLE).splitlines()
    assert [line.strip() for line in lines[1:]] == [str(number) for number in range(AHEAD + 5)]


@pytest.mark.parametrize("form", [Format.NDJSON, Format.CSV, Format.JSON, Format.TABLE])
def test_rows_are_written_before_the_next_chunk_is_asked_for(form: Format) -> None:
    pulled = [0]

    class Enough(Exception):  # noqa: N818
        pass

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            if pulled[0] > 20:
                raise Enough
            return super().write(text)

    result = QueryResult(columns=("a", "b"), types=("BIGINT", "VARCHAR"), chunks=endless(pulled, 100))
    stream = Stream()
    with pytest.raises(Enough):
        write_result(result, form, stream, PLAIN, terminal=False, generated_at=None)
    assert stream.getvalue().count("x") >= 1900


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        (None, "BIGINT", None),
        ("170141183460469231731687303715884105727", "HUGEINT", 170141183460469231731687303715884105727),
        ("1e+300", "DOUBLE", 1e300),
        ("inf", "DOUBLE", "inf"),
        ("0.10", "DECIMAL(5,2)", "0.10"),
        ("01", "VARCHAR", "01"),
        ("2013-01-01", "DATE", "2013-01-01"),
    ],
)
def test_values_for_json(text: str | None, type_name: str, value: object) -> None:
    assert value_of(text, type_name) == value


def test_csv_of_a_stream_parses_back() -> None:
    rows: list[list[str | None]] = [['a"b', "x,y\nz"], ["", None]]
    text = written(rows_of(rows, ("p", "q"), ("VARCHAR", "VARCHAR")), Format.CSV)
    assert list(islice(csv.reader(io.StringIO(text, newline="")), 1, None)) == [['a"b', "x,y\nz"], ["", ""]]
