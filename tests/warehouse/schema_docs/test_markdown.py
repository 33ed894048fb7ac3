"""The document renders, whatever the portal's titles hold: judged by a CommonMark parser with GitHub's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.warehouse.schema_docs.conftest import HOSTILE, Connection
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.markdown import CODES_SHOWN, LANGS, Lang, markdown
from warehouse.schema_docs.statistics import read_statistics


def tables(tokens: Sequence[Token]) -> Iterator[list[list[Token]]]:
    """The tables of a parsed document, as rows of inline tokens."""
    rows: list[list[Token]] = []
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and tokens[place - 1].type in ("td_open", "th_open"):
            rows[-1].append(token)
        elif token.type == "table_close":
            yield rows


def text_of(cell: Token) -> str:
    return "".join(child.content for child in cell.children or [])


@pytest.mark.parametrize("lang", LANGS)
def test_titles_are_shown_literally_and_break_nothing(filled: Connection, lang: Lang) -> None:
    catalog = read_catalog(filled)
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(catalog, read_statistics(filled, catalog), lang))
    found = list(tables(tokens))
    assert len(found) == 2 + len(catalog.tables)
    for rows in found:
        assert {len(row) for row in rows} == {len(rows[0])}
    children = [child for token in tokens for child in token.children or []]
    kinds = {token.type for token in [*tokens, *children]}
    assert "html_inline" not in kinds
    assert "html_block" not in kinds
    assert "image" not in kinds
    headings = [token.content for place, token in enumerate(tokens) if tokens[place - 1].type == "heading_open"]
    assert headings[-len(catalog.tables) :] == [table.name for table in catalog.tables]
    [hostile] = [row for rows in found for row in rows if text_of(row[0]) == "uf_crm_1"]
    assert text_of(hostile[2]) == " ".join(HOSTILE.split())
    [many] = [row for rows in found for row in rows if text_of(row[0]) == "uf_crm_2"]
    assert text_of(many[7]).count(";") == CODES_SHOWN
    assert str(1000 - CODES_SHOWN) in text_of(many[7])


def test_the_diagram_names_tables_keys_and_joins(filled: Connection) -> None:
    text = markdown(read_catalog(filled), {}, "en")
    diagram = text.split("```mermaid\n")[1].split("```")[0]
    assert diagram.startswith("erDiagram\n")
    assert '    deals }o--o| pipelines : "category_id"\n' in diagram
    assert '    users }o--o{ departments : "uf_department"\n' in diagram
