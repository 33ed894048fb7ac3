"""From text to PostgreSQL's own parse tree, for any input: long, deep, broken, hostile."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

from pglast import ast, parse_sql
from pglast.parser import ParseError, scan

from chart_service.guard.refusal import Refused

LONGEST = 20_000
"""Characters. Beyond it nothing is read: the parser is C code that recurses."""

MOST_TOKENS = 4_000
"""Words and signs. libpg_query overflows the stack on chains of about 25,000 operators."""

DEEPEST_BRACKETS = 60

_OPENING, _CLOSING = {"ASCII_40", "ASCII_91"}, {"ASCII_41", "ASCII_93"}
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
"""Categories of characters that nobody sees in a name."""


class Source:
    """A text and where things are in it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, location: int | None) -> tuple[int, int] | None:
        """(line, column) of a character, both from 1; None for none."""
        if location is None or not 0 <= location <= len(self.text):
            return None
        starts = [0, *(index + 1 for index, character in enumerate(self.text) if character == "\n")]
        line = bisect_right(starts, location)
        return line, location - starts[line - 1] + 1


def read_query(sql: str) -> tuple[Source, ast.SelectStmt]:
    """The tree of the one query that the text holds. Raises ``Refused``."""
    source = Source(sql)
    _check_characters(source)
    _check_tokens(source)
    statements = _parse(source)
    if not statements:
        raise Refused("empty")
    if len(statements) > 1:
        raise Refused("several_statements", source.at(statements[1].stmt_location), count=len(statements))
    statement = statements[0].stmt
    if not isinstance(statement, ast.SelectStmt):
        raise Refused("not_a_query", (1, 1), name=statement_name(statement))
    return source, statement


def statement_name(node: ast.Node | None) -> str:
    """How a statement is called in SQL, from the name of its class: ``DeleteStmt`` → ``DELETE``."""
    name = type(node).__name__.removesuffix("Stmt")
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip().upper()


def _check_characters(source: Source) -> None:
    text = source.text
    if len(text) > LONGEST:
        raise Refused("too_long", limit=LONGEST)
    for index, character in enumerate(text):
        if (character < " " and character not in "\t\n\r\f") or character == "\x7f" or "\ud800" <= character < "\ue000":
            raise Refused("bad_character", source.at(index), name=f"U+{ord(character):04X}")


def _check_tokens(source: Source) -> None:
    text = source.text
    try:
        tokens = scan(text)
    except ParseError as error:
        raise _syntax(source, error) from None
    if len(tokens) > MOST_TOKENS:
        raise Refused("too_many_words", limit=MOST_TOKENS)
    depth = 0
    for token in tokens:
        name = token.name
        if name in _OPENING:
            depth += 1
            if depth > DEEPEST_BRACKETS:
                raise Refused("too_deep", source.at(token.start), limit=DEEPEST_BRACKETS)
        elif name in _CLOSING:
            depth -= 1
        elif name == "IDENT":
            _check_name(source, token.start, token.end)
        elif name in ("UIDENT", "USCONST"):
            raise Refused("unicode_escape", source.at(token.start))
        elif name == "C_COMMENT" and text.startswith("/*!", token.start):
            raise Refused("executable_comment", source.at(token.start))
        elif name in ("PARAM", "ICONST_PARAM"):
            raise Refused("parameter", source.at(token.start), name=text[token.start : token.end + 1])


def _check_name(source: Source, start: int, end: int) -> None:
    """PostgreSQL takes every character beyond ASCII for a letter, the no-break space and the invisible ones too."""
    name = source.text[start : end + 1]
    if name.isascii():
        return
    for index, character in enumerate(name, start):
        if not character.isascii() and unicodedata.category(character) in _UNSEEN:
            raise Refused("bad_character", source.at(index), name=f"U+{ord(character):04X}")


def _parse(source: Source) -> tuple[ast.RawStmt, ...]:
    try:
        return parse_sql(source.text)
    except ParseError as error:
        raise _syntax(source, error) from None
    except (RecursionError, ValueError):
        raise Refused("too_deep", limit=DEEPEST_BRACKETS) from None


def _syntax(source: Source, error: ParseError) -> Refused:
    message, location = (*error.args, None, None)[:2]
    return Refused("syntax", source.at(location), reason=str(message).split(", at index")[0])
