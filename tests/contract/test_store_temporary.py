"""The store needs no room beside the project: nothing of a publish goes to a folder for temporary files."""

from __future__ import annotations

import apsw
import pytest
from store_kit import day, days, definition, kit_at


class Watching(apsw.VFS):
    """SQLite's own files, and a list of those that have no name: temporary ones."""

    def __init__(self) -> None:
        super().__init__("watching", base="", makedefault=True)
        self.unnamed = 0

    def xOpen(self, name, flags):  # noqa: N802 - apsw's name
        self.unnamed += name is None
        return super().xOpen(name, flags)


@pytest.fixture
def watching():
    default = apsw.vfs_names()[0]
    vfs = Watching()
    yield vfs
    vfs.unregister()
    assert apsw.vfs_names()[0] == default


def test_a_publish_opens_no_temporary_file(watching, tmp_path):
    kit = kit_at(tmp_path)
    table = kit.put(definition("a"))["a"]
    for number in range(12):
        kit.refresh(table, dict.fromkeys(days(0, 40), f"x{number}"))
    assert kit.refresh(table, {day(1): "y"}).rows == 10
    kit.store.close()

    assert watching.unnamed == 0
