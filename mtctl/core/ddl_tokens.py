"""Floor 0. The words of a table statement: DuckDB's lexical rules, with a place in the file for each.

The same rules read the query behind `AS`, where only the end of the statement matters: strings, dollar quotes and
nested comments hide their semicolons.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 100
_PIECE = re.compile(
    r"""(?P<space>[\s\ufeff]+)
    |(?P<line>--[^\n]*)
    |(?P<block>/\*)
    |(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?P<escaped_end>')?)
    |(?P<string>'(?:[^']|'')*(?P<string_end>')?)
    |(?P<double>"(?:[^"]|"")*(?P<double_end>")?)
    |(?P<back>`(?:[^`]|``)*(?P<back_end>`)?)
    |(?P<dollar>\$(?:[^\W\d]\w*)?\$)
    |(?P<number>[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)


class TokenKind(StrEnum):
    """What a token is."""

    WORD = "word"  # a keyword or a plain identifier
    QUOTED = "quoted"  # an identifier in double or back quotes
    STRING = "string"  # 'text'
    NUMBER = "number"
    SYMBOL = "symbol"  # one other character
    END = "end"  # the end of the text


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, the text as written, its value (unquoted) and where it stands in the source."""

    kind: TokenKind
    text: str
    value: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of the keywords, in any case."""
        return self.kind is TokenKind.WORD and self.value.upper() in words

    def is_symbol(self, symbol: str) -> bool:
        """Return whether it is the symbol."""
        return self.kind is TokenKind.SYMBOL and self.text == symbol


@dataclass(frozen=True, slots=True)
class SourceText:
    """A statement's text and the name of its file; knows lines, columns and how to point at a place."""

    text: str
    file: str

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - (self.text.rfind("\n", 0, offset) + 1) + 1

    def where(self, offset: int) -> str:
        """Return `file:line:column`."""
        line, column = self.position(offset)
        return f"{printable(self.file)}:{line}:{column}"

    def excerpt(self, offset: int) -> str:
        """Return the source line and, below it, a caret at the offset; a long line is cut around it."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        line = self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")
        at = offset - start
        first = max(0, at - _WIDTH // 2) if len(line) > _WIDTH else 0
        shown = line[first : first + _WIDTH].replace("\t", " ").replace("\ufeff", "")
        head = line[first : offset - start].replace("\t", " ").replace("\ufeff", "")
        return f"{printable(shown)}\n{' ' * len(printable(head))}^"

    def error(self, code: str, what: str, offset: int, fix: str = "") -> MtctlError:
        """Return an error about the definition at an offset, with the line and a caret."""
        return MtctlError(
            code, what, kind=Kind.INVALID, where=self.where(offset), fix=fix, excerpt=self.excerpt(offset)
        )


def tokens(source: SourceText, start: int = 0) -> Iterator[Token]:
    """Yield the tokens from an offset on, comments left out, and an END; error `ddl_syntax` where one never ends."""
    text, at = source.text, start
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:  # cannot be: the last alternative takes any character
            break
        kind = match.lastgroup or "symbol"
        at = _end(source, match, kind)
        if kind in _TOKEN:
            yield _token(match, kind)
        elif kind == "dollar":
            tag = match[0]
            yield Token(
                TokenKind.STRING, text[match.start() : at], text[match.end() : at - len(tag)], match.start(), at
            )
    yield Token(TokenKind.END, "", "", len(text), len(text))


_TOKEN = {
    "string": TokenKind.STRING,
    "escaped": TokenKind.STRING,
    "double": TokenKind.QUOTED,
    "back": TokenKind.QUOTED,
    "number": TokenKind.NUMBER,
    "word": TokenKind.WORD,
    "symbol": TokenKind.SYMBOL,
}
_QUOTES = {"string": "'", "escaped": "'", "double": '"', "back": "`"}


def _token(match: re.Match[str], kind: str) -> Token:
    text = match[0]
    quote = _QUOTES.get(kind)
    value = text
    if quote is not None:
        value = text[text.index(quote) + 1 : -1].replace(quote * 2, quote)
    return Token(_TOKEN[kind], text, value, match.start(), match.end())


def _end(source: SourceText, match: re.Match[str], kind: str) -> int:
    """Return where the piece ends; comments nest and dollar quotes run to their own tag."""
    if kind == "block":
        return _comment_end(source, match.start())
    if kind == "dollar":
        end = source.text.find(match[0], match.end())
        if end < 0:
            raise source.error(
                "ddl_syntax", f"the text that begins with {match[0]} never ends", match.start(), "close it"
            )
        return end + len(match[0])
    if kind in _QUOTES and match[f"{kind}_end"] is None:
        raise source.error(
            "ddl_syntax",
            f"a {_QUOTES[kind]} is opened and never closed",
            match.start(),
            f"add the closing {_QUOTES[kind]}",
        )
    return match.end()


def _comment_end(source: SourceText, start: int) -> int:
    depth = 0
    for match in re.finditer(r"/\*|\*/", source.text[start:]):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return start + match.end()
    raise source.error("ddl_syntax", "a comment is opened and never closed", start, "add the closing */")
