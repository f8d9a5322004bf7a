"""Floor 4. `table`: the materialized tables one by one.

Each module registers its commands with the group; their order here is that of the help.
"""

from __future__ import annotations

from mtctl.cli import table, table_versions
from mtctl.cli.table_group import app

__all__ = ["app", "table", "table_versions"]
