"""What a look at one file of the lake tells."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from mtctl.lake.files import LakeFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHOLE = b"PAR1" + b"x" * 100 + (40).to_bytes(4, "little") + b"PAR1"
FOOTER = 40


def keep(_: Path) -> None:
    return None


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(WHOLE[:-1])


def grow(path: Path) -> None:
    path.write_bytes(WHOLE + b"x")


def blank(path: Path) -> None:
    path.write_bytes(bytes(len(WHOLE)))


def another(path: Path) -> None:
    path.write_bytes(WHOLE.replace((40).to_bytes(4, "little"), (41).to_bytes(4, "little")))


def flip(path: Path) -> None:
    path.write_bytes(WHOLE.replace(b"xx", b"xy", 1))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "shallow", "deep"),
    [
        (keep, None, None),
        (remove, "missing", "missing"),
        (empty, "truncated", "truncated"),
        (cut, "truncated", "truncated"),
        (grow, "replaced", "replaced"),
        (blank, "replaced", "replaced"),
        (another, "replaced", "replaced"),
        (folder, "replaced", "replaced"),
        (flip, None, "changed"),
    ],
)
def test_a_file_is_told_from_the_one_that_was_published(
    tmp_path: Path, spoil: Callable[[Path], None], shallow: str | None, deep: str | None
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(WHOLE)
    spoil(path)
    lake = LakeFiles(tmp_path)

    for digest, expected in ((None, shallow), (hashlib.sha256(WHOLE).hexdigest(), deep)):
        found = lake.examine(str(path), size=len(WHOLE), footer=FOOTER, sha256=digest)
        assert (found[0] if found else None) == expected
