from datetime import UTC, datetime

import pytest

from bitrix import Command, Ref


def test_keys_and_values_are_percent_encoded() -> None:
    command = Command("crm.deal.list", {"filter": {">=ID": 5, "%TITLE": "a&b=c+d é"}, "select": ["ID", "UF_*"]})
    assert command.encode() == (
        "crm.deal.list?filter%5B%3E%3DID%5D=5&filter%5B%25TITLE%5D=a%26b%3Dc%2Bd%20%C3%A9"
        "&select%5B0%5D=ID&select%5B1%5D=UF_%2A"
    )


def test_references_survive() -> None:
    command = Command("crm.stagehistory.list", {"filter": {">ID": Ref(3, ("items", 49, "ID"))}, "start": -1})
    assert command.encode() == "crm.stagehistory.list?filter%5B%3EID%5D=$result[c3][items][49][ID]&start=-1"


def test_other_values() -> None:
    moment = datetime(2024, 6, 13, 18, 23, 54, 999, tzinfo=UTC)
    assert (
        Command("m", {"a": True, "b": False, "c": moment}).encode() == "m?a=1&b=0&c=2024-06-13T18%3A23%3A54%2B00%3A00"
    )
    assert Command("m").encode() == "m"
    with pytest.raises(ValueError, match="parameter x of a batch command cannot be NoneType"):
        Command("m", {"x": None}).encode()
