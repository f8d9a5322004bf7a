from __future__ import annotations

import pytest
from contract.engine_kit import Bench, bench_in, error_of, plain, relation

from mtctl.core.errors import Kind


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    yield from bench_in(tmp_path_factory.mktemp("types") / "p")


EXTREMES = {
    "BOOLEAN": ("true", "false"),
    "TINYINT": ("-128", "127"),
    "SMALLINT": ("-32768", "32767"),
    "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"),
    "UTINYINT": ("0", "255"),
    "USMALLINT": ("0", "65535"),
    "UINTEGER": ("0", "4294967295"),
    "UBIGINT": ("0", "18446744073709551615"),
    "FLOAT": ("1.1754944e-38", "3.4028235e+38", "nan", "inf", "-0.0", "1.5", "0.1"),
    "DOUBLE": ("2.2250738585072014e-308", "1.7976931348623157e+308", "nan", "-inf", "0.1", "1e-07", "1e300"),
    "DECIMAL(5,2)": ("-999.99", "999.99", "0.10"),
    "DECIMAL(18,3)": ("-999999999999999.999", "1.000"),
    "DECIMAL(38,0)": ("-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    "VARCHAR": ("", "ü€😀", "z" * 300),
    "JSON": ('{"a":1}', "[1]"),
    "UUID": ("00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "BLOB": ("\\x00\\xFF", "abc"),
    "DATE": ("0044-03-15 (BC)", "9999-12-31", "infinity", "2013-01-01"),
    "TIME": ("00:00:00", "23:59:59.999999", "01:02:03.4567"),
    "TIMESTAMP": ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "-infinity"),
    "TIMESTAMP_S": ("1969-12-31 23:59:59", "9999-12-31 23:59:59"),
    "TIMESTAMP_MS": ("1969-12-31 23:59:59.999", "9999-12-31 23:59:59.999"),
    "TIMESTAMP_NS": ("1677-09-22 00:00:00", "2262-04-11 23:47:16.854775"),
    "TIMESTAMP WITH TIME ZONE": ("0001-01-02 00:00:00+00", "9999-12-30 23:59:59.999999+00", "2013-01-01 05:00:00-05"),
}


@pytest.mark.parametrize("sql_type", EXTREMES)
def test_every_type_comes_back_and_its_statistics_are_recomputed(bench: Bench, sql_type):
    values = ", ".join(f"({n}, CAST('{value}' AS {sql_type}))" for n, value in enumerate(EXTREMES[sql_type]))
    query = f"FROM (VALUES (99, NULL::{sql_type}), {values}) t(n, c)"
    columns = bench.columns(query)
    staged = bench.stage(query, columns=columns)
    table = relation("t", columns, staged.files[0].path)
    rows = "SELECT n, CAST(c AS VARCHAR), typeof(c) FROM {} ORDER BY n"
    assert bench.query(rows.format("t"), table) == bench.query(rows.format(f"({query})"))
    measured = bench.measure(staged, 0, columns)
    assert measured.fingerprints == (staged.intervals[0].fingerprint,)
    for found, reported in zip(measured.stats, staged.files[0].stats, strict=True):
        assert (found.field_id, found.value_count, found.null_count) == (
            reported.field_id, reported.value_count, reported.null_count,
        )  # fmt: skip
        for part in ("min", "max", "contains_nan"):
            said, holds = getattr(reported, part), getattr(found, part)
            assert None in {said, holds} or said == holds, (part, said, holds)


def test_hugeint_is_exact_and_overflow_fails(bench: Bench):
    staged = bench.stage("SELECT 12345678901234567890123456789012345678::HUGEINT AS h")
    assert plain(f"SELECT h, typeof(h) FROM '{staged.files[0].path}'") == [
        ["12345678901234567890123456789012345678", "DECIMAL(38,0)"]
    ]
    error = error_of(lambda: bench.stage("SELECT 170141183460469231731687303715884105727::HUGEINT AS h"))
    assert (error.code, error.kind) == ("query_failed", Kind.FAILED)
