"""Floor 4. How a command is declared: its examples, and the global options that every command takes.

The option parser has no option that is valid at every level, so one decorator adds the same set to each leaf, and the
root takes it too. A command's first parameter is always its `Ui`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec

import typer
from typer.core import TyperCommand

from mtctl.cli.output import Format
from mtctl.cli.paint import When
from mtctl.cli.ui import Shell, Ui, settings_of
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.cli.exit import ExitCode

P = ParamSpec("P")

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
"""Context settings of every command: `-h` is help."""

Directory = Annotated[
    Path | None, typer.Option("-C", "--directory", metavar="DIR", help="Use the project in or above DIR.")
]
Output = Annotated[Format | None, typer.Option("-o", "--output", help="Write the answer in this format.")]
Color = Annotated[When | None, typer.Option("--color", help="When to use colour; NO_COLOR is respected.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks (also MTCTL_DEBUG=1).")]

GLOBAL_NAMES = ("directory", "output", "color", "quiet", "verbose", "debug")
"""Parameter names of the global options."""

_GLOBALS = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, annotation, default in (
        ("directory", Directory, None),
        ("output", Output, None),
        ("color", Color, None),
        ("quiet", Quiet, False),
        ("verbose", Verbose, False),
        ("debug", Debug, False),
    )
)


class Command(TyperCommand):
    """A command that refuses an option given twice and an empty argument, instead of guessing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Check the words, then parse them; usage errors `option_twice` and `argument_empty`."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        seen: set[str | None] = set()
        for param in order:
            if param.param_type_name != "option" or param.multiple:
                continue
            if param.name in seen:
                where, fix = ctx.command_path, f"give {param.opts[-1]} once"
                raise usage("option_twice", f"option {param.opts[-1]} stands there twice", where=where, fix=fix)
            seen.add(param.name)
        if "" in args:
            where, fix = ctx.command_path, f"see `{ctx.command_path} --help`"
            raise usage("argument_empty", "an argument is empty", where=where, fix=fix)
        return super().parse_args(ctx, args)


def command(
    app: typer.Typer, name: str, *examples: str
) -> Callable[[Callable[Concatenate[Ui, P], None]], Callable[Concatenate[Ui, P], None]]:
    """Register a function as command `name` of `app`, with the global options and a block of examples in its help."""

    def register(function: Callable[Concatenate[Ui, P], None]) -> Callable[Concatenate[Ui, P], None]:
        shown = "\n".join(f"  $ {example}" for example in examples)
        text = f"{inspect.getdoc(function)}\n\n\b\nExamples:\n{shown}"
        app.command(name, cls=Command, help=text, context_settings=HELP_NAMES)(_with_globals(function))
        return function

    return register


def ui_of(context: typer.Context, given: dict[str, Any]) -> Ui:
    """Return the `Ui` of a call: what stands behind the command wins over what stands before it."""
    shell: Shell = context.obj
    before = context.find_root().params
    chosen = {name: given.get(name) or before.get(name) for name in GLOBAL_NAMES}
    return Ui(settings=settings_of(chosen), shell=shell)


def leave(code: ExitCode) -> None:
    """End the command with an exit code; go on when it is OK."""
    if code:
        raise typer.Exit(code)


def _with_globals(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function for the option parser: its own parameters, the global ones, and the context."""

    def call(**given: Any) -> None:
        context = given.pop("context")
        own = {name: value for name, value in given.items() if name not in GLOBAL_NAMES}
        function(ui_of(context, given), **own)

    signature = inspect.signature(function, eval_str=True)
    own = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in list(signature.parameters.values())[1:]]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [*own, *_GLOBALS, context]
    call.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    call.__doc__ = function.__doc__
    return call
