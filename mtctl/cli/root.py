"""Floor 4. The root of the command tree. A command's module is imported when that command runs, and not before.

Help and completion of the root need names and one line each: those stand in `ENTRIES`, and a test holds them equal to
the real ones.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import mtctl
from mtctl.cli.command import HELP_NAMES, Color, Debug, Directory, Output, Quiet, Verbose
from mtctl.core.errors import MtctlError, usage
from mtctl.core.names import closest, printable


@dataclass(frozen=True, slots=True)
class Entry:
    """One word behind `mtctl`: the module that has it, its line in the help, and whether it is a group of commands."""

    module: str
    help: str
    group: bool = False


ENTRIES: dict[str, Entry] = {
    "init": Entry("project", "Create a project, empty or with the example."),
    "plan": Entry("project", "Show what apply would do."),
    "apply": Entry("project", "Put the definitions of the project files in force."),
    "up": Entry("serve", "Apply, refresh everything that is wanted, then run the schedules until stopped."),
    "tick": Entry("serve", "Do one round: fire what is due, run what is ready, and go."),
    "refresh": Entry("refresh", "Refresh the missing and stale intervals of tables."),
    "status": Entry("project", "Show the health of the tables."),
    "ui": Entry("dashboard", "Open the dashboard."),
    "report": Entry("report", "Write a report of the last days as one HTML page."),
    "query": Entry("query", "Run one SELECT over the tables and print its rows."),
    "diff": Entry("diff", "Show which rows of a table were added, removed or changed between two moments."),
    "attach": Entry("query", "Print the statement that opens the lake in any DuckDB."),
    "verify": Entry("verify", "Recompute what the files hold and compare it with ledger and catalog."),
    "table": Entry("tables", "List, show, create, drop and check tables.", group=True),
    "workflow": Entry("workflow", "List, show, create, change and run workflows.", group=True),
    "schedule": Entry("schedule", "Explain schedules, tell when they fire, set and clear them.", group=True),
    "instance": Entry(
        "instance", "List, show and steer workflow instances: what ran, what runs, and how it ended.", group=True
    ),
    "queue": Entry("queue", "List, make, change, pause and delete queues.", group=True),
    "why": Entry("why", "Tell the one thing that holds up a table, workflow or instance, and what to do."),
    "health": Entry(
        "why",
        "Tell whether the project makes progress: exit 0 when it does, 1 when not, 9 when its state or clock is wrong.",
    ),
    "notify": Entry("notify", "List the channels that are told, and try them.", group=True),
    "scheduler": Entry(
        "scheduler",
        "Let the system keep a project going: units for systemd, a line for cron; rewind after a wrong clock.",
        group=True,
    ),
    "lake": Entry("lake", "Look after the files of the lake.", group=True),
    "doctor": Entry("doctor", "Look at everything around the project that can be wrong."),
    "state": Entry("state", "Copy the state file, and bring a copy back.", group=True),
    "completion": Entry("shell", "Print the completion script of a shell."),
    "help": Entry("topics", "Explain a topic; without one, list the topics."),
}


class Suggesting(TyperGroup):
    """A group whose unknown commands are told in one line with a suggestion."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command; usage error `command_unknown` when there is none."""
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            raise _unknown(name, names, ctx.command_path)
        return super().resolve_command(ctx, args)


class Root(Suggesting):
    """The root: it knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parser's signature
        """Return the names in the order of the help."""
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the parser's signature
        """Return a stand-in with name and help only; the real one comes with `resolve_command`."""
        entry = ENTRIES.get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Import the module of the command and return it."""
        super().resolve_command(ctx, args)
        return args[0], load(args[0]), args[1:]


def load(name: str) -> Any:
    """Return the real command behind a word of the root."""
    entry = ENTRIES[name]
    module = import_module(f"mtctl.cli.{entry.module}")
    loaded = typer.main.get_command(module.app)
    if entry.group or not isinstance(loaded, TyperGroup):
        loaded.name = name
        return loaded
    return loaded.commands[name]


def build() -> TyperGroup:
    """Return the root command."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(cls=Root, context_settings=HELP_NAMES, invoke_without_command=False)(_root)
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)  # noqa: S101 - a callback makes it a group
    return found


def group(help_text: str) -> typer.Typer:
    """Return a new group of commands."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        cls=Suggesting,
        help=help_text,
        context_settings=HELP_NAMES,
    )
    app.callback()(_nothing)
    return app


def _version(value: bool) -> None:  # noqa: FBT001 - the option parser calls it so
    """Print the version and end, whatever else stands there."""
    if value:
        sys.stdout.write(f"mtctl {mtctl.__version__}\n")
        raise typer.Exit


def _root(  # noqa: PLR0913 - the global options
    *,
    directory: Directory = None,
    output: Output = None,
    color: Color = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("-V", "--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keep materialized tables fresh: one SELECT per table, every interval refreshed exactly once."""


def _nothing() -> None:
    return None


def _unknown(name: str, names: list[str], path: str) -> MtctlError:
    near = closest(name, names)
    error = usage(
        "command_unknown",
        f"there is no command '{printable(name)}'",
        where=path,
        fix=f"did you mean '{near}'?" if near else f"see `{path} --help`",
    )
    if near:
        error.details["did_you_mean"] = [near]
    return error
