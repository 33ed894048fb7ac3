"""From text to PostgreSQL's own parse tree, for any input: long, deep, broken, hostile."""

from __future__ import annotations

import re
import unicodedata

from pglast import ast, parse_sql
from pglast.parser import ParseError, scan

from chart_service.guard.refusal import Refused

LONGEST = 20_000
"""Characters. Beyond it nothing is read: the parser is C code that recurses."""

MOST_TOKENS = 3_000
"""Words and signs. libpg_query overflows the stack on chains of about 25,000 operators."""

DEEPEST_BRACKETS = 60

DEEPEST_ARRAYS = 4
"""``[`` within one another: sqlglot's time more than doubles with each, and twenty of them are minutes."""

_SEMICOLON = "ASCII_59"
_ARRAY_OPENS, _ARRAY_CLOSES = "ASCII_91", "ASCII_93"
_OPENING, _CLOSING = {"ASCII_40", _ARRAY_OPENS}, {"ASCII_41", _ARRAY_CLOSES}
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_SPACES = _UNSEEN | {"Zs"}
"""Categories of characters that nobody sees in a name; between quotes a wide or narrow space is only a space."""

_PROGRAMS = ("/*!", "/*+")
"""Beginnings of comments that some servers execute or obey."""


def read_query(text: str) -> ast.SelectStmt:
    """The tree of the one query that the text holds. Raises ``Refused``."""
    text = text.removeprefix("\ufeff")  # a mark that editors on Windows leave at the beginning of a file
    _check_characters(text)
    _check_tokens(text)
    statements = _parse(text)
    if not statements:
        raise Refused("empty")
    if len(statements) > 1:
        raise Refused("several_statements", statements[1].stmt_location)
    statement = statements[0].stmt
    if not isinstance(statement, ast.SelectStmt):
        raise Refused("not_a_query", statements[0].stmt_location or 0, name=statement_name(statement))
    return statement


def statement_name(node: ast.Node | None) -> str:
    """How a statement is called in SQL, from the name of its class: ``DeleteStmt`` → ``DELETE``."""
    name = type(node).__name__.removesuffix("Stmt")
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().upper()


def _check_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise Refused("too_long", limit=LONGEST)
    if control := _CONTROL.search(text):
        raise Refused("bad_character", control.start(), name=f"U+{ord(control[0]):04X}")


def _check_tokens(text: str) -> None:
    try:
        tokens = scan(text)
    except ParseError as error:
        raise _syntax(error) from None
    if len(tokens) > MOST_TOKENS:
        raise Refused("too_many_words", limit=MOST_TOKENS)
    depth = arrays = 0
    ended: int | None = None
    for token in tokens:
        name = token.name
        if ended is not None and not name.endswith("_COMMENT"):
            raise Refused("several_statements", ended)
        if name == _SEMICOLON:
            ended = token.start
        if name in _OPENING:
            depth += 1
            arrays += name == _ARRAY_OPENS
            if depth > DEEPEST_BRACKETS:
                raise Refused("too_deep", token.start, limit=DEEPEST_BRACKETS)
            if arrays > DEEPEST_ARRAYS:
                raise Refused("too_deep", token.start, limit=DEEPEST_ARRAYS)
        elif name in _CLOSING:
            depth -= 1
            arrays -= name == _ARRAY_CLOSES
        elif name == "IDENT":
            _check_name(text, token.start, token.end)
        elif name in ("UIDENT", "USCONST"):
            raise Refused("unicode_escape", token.start)
        elif name == "C_COMMENT" and text.startswith(_PROGRAMS, token.start):
            raise Refused("executable_comment", token.start)
        elif name in ("PARAM", "ICONST_PARAM"):
            raise Refused("parameter", token.start, name=text[token.start : token.end + 1])


def _check_name(text: str, start: int, end: int) -> None:
    """PostgreSQL takes every character beyond ASCII for a letter, the no-break space and the invisible ones too."""
    name = text[start : end + 1]
    if name.isascii():
        return
    unseen = _UNSEEN if name.startswith('"') else _SPACES
    for index, character in enumerate(name, start):
        if not character.isascii() and unicodedata.category(character) in unseen:
            raise Refused("bad_character", index, name=f"U+{ord(character):04X}")


def _parse(text: str) -> tuple[ast.RawStmt, ...]:
    try:
        return parse_sql(text)
    except ParseError as error:
        raise _syntax(error) from None
    except (RecursionError, ValueError):
        raise Refused("too_deep", limit=DEEPEST_BRACKETS) from None


def _syntax(error: ParseError) -> Refused:
    message, location = (*error.args, None, None)[:2]
    return Refused("syntax", location, reason=str(message).split(", at index")[0])
