"""Columns designed from fields: names, types, and what happens when fields change."""

from __future__ import annotations

import pytest

from bitrix.fields import Field
from warehouse.columns import KnownColumn, Table, clip_name, design

ID = Field("ID", "integer")


def names(table: Table) -> dict[str, str]:
    return {column.name: column.pg_type for column in table.columns}


def known(table: Table) -> list[KnownColumn]:
    return [KnownColumn(column.name, column.field.code, column.part, column.pg_type) for column in table.columns]


def designed(*fields: Field, have: Table | None = None) -> Table:
    return design("deal", "deals", [ID, *fields], key="ID", modified="DATE_MODIFY", known=known(have) if have else ())


def test_each_type_has_its_column() -> None:
    table = designed(
        Field("TITLE", "string"),
        Field("UF_A", "enumeration", multiple=True),
        Field("UF_M", "money"),
        Field("UF_MM", "money", multiple=True),
        Field("UF_X", "rest_1_something", multiple=True),
        Field("DATE_MODIFY", "datetime"),
        Field("ORDER", "integer"),
    )
    assert names(table) == {
        "id": "int8",
        "title": "text",
        "uf_a": "int8[]",
        "uf_m": "numeric",
        "uf_m_currency": "text",
        "uf_mm": "numeric[]",
        "uf_mm_currency": "text[]",
        "uf_x": "jsonb",
        "date_modify": "timestamptz",
        "order": "int8",
    }
    assert (table.key, table.modified) == ("id", "date_modify")


def test_a_field_of_another_type_gets_a_column_beside_the_old_one_and_back_again() -> None:
    before = designed(Field("UF_A", "string"))
    after = designed(Field("UF_A", "double"), have=before)
    assert names(after) == {"id": "int8", "uf_a_numeric": "numeric"}
    multiple = designed(Field("UF_A", "string", multiple=True), have=before)
    assert "uf_a_text_list" in names(multiple)
    again = design("deal", "deals", [ID, Field("UF_A", "string")], key="ID", known=[*known(before), *known(after)])
    assert "uf_a" in names(again)


def test_names_never_collide() -> None:
    table = designed(
        Field("UF_M", "money"), Field("UF_M_CURRENCY", "string"), Field("uf_m", "string"), Field("XMIN", "string")
    )
    assert len(names(table)) == len(table.columns) == 6
    assert "xmin" not in names(table)


def test_long_names_are_cut_by_bytes_and_stay_apart() -> None:
    first, second = clip_name("ж" * 60), clip_name("ж" * 61)
    assert len(first.encode()) <= 63
    assert len(second.encode()) <= 63
    assert first != second
    assert clip_name("a" * 63) == "a" * 63


def test_a_field_list_without_the_key_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="field list of deal lacks its key ID"):
        design("deal", "deals", [Field("TITLE", "string")], key="ID")
