from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.services.scaffold import adopt_project, write_project

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_project_has_a_file_that_reads_back(tmp_path: Path) -> None:
    created = write_project(tmp_path / "my-shop", name=None, example=False)
    assert (created.name, created.example) == ("my_shop", False)
    written = tomllib.loads((tmp_path / "my-shop" / "mtctl.toml").read_text(encoding="utf-8"))
    assert written == {"name": "my_shop", "time_zone": "UTC", "defaults": {}}
    assert (tmp_path / "my-shop" / "tables").is_dir()


def test_the_example_has_five_tables_and_its_data(tmp_path: Path) -> None:
    created = write_project(tmp_path / "x", name="air", example=True)
    assert tomllib.loads((tmp_path / "x" / "mtctl.toml").read_text(encoding="utf-8"))["name"] == "air"
    assert [file for file in created.files if file.startswith("tables/")] == [
        "tables/delay_by_weather.sql",
        "tables/flights_daily.sql",
        "tables/monthly_punctuality.sql",
        "tables/route_leaderboard.sql",
        "tables/weather_daily.sql",
    ]
    assert (tmp_path / "x" / "data" / "flights.parquet").stat().st_size > 2_000_000
    assert created.files[-1] == "mtctl.toml"


def test_each_table_of_the_example_opens_with_a_comment(tmp_path: Path) -> None:
    write_project(tmp_path / "x", name=None, example=True)
    for file in (tmp_path / "x" / "tables").glob("*.sql"):
        assert file.read_text(encoding="utf-8").startswith("-- ")


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    write_project(tmp_path, name="one", example=False)
    before = (tmp_path / "mtctl.toml").read_bytes()
    with pytest.raises(MtctlError) as caught:
        write_project(tmp_path, name="two", example=True)
    assert caught.value.code == "project_exists"
    assert (tmp_path / "mtctl.toml").read_bytes() == before
    assert not (tmp_path / "data").exists()


def test_a_file_in_the_way_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "flights_daily.sql").write_text("mine", encoding="utf-8")
    with pytest.raises(MtctlError) as caught:
        write_project(tmp_path, name=None, example=True)
    assert caught.value.code == "file_exists"
    assert not (tmp_path / "data").exists()


def test_an_own_gitignore_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine", encoding="utf-8")
    created = write_project(tmp_path, name="a", example=False)
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "mine"
    assert ".gitignore" not in created.files


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("", encoding="utf-8")
    with pytest.raises(MtctlError) as caught:
        write_project(tmp_path / "f", name="a", example=False)
    assert caught.value.code == "folder_kind"


@pytest.mark.parametrize("name", ["", "a b", "1a", "a;drop", "x" * 64, "../x"])
def test_a_bad_name_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(MtctlError) as caught:
        write_project(tmp_path / "p", name=name, example=False)
    assert (caught.value.code, caught.value.kind) == ("identifier", Kind.USAGE)
    assert not (tmp_path / "p").exists()


def test_a_folder_whose_name_cannot_name_a_project_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(MtctlError, match="cannot name the project") as caught:
        write_project(tmp_path / "2013", name=None, example=False)
    assert caught.value.fix == "give one with --name"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(MtctlError) as caught:
        write_project(tmp_path / "p", name=None, example=False)
    assert caught.value.code == "folder_unwritable"


def test_a_clone_without_state_is_adopted_and_nothing_else_is(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    assert adopt_project(root, name=None) is None
    write_project(root, name="shop", example=False)
    before = sorted(root.rglob("*"))

    adopted = adopt_project(root, name=None)
    assert adopted is not None
    assert (adopted.name, adopted.files) == ("shop", ())
    assert sorted(root.rglob("*")) == before
    with pytest.raises(MtctlError, match="its name already"):
        adopt_project(root, name="other")

    (root / ".mtctl").mkdir()
    (root / ".mtctl" / "state.db").touch()
    assert adopt_project(root, name=None) is None
