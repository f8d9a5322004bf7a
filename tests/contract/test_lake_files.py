from __future__ import annotations

import os

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import StagedFile
from mtctl.lake.files import LakeFiles


@pytest.fixture
def lake(tmp_path):
    lake = LakeFiles(tmp_path / "lake")
    lake.create()
    return lake


def _staged(lake: LakeFiles, name: str, content: bytes = b"x") -> StagedFile:
    path = lake.staging / name
    path.write_bytes(content)
    return StagedFile(path=str(path), rows=1, bytes=len(content), footer_bytes=0, sha256="", stats=())


def test_folders_are_private_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        lake = LakeFiles(tmp_path / "lake")
        lake.create()
        lake.place([_staged(lake, "A-0.parquet")], "t-1/")
    finally:
        os.umask(before)
    for folder in (lake.root, lake.data, lake.staging, lake.data / "t-1"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_place_moves_files_and_gives_their_names(lake: LakeFiles):
    files = [_staged(lake, "A-0.parquet", b"one"), _staged(lake, "A-1.parquet", b"two")]
    assert lake.place(files, "t-1/") == ("A-0.parquet", "A-1.parquet")
    assert (lake.data / "t-1/A-1.parquet").read_bytes() == b"two"
    assert list(lake.staging.iterdir()) == []
    assert lake.place([], "t-2/") == ()
    assert not (lake.data / "t-2").exists()


def test_place_never_replaces_a_file(lake: LakeFiles):
    lake.place([_staged(lake, "A-0.parquet", b"old")], "t-1/")
    with pytest.raises(MtctlError) as caught:
        lake.place([_staged(lake, "A-0.parquet", b"new")], "t-1/")
    assert caught.value.code == "lake_file_exists"
    assert (lake.data / "t-1/A-0.parquet").read_bytes() == b"old"


def test_a_refused_name_takes_back_what_was_placed_before_it(lake: LakeFiles):
    lake.place([_staged(lake, "B-0.parquet", b"old")], "t-1/")
    with pytest.raises(MtctlError):
        lake.place([_staged(lake, "A-0.parquet"), _staged(lake, "B-0.parquet", b"new")], "t-1/")
    assert [(path.name, path.read_bytes()) for path in (lake.data / "t-1").iterdir()] == [("B-0.parquet", b"old")]


def test_place_makes_a_folder_again_that_went_away(lake: LakeFiles):
    lake.place([_staged(lake, "A-0.parquet")], "t-1/")
    lake.discard([str(lake.data / "t-1/A-0.parquet")])
    assert not (lake.data / "t-1").exists()
    assert lake.place([_staged(lake, "B-0.parquet")], "t-1/") == ("B-0.parquet",)


def test_what_the_disk_refuses_is_an_error_of_the_lake(lake: LakeFiles, tmp_path):
    (lake.data / "t-1").write_text("a file where the folder belongs")
    staged = _staged(lake, "A-0.parquet")
    with pytest.raises(MtctlError) as caught:
        lake.place([staged], "t-1")
    assert (caught.value.code, caught.value.kind) == ("lake_io", Kind.ENGINE)
    assert str(lake.data / "t-1") in caught.value.where
    assert caught.value.fix
    os.unlink(staged.path)  # noqa: PTH108 - as the request names it
    with pytest.raises(MtctlError) as caught:
        lake.place([staged], "t-2/")
    assert caught.value.code == "lake_io"
    (tmp_path / "file").write_text("")
    with pytest.raises(MtctlError) as caught:
        LakeFiles(tmp_path / "file/lake").create()
    assert caught.value.code == "lake_io"


def test_discard_removes_files_and_empty_folders_only_in_the_lake(lake: LakeFiles, tmp_path):
    lake.place([_staged(lake, "A-0.parquet"), _staged(lake, "B-0.parquet")], "t-1/")
    lake.place([_staged(lake, "C-0.parquet")], "t-2/")
    rest = _staged(lake, "D-0.parquet")
    folder = lake.data / "t-1"
    lake.discard([str(folder / "A-0.parquet"), str(lake.data / "t-2/C-0.parquet"), rest.path, f"{folder}/none.parquet"])
    assert [path.name for path in folder.iterdir()] == ["B-0.parquet"]
    assert not (lake.data / "t-2").exists()
    assert list(lake.staging.iterdir()) == []
    outside = tmp_path / "mine.txt"
    outside.write_text("keep")
    with pytest.raises(ValueError, match="not in the lake"):
        lake.discard([str(outside)])
    with pytest.raises(ValueError, match="not in the lake"):
        lake.discard([str(lake.data / "../../mine.txt")])
    assert outside.exists()


def test_listing_tells_old_from_young(lake: LakeFiles):
    lake.place([_staged(lake, "A-0.parquet", b"four")], "t-1/")
    staged = _staged(lake, "B-0.parquet")
    old = lake.data / "t-1/A-0.parquet"
    os.utime(old, ns=(0, old.stat().st_mtime_ns - 3600 * 10**9))
    assert lake.listing(older_than_s=1800) == ([(str(old), 4)], 1)
    assert lake.listing(older_than_s=0) == ([(str(staged.path), 1), (str(old), 4)], 0)


def test_a_lake_that_does_not_exist_has_no_files(tmp_path):
    assert LakeFiles(tmp_path / "none").listing(older_than_s=0) == ([], 0)
