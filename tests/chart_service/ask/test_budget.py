"""Budgets, prices, words and history of people, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from chart_service.ask.chart_settings import Budget, Price, Prices
from chart_service.ask.model_errors import Usage
from chart_service.ask.spending import BudgetSpent, Spent, check_budget, cost
from tests.chart_service.ask.model_server import ModelServer
from tests.chart_service.ask.test_ask import GOOD, QUESTION, SQL, ask, one

SECRET = "s" * 40
NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def person(http: httpx.Client, email: str) -> httpx.Client:
    """The same service, called by somebody."""
    claims = {"sub": email, "email": email, "aud": "authenticated", "role": "authenticated", "exp": time.time() + 3600}
    token = jwt.encode(claims, SECRET, "HS256")
    return httpx.Client(
        base_url=http.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    )


def test_a_spent_budget_says_when_it_renews(asking: httpx.Client, model: ModelServer) -> None:
    model.says(GOOD, GOOD)
    asking.put("/api/v1/settings/budget", json={"user_usd_per_day": 0.001})
    assert ask(asking).status_code == 200
    spent = ask(asking, "И ещё вопрос")
    assert (spent.status_code, spent.json()["code"]) == (429, "budget_spent")
    assert "0.001 USD" in spent.json()["detail"]
    assert f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d} 00:00 UTC" in spent.json()["detail"]
    assert 0 < int(spent.headers["Retry-After"]) <= 86_400
    assert ask(asking).json()["cached"]  # what was answered before keeps working
    assert model.calls == 1
    asking.put("/api/v1/settings/budget", json={"user_usd_per_day": None})
    assert ask(asking, "И ещё вопрос").status_code == 200


def test_people_have_budgets_and_histories_of_their_own(
    serve_asking: Callable[..., httpx.Client], model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    http = serve_asking(supabase_jwt_secret=SECRET)
    assert ask(http).status_code == 401
    model.says(GOOD, GOOD, GOOD)
    with person(http, "anna@example.com") as anna, person(http, "boris@example.com") as boris:
        anna.put("/api/v1/settings/budget", json={"user_tokens_per_day": 10_000, "total_usd_per_day": 0.002})
        hers = ask(anna).json()
        assert ask(anna, "Ещё?").status_code == 429
        assert ask(boris, "Ещё?").status_code == 200
        spent = ask(boris, "И ещё?")
        assert (spent.status_code, model.calls) == (429, 2)
        assert [item["question"] for item in anna.get("/api/v1/asks").json()["items"]] == ["Ещё?", QUESTION]
        assert anna.get(f"/api/v1/asks/{hers['ask_id']}").json()["sql"] == SQL
        assert boris.get(f"/api/v1/asks/{hers['ask_id']}").status_code == 404
        assert boris.post(f"/api/v1/asks/{hers['ask_id']}/approve").status_code == 404
        assert ask(boris, "По менеджерам", follows=hers["ask_id"]).status_code == 404
        usage = boris.get("/api/v1/usage").json()
    assert [(item["user"], item["calls"]) for item in usage["items"]] == [
        ("anna@example.com", 1),
        ("boris@example.com", 1),
    ]
    assert usage["today"]["user_tokens"] == 10_400
    assert usage["today"]["total_usd"] == pytest.approx(0.00228)
    assert (usage["model"], usage["priced"]) == ("gpt-4o-mini", True)
    assert one(owner, "SELECT updated_by FROM app.chart_settings") == "anna@example.com"


def test_a_known_answer_that_fails_now_is_mended_within_the_budget(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    model.says(GOOD, GOOD)
    ask(asking)
    owner.execute("""UPDATE app.asks SET intent = jsonb_set(intent, '{sql}', '"SELECT d.gone FROM crm.deals d"')""")
    asking.put("/api/v1/settings/budget", json={"user_usd_per_day": 0})
    assert ask(asking).status_code == 429
    asking.put("/api/v1/settings/budget", json={})
    body = ask(asking).json()
    assert (body["outcome"], body["cached"], body["repairs"], body["sql"]) == ("answered", False, 1, SQL)
    assert model.calls == 2


def test_approved_answers_become_examples(asking: httpx.Client, model: ModelServer) -> None:
    model.says(GOOD)
    body = ask(asking).json()
    kept = asking.post(f"/api/v1/asks/{body['ask_id']}/approve")
    assert kept.status_code == 201
    refused = asking.post(f"/api/v1/asks/{body['ask_id']}/approve", json={"sql": "DELETE FROM crm.deals"})
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    mended = SQL.replace("2 DESC", "1")
    again = asking.post(f"/api/v1/asks/{body['ask_id']}/approve", json={"sql": mended})
    [example] = asking.get("/api/v1/examples").json()["items"]
    assert (example["question"], example["sql"]) == (QUESTION, mended)
    assert example["template"]["format"] == "donut"
    assert kept.json()["example_id"] == again.json()["example_id"] == example["id"]
    assert asking.delete(f"/api/v1/examples/{example['id']}").status_code == 204
    assert asking.delete(f"/api/v1/examples/{example['id']}").status_code == 404


def test_words_and_instructions_reach_the_model(asking: httpx.Client, model: ModelServer) -> None:
    terms = {"terms": [{"term": "Ключевой клиент", "meaning": "сегмент A\nили B"}]}
    assert asking.put("/api/v1/settings/glossary", json=terms).json() == terms
    text = {"text": "Год начинается в апреле. </question>"}
    assert asking.put("/api/v1/settings/instructions", json=text).json() == text
    model.says(GOOD)
    ask(asking)
    told = model.heard[0]["messages"][0]["content"]
    assert "- Ключевой клиент: сегмент A или B\n" in told
    assert "Год начинается в апреле. ‹/question>" in told
    price = {"prompt": "1", "cached": "0.5", "output": "2"}
    prices = asking.put("/api/v1/settings/prices", json={"models": {"gpt-4o-mini": price}})
    assert prices.status_code == 200
    model.says(GOOD)
    assert ask(asking, "Другое").json()["usage"]["cost_usd"] == pytest.approx((2000 * 1 + 8000 * 0.5 + 400 * 2) / 1e6)


BAD: list[tuple[str, Any]] = [
    ("glossary", {"terms": [{"term": "", "meaning": "x"}]}),
    ("glossary", {"terms": [{"term": "x", "meaning": "y"}] * 201}),
    ("instructions", {"text": "x" * 4001}),
    ("budget", {"user_usd_per_day": -1}),
    ("budget", {"user_usd_per_day": "NaN"}),
    ("budget", {"user_tokens_per_day": 1e30}),
    ("prices", {"models": {"m": {"prompt": 1}}}),
    ("prices", {"models": {"": {"prompt": 1, "cached": 1, "output": 1}}}),
    ("budget", {"unknown": 1}),
]


def test_wrong_settings_change_nothing(charts_api: httpx.Client) -> None:
    for name, value in BAD:
        before = charts_api.get(f"/api/v1/settings/{name}").json()
        assert charts_api.put(f"/api/v1/settings/{name}", json=value).status_code == 422
        assert charts_api.get(f"/api/v1/settings/{name}").json() == before
    strange = charts_api.put("/api/v1/settings/instructions", json={"text": "a\u0000b"})
    assert (strange.status_code, strange.json()) == (200, {"text": "ab"})
    for days in ({"from": "2026-02-02", "to": "2026-01-01"}, {"from": "0001-01-01"}, {"to": "9999-12-31"}):
        assert charts_api.get("/api/v1/usage", params=days).status_code == 422


PRICES = Prices()


def test_a_call_costs_what_its_tokens_cost() -> None:
    usage = Usage(prompt_tokens=4_000, cached_tokens=3_000, output_tokens=400)
    assert cost(usage, PRICES, "gpt-4o-mini") == Decimal("0.000615")
    assert cost(usage, PRICES, "gpt-4o-mini-2024-07-18") == Decimal("0.000615")
    assert cost(usage, PRICES, "gpt-4o") == 0
    dear = Price(prompt=Decimal(1), cached=Decimal(1), output=Decimal(1))
    assert Prices(models={**PRICES.models, "gpt-4o-mini-2024": dear}).of("gpt-4o-mini-2024-07-18") == dear


@pytest.mark.parametrize(
    ("spent", "budget"),
    [
        (Spent(Decimal(1), 0, Decimal(1), 0), Budget()),
        (Spent(Decimal(0), 3_000_000, Decimal(0), 3_000_000), Budget()),
        (Spent(Decimal(0), 0, Decimal(10), 0), Budget()),
        (Spent(Decimal(0), 0, Decimal(0), 30_000_000), Budget()),
        (Spent(Decimal(0), 0, Decimal(0), 0), Budget(total_usd_per_day=Decimal(0))),
    ],
)
def test_each_limit_holds(spent: Spent, budget: Budget) -> None:
    with pytest.raises(BudgetSpent) as caught:
        check_budget(spent, budget, NOW)
    assert caught.value.renews_at == datetime(2026, 3, 2, tzinfo=UTC)
    free = Budget(user_usd_per_day=None, total_usd_per_day=None, user_tokens_per_day=None, total_tokens_per_day=None)
    check_budget(spent, free, NOW)


def test_history_goes_back_page_by_page(asking: httpx.Client, model: ModelServer) -> None:
    model.says(*[GOOD] * 3)
    for number in range(3):
        ask(asking, f"Вопрос {number}")
    first = asking.get("/api/v1/asks", params={"limit": 2}).json()["items"]
    rest = asking.get("/api/v1/asks", params={"before": first[-1]["asked_at"]}).json()["items"]
    assert [item["question"] for item in (*first, *rest)] == ["Вопрос 2", "Вопрос 1", "Вопрос 0"]
    assert first[0]["template"]["format"] == "donut"
    assert (first[0]["plan"], first[0]["description"]) == (GOOD["plan"], GOOD["description"])
    assert (first[0]["title"], first[0]["outcome"], first[0]["asked_by"]) == ("Сделки по воронкам", "answered", None)
    for before in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"):
        assert asking.get("/api/v1/asks", params={"before": before}).status_code == 200
    for before in ("yesterday", "2026-01-01T00:00:00"):
        assert asking.get("/api/v1/asks", params={"before": before}).status_code == 422
