"""A result of several gigabytes: the runner keeps to its limit, the holder stays small."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from measuring import mtctl, peaks
from worlds import daily, make_project, make_source

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 1_000_000_000
ABOVE_LIMIT = 150_000_000
HOLDER = 100_000_000

SETTINGS = '[engine]\nmemory = "1GB"\n'

WIDE = (
    "SELECT CAST(ordered_at AS DATE) AS day, ordered_at, shop, customer + r.range * 7919 AS customer, amount,"
    " md5(note || customer || r.range) AS receipt FROM '$source', range(10) r"
)
"""Sixty million rows, about five gigabytes before compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The greatest resident memory of one process, and what it may be, in bytes."""

    label: str
    bytes: int
    bar: int


def memory(folder: Path) -> list[Peak]:
    """Measure a whole table and 365 intervals."""
    source = make_source(folder)
    query = WIDE.replace("$source", str(source))
    found: list[Peak] = []
    for label, ddl in (
        ("whole table", f"CREATE MATERIALIZED TABLE wide AS {query}"),
        ("365 intervals", daily("wide", query)),
    ):
        project = folder / "wide"
        shutil.rmtree(project, ignore_errors=True)
        make_project(project, {"wide": ddl}, source=source, settings=SETTINGS)
        peak = peaks(mtctl(project, "refresh", "--all"))
        found.append(Peak(label=f"{label}, runner", bytes=peak["runner"], bar=LIMIT + ABOVE_LIMIT))
        found.append(Peak(label=f"{label}, holder", bytes=peak["holder"], bar=HOLDER))
        shutil.rmtree(project)
    return found
