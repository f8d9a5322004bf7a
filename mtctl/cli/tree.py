"""Floor 4. The command tree as plain values, read from the real commands: what man pages and completion are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtctl.cli.root import ENTRIES, build, load

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its spellings, its value (metavar, None for a switch), its choices and its help.

    `param` is the parameter of the command that takes it, `least` the least value of a whole number.
    """

    names: tuple[str, ...]
    metavar: str | None
    choices: tuple[str, ...]
    help: str
    param: str = ""
    multiple: bool = False
    least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument: how it is written in the usage line, its choices and its help."""

    metavar: str
    choices: tuple[str, ...]
    help: str
    param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One command or group. `text` are the paragraphs of its help, `examples` its example lines."""

    path: tuple[str, ...]
    short: str
    text: tuple[str, ...]
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    commands: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path[-1]

    def walk(self) -> Iterator[Node]:
        """Give this node and everything below it."""
        yield self
        for node in self.commands:
            yield from node.walk()


def command_tree() -> Node:
    """Return the whole tree; imports every command's module."""
    root = build()
    nodes = tuple(_node(load(name), ("mtctl", name)) for name in ENTRIES)
    return _node(root, ("mtctl",), nodes)


def _node(command: Any, path: tuple[str, ...], nodes: tuple[Node, ...] | None = None) -> Node:
    if nodes is None:
        below = getattr(command, "commands", {})
        nodes = tuple(_node(sub, (*path, name)) for name, sub in below.items())
    body, _, shown = (command.help or "").partition("\b\nExamples:\n")
    paragraphs = tuple(" ".join(part.split()) for part in body.split("\n\n") if part.strip())
    return Node(
        path=path,
        short=paragraphs[0].rstrip("."),
        text=paragraphs,
        examples=tuple(line.strip().removeprefix("$ ") for line in shown.splitlines() if line.strip()),
        arguments=tuple(_argument(p) for p in command.params if p.param_type_name == "argument"),
        options=(*(_option(p) for p in command.params if p.param_type_name == "option"), _HELP),
        commands=nodes,
    )


_HELP = Option(names=("-h", "--help"), metavar=None, choices=(), help="Show the help.")


def _option(param: Any) -> Option:
    choices = _choices(param)
    metavar = None if param.is_flag else param.metavar or ("|".join(choices) if choices else "VALUE")
    return Option(
        names=tuple(param.opts),
        metavar=metavar,
        choices=choices,
        help=param.help or "",
        param=param.name,
        multiple=bool(param.multiple),
        least=getattr(param.type, "min", None),
    )


def _argument(param: Any) -> Argument:
    choices = _choices(param)
    shown = param.metavar or "|".join(choices) or param.name.upper()
    optional = not param.required and not shown.startswith("[")
    written = f"[{shown}]" if optional else shown
    return Argument(metavar=written, choices=choices, help=param.help or "", param=param.name)


def _choices(param: Any) -> tuple[str, ...]:
    found = getattr(param.type, "choices", ())
    return tuple(str(getattr(choice, "value", choice)) for choice in found)
