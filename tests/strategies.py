"""Hypothesis strategies for the values of the core."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from mtctl.core.ddl import ColumnSpec, Option, TableStatement
from mtctl.core.freshness import Freshness, FreshnessUnit
from mtctl.core.interval import Interval, IntervalSet

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Santiago",
    "America/Asuncion",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kathmandu",
)
"""Zones with half-hour changes, skipped days, midnights that do not exist, and none of that."""


def a_part(share: float) -> settings:
    """Return the settings of a property whose examples take long: it tries a part of what the others try."""
    return settings(max_examples=max(1, round(settings.default.max_examples * share)))


def intervals(low: int = 0, high: int = 60) -> st.SearchStrategy[Interval]:
    """Intervals with small edges, so that they touch and overlap often."""
    edges = st.tuples(st.integers(low, high), st.integers(low, high)).filter(lambda pair: pair[0] != pair[1])
    return edges.map(lambda pair: Interval(min(pair), max(pair)))


def interval_lists() -> st.SearchStrategy[list[Interval]]:
    """Lists of intervals in any order."""
    return st.lists(intervals(), max_size=12)


def interval_sets() -> st.SearchStrategy[IntervalSet]:
    """Interval sets with small edges."""
    return interval_lists().map(IntervalSet.of)


def instants(start_year: int = 1900, end_year: int = 2100) -> st.SearchStrategy[int]:
    """Instants, some on whole hours so that they meet clock changes."""
    low, high = (start_year - 1970) * 31_556_952, (end_year - 1970) * 31_556_952
    fine = st.integers(low * 1_000_000, high * 1_000_000)
    return st.one_of(fine, st.integers(low // 1800, high // 1800).map(lambda half_hours: half_hours * 1_800_000_000))


def names() -> st.SearchStrategy[str]:
    """Names that a table may have, some of them words of SQL."""
    plain = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
    return st.one_of(
        plain, st.sampled_from(["select", "comment", "with", "as_of", "partitioned", "order", "watermark"])
    ).filter(lambda name: name not in {"main", "system", "temp"} and not name.startswith("ducklake_"))


def column_names() -> st.SearchStrategy[str]:
    """Names that a column may have: any visible text."""
    odd = st.sampled_from(['a"b', "Größe", "with space", "PRIMARY", "x`y", "a,b)", "--no", "Flight_Date"])
    return st.one_of(names(), odd)


def texts() -> st.SearchStrategy[str]:
    """Texts of comments and option values."""
    return st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


def types() -> st.SearchStrategy[str]:
    """Column types in their canonical spelling."""
    return st.sampled_from(
        ["INTEGER", "VARCHAR", "DECIMAL(10, 2)", "TIMESTAMP WITH TIME ZONE", "STRUCT(a INTEGER, b VARCHAR)", "BIGINT[]"]
    )


def queries() -> st.SearchStrategy[str]:
    """Query texts with the hazards of finding their end: quotes, dollar quotes, nested comments, semicolons inside."""
    piece = st.sampled_from(
        ["a", "'it''s; so'", '"q;"', "$$ ; $$", "$x$ '; $x$", "$interval_start", "/* /* ; */ ; */", "1.5e3", "(", ")"]
    )
    return st.lists(piece, min_size=1, max_size=8).flatmap(
        lambda pieces: st.sampled_from([" ", "\n", "\n  ", " -- ;'\n"]).map(lambda gap: "SELECT " + gap.join(pieces))
    )


@st.composite
def statements(draw: st.DrawFn) -> TableStatement:
    """Whole statements, each clause present or not."""
    unique = st.lists(column_names(), max_size=4, unique_by=str.lower)
    columns = tuple(
        ColumnSpec(name=name, type=draw(st.none() | types()), comment=draw(st.none() | texts()))
        for name in draw(unique)
    )
    options = draw(st.lists(st.tuples(texts(), texts()), max_size=4, unique_by=lambda pair: pair[0]))
    freshness = st.builds(Freshness, st.integers(1, 2**31 - 1), st.sampled_from(list(FreshnessUnit)))
    return TableStatement(
        name=draw(names()),
        catalog=draw(st.none() | names()),
        or_alter=draw(st.booleans()),
        columns=columns,
        primary_key=tuple(draw(unique)),
        comment=draw(st.none() | texts()),
        partition_columns=tuple(draw(unique)),
        options=tuple(Option(key=key, value=value) for key, value in options),
        freshness=draw(st.none() | freshness),
        refresh_mode=draw(st.sampled_from([None, "FULL", "CONTINUOUS"])),
        query=draw(queries()),
    )
