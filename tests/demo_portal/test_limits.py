"""The leaky bucket and the operating time."""

from __future__ import annotations

import pytest

from demo_portal.limits import LeakyBucket, LimitSettings, OperatingTime
from tests.demo_portal.conftest import Caller


def test_the_bucket_takes_a_burst_and_then_two_a_second() -> None:
    now = [0.0]
    bucket = LeakyBucket(LimitSettings(), clock=lambda: now[0])
    assert [bucket.admit() for _ in range(52)].count(True) == 50
    now[0] = 1.0
    assert [bucket.admit() for _ in range(4)] == [True, True, False, False]
    now[0] = 100.0
    assert sum(bucket.admit() for _ in range(60)) == 50


def test_operating_time_slides_out_of_the_window() -> None:
    operating = OperatingTime(LimitSettings(operating_limit=1.0, page_cost=0.5))
    assert operating.charge("crm.deal.list", 1, 0) == 0.5
    assert operating.charge("crm.deal.list", 1, 70) == 1.0
    assert operating.exhausted("crm.deal.list", 80)
    assert not operating.exhausted("crm.lead.list", 80)
    assert operating.reset_at("crm.deal.list", 80) == 600
    assert not operating.exhausted("crm.deal.list", 600)
    assert operating.used("crm.deal.list", 700) == 0


class TestServed:
    @pytest.fixture
    def limits(self) -> LimitSettings:
        return LimitSettings(bucket_size=5, leak_per_second=0.001, operating_limit=0.06, page_cost=0.02)

    def test_an_overflow_is_a_503(self, call: Caller) -> None:
        answers = [call.http.get("profile") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [503] * 2
        assert answers[-1].json()["error"] == "QUERY_LIMIT_EXCEEDED"
        assert call.server.stats.refused_by_rate == 2

    def test_operating_time_runs_out_within_a_batch(self, call: Caller) -> None:
        commands = {f"c{n}": "crm.deal.list?select[]=ID&start=-1" for n in range(5)}
        answer = call.batch(**commands, other="crm.lead.list?start=-1")
        assert set(answer["result"]) == {"c0", "c1", "c2", "other"}
        assert {error["error"] for error in answer["result_error"].values()} == {"OPERATION_TIME_LIMIT"}
        assert answer["result_time"]["c2"]["operating"] == pytest.approx(0.06)
        alone = call.http.post("crm.deal.list", json={})
        assert alone.status_code == 429

    def test_limits_can_be_turned_off_while_it_runs(self, call: Caller, limits: LimitSettings) -> None:
        limits.enforced = False
        assert {call.http.get("crm.deal.list").status_code for _ in range(12)} == {200}
        assert call("crm.deal.list")["time"]["operating"] == pytest.approx(0.26)
