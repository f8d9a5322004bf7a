from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, World

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import SourceFile
from mtctl.services.sources import _hashed, present

if TYPE_CHECKING:
    from pathlib import Path


def _known(path: Path) -> SourceFile:
    return SourceFile(path=str(path), size=1, mtime_ns=1, inode=1, sha256="0" * 64)


def test_only_a_regular_file_is_present(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    found = {name: present(_known(tmp_path / name)) for name in ("folder", "pipe", "none", "file")}
    assert [name for name, there in found.items() if there is not None] == ["file"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path):
    for name in ("gone", "."):
        with pytest.raises(MtctlError) as caught:
            _hashed(_known(tmp_path / name))
        assert (caught.value.code, caught.value.kind) == ("source_unreadable", Kind.ENGINE)
        assert caught.value.where == str(tmp_path / name)


def test_a_source_replaced_by_a_folder_counts_as_gone(world: World):
    path = world.days({"2013-01-01": [1], "2013-01-02": [2]})
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    path.unlink()
    path.mkdir()
    world.refresh("daily")
    assert world.rows("SELECT count(*) FROM daily") == [("2",)]
