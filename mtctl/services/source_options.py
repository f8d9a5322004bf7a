"""Floor 3. A source as one table reads it: what its options say, checked against the source itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.ports.engine import DescribeRequest
from mtctl.services.source_names import reached, source_of

if TYPE_CHECKING:
    from mtctl.config import Project
    from mtctl.config_sources import SourceConfig
    from mtctl.core.keys import TableOptions
    from mtctl.core.model import Source
    from mtctl.ports.engine import Engine


def used_source(engine: Engine, project: Project, config: SourceConfig, options: TableOptions) -> Source:
    """Return a source of a table with what the table's options say of it.

    Raises invalid `option_unsupported`, `source_version`, and what reaching a database raises.
    """
    version = options.source_version.get(config.name)
    if config.name in options.source_change and config.is_database:
        raise invalid(
            "option_unsupported",
            f"source.{config.name}.change is for files; {config.name!r} is a database",
            fix=f"say what tells its states apart: 'source.{config.name}.version' = 'SELECT …'",
        )
    if version is not None and not config.is_database:
        raise invalid(
            "option_unsupported",
            f"source.{config.name}.version is for database sources; {config.name!r} is a file source",
            fix="remove it: files are compared by size and content",
        )
    restate = options.source_change.get(config.name, "ignore") == "restate"
    source = source_of(config, restate=restate, version=version)
    if version is not None:
        _check_version(engine, project, source, version, options.time_zone or project.zone)
    elif config.is_database:
        reached((source,), project)  # its secret can be read
    return source


def _check_version(engine: Engine, project: Project, source: Source, version: str, zone: str) -> None:
    """Refuse a version that reads anything but its own source, or does not fit it."""
    [parsed] = engine.parse([version])
    if isinstance(parsed, MtctlError):
        raise _of_version(parsed, source)
    reads = parsed.tables or ("",)
    own = all("." in name and name.lower().partition(".")[0] == source.text for name in reads)
    if parsed.literals or parsed.params or not own:
        raise invalid(
            "source_version",
            f"source.{source.text}.version does not read tables of {source.text!r} only",
            fix=f"for example SELECT max(changed_at) FROM {source.text}.orders",  # noqa: S608 - words
        )
    request = DescribeRequest(
        query=version, zone=zone, relations=(), sources=reached((source,), project), params={}
    )
    [described] = engine.describe([request])
    if isinstance(described, MtctlError):
        raise _of_version(described, source)


def _of_version(error: MtctlError, source: Source) -> MtctlError:
    """Return what is wrong with the SELECT of a source's version."""
    error.what = f"source.{source.text}.version: {error.what}"
    return error
