"""A package that loads its names late gives each of them, and all that its modules have."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.parametrize("package", ["mtctl.ports", "mtctl.services.reports"])
def test_every_class_of_a_split_package_has_its_home(package: str) -> None:
    found = import_module(package)
    assert found.__file__ is not None
    for path in Path(found.__file__).parent.glob("*.py"):
        if path.name != "__init__.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
            assert set(found._HOMES[path.stem].split()) == classes
            assert {getattr(found, name).__module__ for name in classes} == {f"{package}.{path.stem}"}
    with pytest.raises(AttributeError):
        _ = found.Nothing
