"""Floor 2. The query's tokens by DuckDB's own tokenizer, with the byte range of each."""

from __future__ import annotations

import duckdb

from mtctl.core.values import frozen
from mtctl.engine.dialect import is_operator


@frozen
class Token:
    """One token: `kind` is keyword, identifier, string, number, operator or comment; `[start, end)` are bytes."""

    kind: str
    start: int
    end: int
    text: str

    def name(self) -> str:
        """Return what an identifier means: lower case, quotes off, doubled quotes single."""
        text = self.text[1:-1].replace('""', '"') if self.text.startswith('"') else self.text
        return text.lower()

    def string_value(self) -> str:
        """Return what a string literal means: quotes off, doubled quotes single; E'…' and $$…$$ too."""
        if self.text.startswith("$"):
            tag = self.text[: self.text.index("$", 1) + 1]
            return self.text[len(tag) : -len(tag)]
        body = self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        if self.text[0] in "eE":
            return body.encode("latin-1", "backslashreplace").decode("unicode_escape")
        return body


def tokens_of(raw: bytes) -> list[Token]:
    """Return the tokens without comments and white space."""
    found = duckdb.tokenize(raw.decode("utf-8", "surrogatepass"))
    kinds = _kinds()
    edges = [offset for offset, _ in found] + [len(raw)]
    tokens: list[Token] = []
    for index, (start, kind) in enumerate(found):
        piece = raw[start : edges[index + 1]]
        word = "operator" if is_operator(piece) else kinds[kind]
        length = _length(piece, word)
        if length:
            text = piece[:length].decode("utf-8", "replace")
            tokens.append(Token(kind=word, start=start, end=start + length, text=text))
    return tokens


def _kinds() -> dict[object, str]:
    kind = duckdb.token_type
    return {
        kind.keyword: "keyword",
        kind.identifier: "identifier",
        kind.string_const: "string",
        kind.numeric_const: "number",
        kind.operator: "operator",
        kind.comment: "comment",
    }


def _length(piece: bytes, kind: str) -> int:
    """Return how many bytes of the piece are the token: the rest is white space and comments."""
    if kind == "comment":
        return 0
    if kind == "string":
        return _string_length(piece)
    if kind == "identifier" and piece[:1] == b'"':
        return _quoted_length(piece, 0, b'"')
    ends = [at for at in (piece.find(b"--"), piece.find(b"/*")) if at >= 0]
    body = piece[: min(ends)] if ends and kind != "operator" else piece
    if kind == "operator":
        body = _operator(piece)
    return len(body.rstrip())


def _operator(piece: bytes) -> bytes:
    """Cut an operator at white space or a comment behind it."""
    for index in range(1, len(piece)):
        if piece[index : index + 1].isspace() or piece[index : index + 2] in {b"--", b"/*"}:
            return piece[:index]
    return piece


def _string_length(piece: bytes) -> int:
    if piece[:1] == b"$":
        tag = piece[: piece.index(b"$", 1) + 1]
        return piece.index(tag, len(tag)) + len(tag)
    escapes = piece[:1] in b"eE"
    return _quoted_length(piece, piece.index(b"'"), b"'", escapes=escapes)


def _quoted_length(piece: bytes, start: int, mark: bytes, *, escapes: bool = False) -> int:
    """Return where the closing quote is passed; a doubled quote does not close."""
    at = start + 1
    while at < len(piece):
        if escapes and piece[at : at + 1] == b"\\":
            at += 2
        elif piece[at : at + 1] != mark:
            at += 1
        elif piece[at + 1 : at + 2] == mark:
            at += 2
        else:
            return at + 1
    return len(piece)
