"""Floor 4. Man pages from the command tree: one for the program, one for each command or group at its top."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import mtctl
from mtctl.cli.exit import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtctl.cli.tree import Argument, Node, Option

DATE = "2026-11-21"
"""The date on the pages: of the release, never of the day they are generated."""


_LINE = 78


def man_pages(tree: Node) -> dict[str, str]:
    """Return the pages by file name."""
    pages = {"mtctl.1": _root_page(tree)}
    for node in tree.commands:
        pages[f"mtctl-{node.name}.1"] = _command_page(node)
    return pages


def _root_page(tree: Node) -> str:
    lines = [*_head(tree), *_description(tree), ".SH COMMANDS"]
    for node in tree.commands:
        lines += [".TP", f".BR mtctl\\-{_escape(node.name)} (1)", _escape(node.short) + "."]
    lines += [".SH OPTIONS", *_options(tree.options), ".SH EXIT STATUS"]
    for code in ExitCode:
        lines += [".TP", f".B {int(code)}", _escape(code.reason[:1].upper() + code.reason[1:]) + "."]
    lines += [".SH FILES", ".TP", ".I mtctl.toml", "The project: its presence makes a folder a project."]
    lines += [".TP", ".I tables/*.sql", "One CREATE MATERIALIZED TABLE statement each."]
    lines += [".TP", ".I .mtctl/state.db", "The state and the catalog of the lake."]
    lines += [".TP", ".I lake/", "The data, as Parquet files."]
    lines += [".SH ENVIRONMENT", ".TP", ".B NO_COLOR", "No colour when it is not empty."]
    lines += [".TP", ".B MTCTL_ASCII", "1 replaces the glyphs of states by ASCII."]
    lines += [".TP", ".B MTCTL_DEBUG", "1 shows tracebacks."]
    last = tree.commands[-1]
    lines.append(".SH SEE ALSO")
    lines += [f".BR mtctl\\-{_escape(node.name)} (1){'' if node is last else ' ,'}" for node in tree.commands]
    return _page(lines)


def _command_page(node: Node) -> str:
    lines = [*_head(node), *_description(node)]
    if node.commands:
        lines.append(".SH COMMANDS")
        for below in node.commands:
            lines += [f".SS {_escape(' '.join(below.path))}", *_usage(below), *_paragraphs(below)]
            lines += [*_arguments(below.arguments), *_options(below.options), *_examples(below, ".PP")]
    else:
        if node.arguments:
            lines += [".SH ARGUMENTS", *_arguments(node.arguments)]
        lines += [".SH OPTIONS", *_options(node.options), *_examples(node, ".SH EXAMPLES")]
    lines += [".SH SEE ALSO", ".BR mtctl (1)"]
    return _page(lines)


def _head(node: Node) -> Iterator[str]:
    title = "\\-".join(node.path)
    yield f'.TH {title.upper()} 1 {DATE} "mtctl {mtctl.__version__}" "mtctl manual"'
    yield ".SH NAME"
    yield f"{title} \\- {_escape(node.short[:1].lower() + node.short[1:])}"
    yield ".SH SYNOPSIS"
    yield from _usage(node)


def _usage(node: Node) -> Iterator[str]:
    yield f".B {_escape(' '.join(node.path))}"
    parts = [f"[{option.names[-1]}{' ' + option.metavar if option.metavar else ''}]" for option in _own(node)]
    parts += ["COMMAND [ARGS]..."] if node.commands else [argument.metavar for argument in node.arguments]
    if parts:
        yield _escape(" ".join(parts))


def _own(node: Node) -> Iterator[Option]:
    """Give the options that are the command's own; the global ones would bury them in the synopsis."""
    shared = {"--directory", "--output", "--color", "--quiet", "--verbose", "--debug", "--help", "--version"}
    yield from (option for option in node.options if option.names[-1] not in shared)


def _description(node: Node) -> Iterator[str]:
    yield ".SH DESCRIPTION"
    yield _escape(node.text[0])
    for paragraph in node.text[1:]:
        yield ".PP"
        yield _escape(paragraph)


def _paragraphs(node: Node) -> Iterator[str]:
    for paragraph in node.text:
        yield ".PP"
        yield _escape(paragraph)


def _arguments(arguments: tuple[Argument, ...]) -> Iterator[str]:
    for argument in arguments:
        yield ".TP"
        yield f".I {_escape(argument.metavar)}"
        yield _escape(_sentence(argument.help, argument.choices))


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    for option in options:
        names = ", ".join(f"\\fB{_escape(name)}\\fR" for name in option.names)
        yield ".TP"
        yield f"{names} \\fI{_escape(option.metavar)}\\fR" if option.metavar else names
        yield _escape(option.help)


def _examples(node: Node, heading: str) -> Iterator[str]:
    yield heading
    yield ".nf"
    yield from (_escape(example) for example in node.examples)
    yield ".fi"


def _page(lines: Iterable[str]) -> str:
    """Join the lines of a page, prose wrapped below 80 bytes; tags and examples stay as they are."""
    page: list[str] = []
    literal = False
    for line in lines:
        if line in {".nf", ".fi"}:
            literal = line == ".nf"
        is_tag = bool(page) and page[-1] == ".TP"
        page += [line] if literal or is_tag or line.startswith(".") else _wrapped(line)
    return "\n".join(page) + "\n"


def _wrapped(line: str) -> list[str]:
    pieces = textwrap.wrap(line, _LINE, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{piece}" if piece.startswith((".", "'")) else piece for piece in pieces]


def _sentence(text: str, choices: tuple[str, ...]) -> str:
    return f"{text} One of {', '.join(choices)}." if choices else text


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return "\\&" + escaped if escaped.startswith((".", "\\(aq")) else escaped

