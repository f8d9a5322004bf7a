"""Floor 0. The table statement: Flink's `CREATE MATERIALIZED TABLE` down to `AS`, and back to text.

The query behind `AS` is kept verbatim, comments and all, and belongs to the engine's parser; here only its end is
found. Every error points into the file: `file:line:column`, the line with a caret, and the way out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ddl_checks import check_columns
from mtctl.core.ddl_tokens import SourceText, Token, TokenKind, tokens
from mtctl.core.errors import MtctlError, invalid
from mtctl.core.freshness import Freshness, parse_freshness
from mtctl.core.names import check_column, check_name, check_schema, joined_name, printable
from mtctl.core.statement import CLAUSES, RESERVED_WORDS, ColumnSpec, Option, TableStatement, render

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ColumnSpec", "Option", "TableStatement", "check_columns", "parse_statement", "render"]

MAX_STATEMENT = 1_000_000
"""Longest statement, in characters."""

_REFUSED = {
    "DISTRIBUTED": "DISTRIBUTED BY is not supported: files are laid out by interval",
    "WATERMARK": "WATERMARK is not supported: a query reads finished intervals",
    "START_MODE": "START_MODE is not supported: 'start' in WITH says where the table begins",
}
_NOT_INTERVAL = (
    "MATERIALIZED TABLE only supports define interval type FRESHNESS, please refer to the materialized table document."
)
_BEHIND_TYPE = ("COMMENT", "NOT", "NULL", "PRIMARY", "UNIQUE")
_INTERVAL_FIX = "write for example FRESHNESS = INTERVAL '30' MINUTE"


def parse_statement(text: str, *, file: str) -> TableStatement:
    """Parse the one statement of a text.

    Errors (kind INVALID): `sql_empty`, `sql_too_large`, `ddl_syntax`, `ddl_unsupported`, `ddl_multiple`, `identifier`,
    `identifier_reserved`, `option_duplicate`, `schema_duplicate_column`, `freshness*`.
    """
    if len(text) > MAX_STATEMENT:
        raise invalid(
            "sql_too_large", f"the statement has {len(text):,} characters", where=printable(file),
            fix=f"keep it below {MAX_STATEMENT:,}",
        )  # fmt: skip
    source = SourceText(text, file)
    if "\0" in text:
        raise source.error(
            "ddl_syntax", "the text holds a NUL character", text.index("\0"), "save the file as UTF-8 text"
        )
    return _Parser(source).statement()


class _Parser:
    """A cursor over the tokens; one method a clause, in the order of the grammar."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.stream: Iterator[Token] = tokens(source)
        self.now = next(self.stream)

    def statement(self) -> TableStatement:
        while self.now.is_symbol(";"):
            self._advance()
        if self.now.kind is TokenKind.END:
            raise self.source.error("sql_empty", "there is no statement", 0, "write CREATE MATERIALIZED TABLE … AS …")
        start = self.now.start
        or_alter = self._head()
        catalog, name = self._table_name()
        columns, primary_key, primary_key_at = self._column_list() if self.now.is_symbol("(") else ((), (), (1, 1))
        comment = self._string_literal("a comment") if self._take("COMMENT") else None
        partition_columns = self._partitioned() if self._take("PARTITIONED") else ()
        options = self._options() if self._take("WITH") else ()
        freshness = self._freshness() if self._take("FRESHNESS") else None
        refresh_mode = self._refresh_mode() if self._take("REFRESH_MODE") else None
        query_start, query = self._query()
        line, column = self.source.position(query_start)
        return TableStatement(
            name=name, query=query, catalog=catalog, or_alter=or_alter, columns=columns, primary_key=primary_key,
            comment=comment, partition_columns=partition_columns, options=options, freshness=freshness,
            refresh_mode=refresh_mode, file=self.source.file, ddl=self.source.text[start:].rstrip(),
            query_line=line, query_column=column, primary_key_at=primary_key_at,
        )  # fmt: skip

    def _head(self) -> bool:
        self._expect("CREATE")
        if self.now.is_word("TEMPORARY", "TEMP"):
            raise self._error(
                "ddl_unsupported", "CREATE TEMPORARY MATERIALIZED TABLE is not supported.", "remove TEMPORARY"
            )
        or_alter = False
        if self._take("OR"):
            if self.now.is_word("REPLACE"):
                raise self._error("ddl_unsupported", "REPLACE MATERIALIZED TABLE is not supported.", "write OR ALTER")
            self._expect("ALTER")
            or_alter = True
        self._expect("MATERIALIZED")
        self._expect("TABLE")
        return or_alter

    def _table_name(self) -> tuple[str | None, str]:
        first = self.now
        parts = [self._identifier("a table name")]
        while self.now.is_symbol("."):
            self._advance()
            parts.append(self._identifier("a table name"))
        where = self.source.where(first.start)
        if len(parts) > 3:
            raise self._error("ddl_syntax", "a name has at most three parts", "write catalog.schema.table", first)
        try:
            catalog = check_name(parts[0].value, "catalog", where=where) if len(parts) == 3 else None
            schema = check_schema(parts[-2].value, where=where) if len(parts) > 1 else None
            return catalog, joined_name(schema, check_name(parts[-1].value, "table", where=where))
        except MtctlError as error:
            error.excerpt = self.source.excerpt(parts[-1].start)
            raise

    def _column_list(self) -> tuple[tuple[ColumnSpec, ...], tuple[str, ...], tuple[int, int]]:
        columns: list[ColumnSpec] = []
        primary_key: tuple[str, ...] = ()
        at = (1, 1)
        for _ in self._items("a column"):
            if self._take("CONSTRAINT"):
                self._identifier("a constraint name")
            if self.now.is_word("UNIQUE"):
                raise self._error("ddl_unsupported", "UNIQUE constraint is not supported yet", "declare a PRIMARY KEY")
            if self.now.is_word("WATERMARK"):
                self._refuse()
            if not self.now.is_word("PRIMARY"):
                columns.append(self._column(columns))
                continue
            if primary_key:
                raise self._error("ddl_syntax", "a table has one PRIMARY KEY", "name all its columns in one list")
            primary_key, at = self._primary_key()
        return tuple(columns), primary_key, at

    def _primary_key(self) -> tuple[tuple[str, ...], tuple[int, int]]:
        self._expect("PRIMARY")
        self._expect("KEY")
        self._at("(", "the columns of the key")
        place = self.source.position(self.now.start + 1)
        names = self._names("a column of the key")
        if not self._take("NOT"):
            raise self._error("ddl_syntax", "a PRIMARY KEY is not enforced", "write PRIMARY KEY (…) NOT ENFORCED")
        self._expect("ENFORCED")
        return names, place

    def _column(self, before: list[ColumnSpec]) -> ColumnSpec:
        token = self.now
        name = self._column_name("a column name")
        if name.lower() in {column.name.lower() for column in before}:
            what = f"the column '{name}' stands twice"
            raise self._error("schema_duplicate_column", what, "name each column once", token)
        type_text = self._type()
        if self.now.is_word("NOT", "NULL", "PRIMARY", "UNIQUE"):
            what = f"{self.now.value.upper()} is not supported behind a column"
            raise self._error("ddl_unsupported", what, "remove it; the query decides what may be NULL")
        comment = self._string_literal("a comment") if self._take("COMMENT") else None
        return ColumnSpec(name=name, type=type_text, comment=comment)

    def _type(self) -> str | None:
        """Read a type's tokens up to the comma, bracket or clause that ends it."""
        found: list[Token] = []
        depth = 0
        while self.now.kind is not TokenKind.END:
            if depth == 0 and (self.now.text in {",", ")"} or self.now.is_word(*_BEHIND_TYPE)):
                break
            if self.now.kind is TokenKind.SYMBOL and self.now.text not in set("()[]<>,"):
                raise self._error(
                    "ddl_syntax", f"a type cannot hold {printable(self.now.text)}", "write for example DECIMAL(10,2)"
                )
            depth += (self.now.text in {"(", "<", "["}) - (self.now.text in {")", ">", "]"})
            found.append(self.now)
            self._advance()
        return _type_text(found) or None

    def _partitioned(self) -> tuple[str, ...]:
        self._expect("BY")
        return self._names("a partition column")

    def _options(self) -> tuple[Option, ...]:
        found: dict[str, Option] = {}
        for _ in self._items("an option"):
            token = self.now
            line, column = self.source.position(token.start)
            key = self._string_literal("an option key")
            self._symbol("=")
            value = self._string_literal("an option value")
            if key in found:
                what = f"the option '{printable(key[:80])}' stands twice"
                raise self._error("option_duplicate", what, "write each option once", token)
            found[key] = Option(key=key, value=value, line=line, column=column)
        return tuple(found.values())

    def _freshness(self) -> Freshness:
        self._symbol("=")
        if not self.now.is_word("INTERVAL"):
            raise self._error("ddl_syntax", _NOT_INTERVAL, _INTERVAL_FIX)
        start = self.now
        self._advance()
        sign = "-" if self.now.is_symbol("-") else ""
        if sign or self.now.is_symbol("+"):
            self._advance()
        if self.now.kind is not TokenKind.STRING:
            raise self._error("ddl_syntax", _NOT_INTERVAL, _INTERVAL_FIX)
        value = sign + self._string_literal("a number")
        unit = self._word("a time unit")
        if self._take("TO"):
            unit += " TO " + self._word("a time unit")
        try:
            return parse_freshness(value, unit, where=self.source.where(start.start))
        except MtctlError as error:
            error.excerpt = self.source.excerpt(start.start)
            raise

    def _refresh_mode(self) -> str:
        self._symbol("=")
        if not self.now.is_word("FULL", "CONTINUOUS"):
            raise self._error(
                "ddl_syntax", f"REFRESH_MODE is not {self._shown()}", "write FULL or CONTINUOUS, or leave it out"
            )
        return self._word("a mode").upper()

    def _query(self) -> tuple[int, str]:
        """Take AS and return where the query begins and its text; nothing may follow its semicolon."""
        self._refuse()
        if not self.now.is_word("AS"):
            late = self.now.value.upper() if self.now.kind is TokenKind.WORD else ""
            fix = f"the clauses come in the order {', '.join(CLAUSES)}" if late in CLAUSES else "write AS SELECT …"
            raise self._error("ddl_syntax", f"AS is expected, not {self._shown()}", fix)
        begin = self.now.end
        rest = [token for token in self.stream if token.kind is not TokenKind.END]
        statements = _statements(rest)
        if len(statements) > 1:
            what = f"there are {len(statements)} statements"
            raise self._error("ddl_multiple", what, "keep one statement a file", statements[1][0])
        if not statements or rest[0].is_symbol(";"):
            raise self._error("sql_empty", "there is no query behind AS", "write a SELECT")
        semicolon = next((token.start for token in rest if token.is_symbol(";")), len(self.source.text))
        body = self.source.text[begin:semicolon]
        return begin + len(body) - len(body.lstrip()), body.strip()

    def _items(self, what: str) -> Iterator[None]:
        """Yield once for each item of a bracketed, comma-separated list; the caller reads the item."""
        self._at("(", what)
        self._advance()
        if self.now.is_symbol(")"):
            raise self._error("ddl_syntax", f"the list is empty: {what} is expected", "name at least one")
        while True:
            yield
            if self.now.is_symbol(")"):
                self._advance()
                return
            if not self.now.is_symbol(","):
                raise self._error(
                    "ddl_syntax", f"a comma or ) is expected, not {self._shown()}", "separate the items by commas"
                )
            self._advance()

    def _names(self, what: str) -> tuple[str, ...]:
        found: list[str] = []
        for _ in self._items(what):
            token = self.now
            name = self._column_name(what)
            if name.lower() in {each.lower() for each in found}:
                raise self._error("schema_duplicate_column", f"'{name}' stands twice", "name each column once", token)
            found.append(name)
        return tuple(found)

    def _column_name(self, what: str) -> str:
        token = self._identifier(what)
        try:
            return check_column(token.value, where=self.source.where(token.start))
        except MtctlError as error:
            error.excerpt = self.source.excerpt(token.start)
            raise

    def _identifier(self, what: str) -> Token:
        token = self.now
        if token.kind is TokenKind.WORD and token.value.lower() in RESERVED_WORDS:
            word = printable(token.value)
            raise self._error(
                "identifier_reserved", f"'{word}' is a word of SQL, not {what}", f'write "{word}" in quotes'
            )
        if token.kind not in {TokenKind.WORD, TokenKind.QUOTED}:
            raise self._error(
                "ddl_syntax", f"{what} is expected, not {self._shown()}", 'write a name, or "a name" in quotes'
            )
        self._advance()
        return token

    def _string_literal(self, what: str) -> str:
        token = self.now
        if token.kind is not TokenKind.STRING:
            raise self._error("ddl_syntax", f"{what} in single quotes is expected, not {self._shown()}", "write 'text'")
        self._advance()
        return token.value

    def _word(self, what: str) -> str:
        token = self.now
        if token.kind is not TokenKind.WORD:
            raise self._error("ddl_syntax", f"{what} is expected, not {self._shown()}")
        self._advance()
        return token.value

    def _take(self, keyword: str) -> bool:
        if not self.now.is_word(keyword):
            return False
        self._advance()
        return True

    def _expect(self, keyword: str) -> None:
        if not self._take(keyword):
            fix = "the statement is CREATE [OR ALTER] MATERIALIZED TABLE name … AS SELECT …"
            raise self._error("ddl_syntax", f"{keyword} is expected, not {self._shown()}", fix)

    def _symbol(self, symbol: str) -> None:
        self._at(symbol, symbol)
        self._advance()

    def _at(self, symbol: str, what: str) -> None:
        if not self.now.is_symbol(symbol):
            raise self._error("ddl_syntax", f"{symbol} is expected, not {self._shown()}", f"write {what} here")

    def _refuse(self) -> None:
        what = _REFUSED.get(self.now.value.upper()) if self.now.kind is TokenKind.WORD else None
        if what:
            raise self._error("ddl_unsupported", what, "remove it")

    def _advance(self) -> None:
        self.now = next(self.stream)

    def _shown(self) -> str:
        return "the end of the text" if self.now.kind is TokenKind.END else printable(self.now.text[:40])

    def _error(self, code: str, what: str, fix: str = "", token: Token | None = None) -> MtctlError:
        return self.source.error(code, what, (token or self.now).start, fix)


def _statements(rest: list[Token]) -> list[list[Token]]:
    """Split tokens at semicolons; empty statements do not count."""
    found: list[list[Token]] = [[]]
    for token in rest:
        if token.is_symbol(";"):
            found.append([])
        else:
            found[-1].append(token)
    return [statement for statement in found if statement]


def _type_text(found: list[Token]) -> str:
    """Return the tokens of a type in one spelling of white space: `DECIMAL(10, 2)`, `STRUCT(a INTEGER)`."""
    text = ""
    for token in found:
        tight = not text or token.text in set("()[]<>,") or text[-1] in "([<"
        text += token.text if tight else " " + token.text
    return text
