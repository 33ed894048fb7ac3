"""Every type of the portal, every spelling of nothing, and everything that does not fit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from bitrix.fields import Field
from warehouse.columns import Column, wanted_parts
from warehouse.values import Unfit, converter, encode_json


def convert(field_type: str, value: Any, *, multiple: bool = False, part: str = "value") -> Any:
    field = Field("F", field_type, multiple)
    pg_type = dict(wanted_parts(field))[part]
    result = converter(Column("f", pg_type, field, part))(value)
    return json.loads(result.obj) if isinstance(result, Jsonb) else result


@pytest.mark.parametrize(
    ("field_type", "value", "expected"),
    [
        ("integer", "410", 410),
        ("integer", 410, 410),
        ("integer", "-3", -3),
        ("integer", "410.0", 410),
        ("integer", "0", 0),
        ("integer", str(2**63 - 1), 2**63 - 1),
        ("double", "19999.99", Decimal("19999.99")),
        ("double", "0.00", Decimal("0.00")),
        ("double", 19000, Decimal(19000)),
        ("double", 0.1, Decimal("0.1")),
        ("double", "1.0E+25", Decimal("1.0E+25")),
        ("double", "19999.990000000002", Decimal("19999.990000000002")),
        ("string", "текст", "текст"),
        ("string", "a\x00b", "ab"),
        ("string", "a\ud800b\udfff", "ab"),
        ("string", "😀 [B]bold[/B]\r\n", "😀 [B]bold[/B]\r\n"),
        ("string", 12, "12"),
        ("string", " ", " "),
        ("char", "Y", True),
        ("char", "N", False),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("boolean", 1, True),
        ("boolean", False, False),
        ("datetime", "2024-09-02T18:37:18+02:00", datetime(2024, 9, 2, 16, 37, 18, tzinfo=UTC)),
        ("datetime", "2024-02-26T00:00:00+02:00", datetime(2024, 2, 25, 22, tzinfo=UTC)),
        ("datetime", {}, None),
        ("date", "2024-08-30T02:00:00+02:00", date(2024, 8, 30)),
        ("date", "2024-08-30T03:00:00+03:00", date(2024, 8, 30)),
        ("date", "2024-08-29T19:00:00-05:00", date(2024, 8, 30)),
        ("date", "2024-08-30T00:00:00+03:00", date(2024, 8, 30)),
        ("date", "2024-08-30", date(2024, 8, 30)),
        ("date", "9999-12-31T03:00:00+03:00", date(9999, 12, 31)),
        ("user", "7", 7),
        ("user", "0", None),
        ("crm_company", "0", None),
        ("crm_company", 0, None),
        ("crm_category", "0", 0),
        ("crm_status", "C1:NEW", "C1:NEW"),
        ("crm_status", "14|WZ_WHATSAPP", "14|WZ_WHATSAPP"),
        ("crm", "CO_3", "CO_3"),
        ("enumeration", "267", 267),
        ("enumeration", ["267"], 267),
        ("money", "300|RUB", Decimal(300)),
        ("money", "|RUB", None),
        ("money", "300", Decimal(300)),
        ("address", "Москва|55.7;37.6|12", "Москва|55.7;37.6|12"),
        ("file", {"id": 12, "downloadUrl": "/x?auth=token"}, 12),
        ("file", "12", 12),
        ("iblock_element", "17", 17),
        ("crm_multifield", [{"ID": "1", "VALUE": "+7"}], [{"ID": "1", "VALUE": "+7"}]),
        ("rest_1_app", {"a": [1, None]}, {"a": [1, None]}),
        ("rest_1_app", "a\x00b\ud800", "ab"),
        ("unknown", 0, 0),
    ],
)
def test_single_values(field_type: str, value: Any, expected: Any) -> None:
    result = convert(field_type, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("nothing", [None, "", [], [""], [None]])
@pytest.mark.parametrize(
    "field_type",
    ["integer", "double", "string", "char", "datetime", "date", "user", "crm_status", "enumeration", "money", "file"],
)
def test_every_spelling_of_nothing_is_null(field_type: str, nothing: Any) -> None:
    assert convert(field_type, nothing) is None


@pytest.mark.parametrize(
    "field_type", ["integer", "double", "string", "datetime", "date", "user", "money", "crm_status"]
)
def test_php_false_is_nothing_where_a_value_is_no_boolean(field_type: str) -> None:
    assert convert(field_type, False) is None
    assert convert(field_type, False, multiple=True) is None


@pytest.mark.parametrize(
    ("field_type", "value", "expected"),
    [
        ("string", ["a", "", "b", None], ["a", "b"]),
        ("string", "a", ["a"]),
        ("string", {"1": "a", "3": "b"}, ["a", "b"]),
        ("employee", ["1", 2], [1, 2]),
        ("enumeration", [267, "268"], [267, 268]),
        ("date", ["2024-08-30T03:00:00+03:00"], [date(2024, 8, 30)]),
        ("file", [{"id": 1}, {"id": "2"}], [1, 2]),
        ("file", {"id": 1}, [1]),
        ("boolean", ["1", "0"], [True, False]),
        ("double", [0, "1.5"], [Decimal(0), Decimal("1.5")]),
        ("string", False, None),
        ("string", [], None),
        ("string", [""], None),
    ],
)
def test_multiple_values(field_type: str, value: Any, expected: Any) -> None:
    assert convert(field_type, value, multiple=True) == expected


def test_money_keeps_its_currency_beside_the_amount() -> None:
    assert convert("money", "300|RUB", part="currency") == "RUB"
    assert convert("money", "|RUB", part="currency") == "RUB"
    assert convert("money", "300", part="currency") is None
    assert convert("money", ["1|RUB", "2|USD"], multiple=True) == [Decimal(1), Decimal(2)]
    assert convert("money", ["1|RUB", "2|USD"], multiple=True, part="currency") == ["RUB", "USD"]


@pytest.mark.parametrize(
    ("field_type", "value"),
    [
        ("integer", "many"),
        ("integer", "1.5"),
        ("integer", str(2**63)),
        ("integer", True),
        ("integer", {"a": 1}),
        ("double", "NaN"),
        ("double", "Infinity"),
        ("double", "1E+999999"),
        ("double", "1,5"),
        ("string", {"a": 1}),
        ("string", ["a", "b"]),
        ("char", "maybe"),
        ("datetime", "0000-00-00T00:00:00+03:00"),
        ("datetime", "24.08.2023 13:19:39"),
        ("datetime", "2024-09-02T18:37:18"),
        ("datetime", "0001-01-01T00:00:00+03:00"),
        ("date", "-0001-11-30T00:00:00+02:30"),
        ("date", "9999-12-31T19:00:00-05:00"),
        ("date", "10000-01-01T00:00:00+00:00"),
        ("date", 20240830),
        ("file", {"name": "x"}),
        ("money", "1|2|3"),
        ("money", "much|RUB"),
    ],
)
def test_what_does_not_fit_is_refused_without_repeating_the_value(field_type: str, value: Any) -> None:
    with pytest.raises(Unfit) as refusal:
        convert(field_type, value)
    assert str(value) not in str(refusal.value)


def test_json_hides_access_tokens_in_urls() -> None:
    encoded = encode_json({"downloadUrl": "/bitrix/show.php?auth=s3cret&id=1", "text": "auth=x"})
    assert b"s3cret" not in encoded
    assert json.loads(encoded) == {"downloadUrl": "/bitrix/show.php?auth=***&id=1", "text": "auth=***"}
