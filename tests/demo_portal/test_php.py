"""Query strings and arrays the way PHP sees them."""

from __future__ import annotations

from typing import Any

import pytest

from demo_portal.php import as_list, json_array, parse_str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("select[]=ID&select[]=TITLE", {"select": {"0": "ID", "1": "TITLE"}}),
        ("filter[>ID]=5", {"filter": {">ID": "5"}}),
        ("filter%5B%3E%3DID%5D=5", {"filter": {">=ID": "5"}}),
        ("order[ID]=ASC&order[TITLE]=DESC", {"order": {"ID": "ASC", "TITLE": "DESC"}}),
        ("f[@ID][]=1&f[@ID][]=2", {"f": {"@ID": {"0": "1", "1": "2"}}}),
        ("cmd[c0]=crm.deal.list%3Fstart%3D-1", {"cmd": {"c0": "crm.deal.list?start=-1"}}),
        ("a=1+2%2B3", {"a": "1 2+3"}),
        ("a.b c=1", {"a_b_c": "1"}),
        ("a[5]=x&a[]=y", {"a": {"5": "x", "6": "y"}}),
        ("a=1&a=2", {"a": "2"}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("", {}),
    ],
)
def test_parse_str(text: str, expected: dict[str, Any]) -> None:
    assert parse_str(text) == expected


def test_an_unescaped_comparison_is_cut_at_its_equals_sign() -> None:
    assert parse_str("filter[>=ID]=5&start=-1") == {"filter_>": "ID]=5", "start": "-1"}


def test_arrays_print_as_lists_when_their_keys_count_from_zero() -> None:
    assert json_array({}) == []
    assert json_array({"0": "a", "1": "b"}) == ["a", "b"]
    assert json_array({"1": "a"}) == {"1": "a"}
    assert as_list({"x": 1, "y": 2}) == [1, 2]
    assert as_list("one") == ["one"]
