"""Batches, references and their traps."""

from __future__ import annotations

from tests.demo_portal.conftest import Caller

LIST = "crm.deal.list?order[ID]=ASC&select[]=ID&start=-1"


def test_results_come_by_key_with_their_totals(shared: Caller) -> None:
    answer = shared.batch(a="crm.deal.list?order[ID]=ASC", b="profile", c="nothing.here")
    assert set(answer["result"]) == {"a", "b"}
    assert answer["result_error"] == {
        "c": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
    }
    assert answer["result_total"] == {"a": len(shared.portal.ids("deal"))}
    assert answer["result_next"] == {"a": 50}
    assert {"operating", "operating_reset_at", "date_start"} <= set(answer["result_time"]["a"])


def test_empty_maps_are_lists_and_so_are_maps_with_counting_keys(shared: Caller) -> None:
    answer = shared.result("batch", cmd={"0": "profile", "1": "scope"})
    assert isinstance(answer["result"], list)
    assert answer["result_error"] == answer["result_next"] == answer["result_total"] == []
    assert shared.result("batch", cmd={"x": "nope"})["result"] == []


def test_a_chain_walks_by_reference(shared: Caller) -> None:
    commands = {"c0": f"{LIST}&filter[>ID]=0"}
    commands |= {f"c{n}": f"{LIST}&filter[%3EID]=$result[c{n - 1}][49][ID]" for n in range(1, 4)}
    answer = shared.batch(**commands)
    ids = [int(row["ID"]) for n in range(4) for row in answer["result"][f"c{n}"]]
    assert ids == shared.portal.ids("deal")[:200]


def test_an_escaped_reference_works_too(shared: Caller) -> None:
    answer = shared.batch(c0=f"{LIST}&filter[>ID]=0", c1=f"{LIST}&filter%5B%3EID%5D=%24result%5Bc0%5D%5B49%5D%5BID%5D")
    assert [int(row["ID"]) for row in answer["result"]["c1"]] == shared.portal.ids("deal")[50:100]


def test_a_chain_restarts_after_a_short_page(shared: Caller) -> None:
    """The reference to a missing row is an array, which casts to 1, so the walk begins anew."""
    ids = shared.portal.ids("deal")
    answer = shared.batch(
        c0=f"{LIST}&filter[>ID]={ids[-11]}",
        c1=f"{LIST}&filter[>ID]=$result[c0][49][ID]",
        c2=f"{LIST}&filter[>ID]={ids[-1]}",
        c3=f"{LIST}&filter[>ID]=$result[c2][49][ID]",
    )
    found = [[int(row["ID"]) for row in answer["result"][key]] for key in ("c0", "c1", "c2", "c3")]
    assert found[0] == ids[-10:]
    assert found[1] == [row_id for row_id in ids if row_id > 1][:50]
    assert found[2] == []
    assert found[3] == ids[:50], "an empty page casts to 0"


def test_wrapped_rows_can_be_referred_to(shared: Caller) -> None:
    head = "crm.stagehistory.list?entityTypeId=2&order[ID]=ASC&start=-1"
    answer = shared.batch(a=f"{head}&filter[>ID]=0", b=f"{head}&filter[>ID]=$result[a][items][49][ID]")
    ids = [row["ID"] for key in ("a", "b") for row in answer["result"][key]["items"]]
    assert ids == [row["ID"] for row in shared.portal.rows("deal_stage_history")[:100]]


def test_an_unescaped_comparison_loses_its_filter(shared: Caller) -> None:
    answer = shared.batch(
        bad="crm.deal.list?filter[>=ID]=1000&order[ID]=ASC", good="crm.deal.list?filter[%3E%3DID]=1000&order[ID]=ASC"
    )
    assert answer["result_total"]["bad"] == len(shared.portal.ids("deal"))
    assert answer["result"]["good"][0]["ID"] >= "1000"


def test_halt_stops_at_the_first_error(shared: Caller) -> None:
    commands = {"a": "profile", "b": "nope", "c": "scope"}
    assert set(shared.batch(halt=1, **commands)["result"]) == {"a"}
    assert set(shared.batch(halt=0, **commands)["result"]) == {"a", "c"}


def test_surplus_commands_fail_alone(shared: Caller) -> None:
    answer = shared.batch(**{f"c{n}": "server.time" for n in range(53)})
    assert len(answer["result"]) == 50
    assert {error["error"] for error in answer["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    assert set(answer["result_error"]) == {"c50", "c51", "c52"}


def test_a_batch_in_a_batch_is_refused(shared: Caller) -> None:
    answer = shared.batch(inner="batch?cmd[a]=profile")
    assert answer["result_error"]["inner"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_a_batch_without_commands_is_an_error(shared: Caller) -> None:
    assert shared("batch")["error"] == "100"


def test_a_batch_may_come_as_a_form_or_a_query(shared: Caller) -> None:
    form = shared.http.post("batch", data={"halt": "0", "cmd[a]": f"{LIST}&filter[>ID]=10", "cmd[b]": "scope"}).json()
    query = shared.http.get("batch", params={"cmd[a]": f"{LIST}&filter[>ID]=10", "cmd[b]": "scope"}).json()
    assert form["result"]["result"] == query["result"]["result"]
    assert int(form["result"]["result"]["a"][0]["ID"]) > 10
