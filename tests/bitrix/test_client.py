"""One request at a time: envelopes, retries, redirects, batches, counters."""

import gc
import json
import logging
import ssl
from pathlib import Path

import httpx
import pytest
import structlog

from bitrix import BitrixError, Command, PortalClient, Ref, Response, WebhookUrl
from bitrix.errors import (
    AnswerTimeoutError,
    AuthError,
    BlockedError,
    CertificateError,
    InvalidRequestError,
    LongRestError,
    MalformedAnswerError,
    NotFoundError,
    OperatingLimitError,
    RateLimitError,
    ScopeError,
    TemporaryError,
    UnreachableError,
)
from tests.bitrix.conftest import Connect, FakeTime
from tests.bitrix.scripted import SECRET, Answer, Request, ScriptedPortal, batch, failure, success


async def test_a_call_posts_json_and_reads_the_envelope(connect: Connect) -> None:
    async with ScriptedPortal(success([{"ID": "1"}], total=654, next=50)) as portal:
        async with connect(portal.webhook_url) as client:
            response = await client.call("crm.deal.list", {"filter": {">ID": 0}, "empty": None})
        sent = portal.requests[0]
    assert (sent.verb, sent.path) == ("POST", f"/rest/1/{SECRET}/crm.deal.list.json")
    assert sent.params == {"filter": {">ID": 0}, "empty": None}
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"]
    assert (response.result, response.total, response.next) == ([{"ID": "1"}], 654, 50)
    assert response.time.started is not None
    assert response.time.started.isoformat() == "2024-06-13T18:23:54+03:00"
    assert client.requests == 1


async def test_without_a_time_block_the_date_header_is_the_portals_clock(connect: Connect) -> None:
    answer = Answer(body=b'{"result":1}', headers={"Date": "Thu, 13 Jun 2024 15:23:54 GMT"})
    async with ScriptedPortal(answer) as portal, connect(portal.webhook_url) as client:
        response = await client.call("profile")
    assert response.time.started is not None
    assert response.time.started.isoformat() == "2024-06-13T15:23:54+00:00"


HTML = Answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "fault",
    [
        failure(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
        failure(500, "INTERNAL_SERVER_ERROR"),
        failure(200, "ERROR_UNEXPECTED_ANSWER"),
        HTML,
        Answer(503, b""),
        Answer(200, b"<html>Sign in</html>"),
        Answer(200, b'{"result":[{"ID":"1"'),
        Answer(200, b'{"result":[{"ID":"1"}]}', cut=9),
        Answer(200, b"not gzip", {"Content-Encoding": "gzip"}),
    ],
)
async def test_what_passes_is_tried_again(connect: Connect, time: FakeTime, fault: Answer) -> None:
    async with ScriptedPortal(fault, fault, success("here")) as portal, connect(portal.webhook_url) as client:
        assert (await client.call("profile")).result == "here"
        assert (client.requests, client.retries) == (3, 2)
    assert time.slept
    assert all(seconds <= 60 for seconds in time.slept)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (failure(401, "INVALID_CREDENTIALS"), AuthError),
        (failure(401, "NO_AUTH_FOUND", "Wrong authorization data"), AuthError),
        (failure(403, "insufficient_scope"), ScopeError),
        (failure(503, "OVERLOAD_LIMIT"), BlockedError),
        (failure(400, "", "Not found"), NotFoundError),
        (failure(400, 100, "Could not find value for parameter {id}"), InvalidRequestError),
    ],
)
async def test_what_does_not_pass_is_not_tried_again(
    connect: Connect, fault: Answer, expected: type[BitrixError]
) -> None:
    async with ScriptedPortal(fault) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(expected) as caught:
            await client.call("crm.deal.list")
        assert client.requests == 1
    assert str(caught.value).startswith("crm.deal.list: ")


async def test_retries_are_bounded_and_waits_grow(connect: Connect, time: FakeTime) -> None:
    async with ScriptedPortal(HTML) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(TemporaryError):
            await client.call("profile")
        assert client.requests == 6
    assert time.slept == sorted(time.slept)
    assert 20 < sum(time.slept) < 60


async def test_a_rate_limit_makes_the_bucket_full(connect: Connect, time: FakeTime) -> None:
    fault = failure(503, "QUERY_LIMIT_EXCEEDED")
    async with ScriptedPortal(fault, success(1)) as portal, connect(portal.webhook_url) as client:
        await client.call("profile")
        assert client.waited > 0
    async with ScriptedPortal(fault) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(RateLimitError):
            await client.call("profile")


async def test_an_operating_limit_waits_for_its_reset(connect: Connect, time: FakeTime) -> None:
    began = time.now
    reset = {"time": {"operating_reset_at": began + 300}}
    fault = failure(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", **reset)
    async with ScriptedPortal(fault, success(1)) as portal, connect(portal.webhook_url) as client:
        await client.call("crm.deal.list")
    assert time.now == pytest.approx(began + 300)


async def test_a_silent_portal_times_out(connect: Connect) -> None:
    async with ScriptedPortal(Answer(200, b"{}", cut=0)) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(UnreachableError, match="broke"):
            await client.call("profile")

    def hang(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    async with connect(portal.webhook_url, transport=httpx.MockTransport(hang)) as client:
        with pytest.raises(AnswerTimeoutError, match="did not answer in time"):
            await client.call("profile")
        assert client.requests == 2


async def test_nobody_there(connect: Connect) -> None:
    async with ScriptedPortal(success(1)) as portal:
        url = portal.webhook_url
    async with connect(url) as client:
        with pytest.raises(UnreachableError, match=r"cannot connect to 127\.0\.0\.1") as caught:
            await client.call("profile")
    assert "address" in str(caught.value)


async def test_a_certificate_that_nobody_trusts_is_not_tried_again(connect: Connect) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        try:
            raise ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
        except ssl.SSLCertVerificationError as cause:
            raise httpx.ConnectError(str(cause), request=request) from cause

    url = f"https://portal.firma.ru/rest/1/{SECRET}/"
    async with connect(url, transport=httpx.MockTransport(refuse)) as client:
        with pytest.raises(CertificateError, match="self-signed"):
            await client.call("profile")
        assert client.requests == 1


async def test_a_redirect_is_posted_again_and_the_new_host_remembered(connect: Connect) -> None:
    async with ScriptedPortal(success(7)) as new:

        def moved(request: Request) -> Answer:
            return Answer(302, b"<html>", {"Location": f"http://127.0.0.1:{new.port}{request.path}"})

        async with ScriptedPortal(moved) as old, connect(old.webhook_url) as client:
            assert (await client.call("profile", {"a": 1})).result == 7
            assert (await client.call("profile", {"a": 2})).result == 7
            assert [request.verb for request in new.requests] == ["POST", "POST"]
            assert [request.params for request in new.requests] == [{"a": 1}, {"a": 2}]
            assert len(old.requests) == 1
            assert client.requests == 3
            assert client.url.host == f"127.0.0.1:{new.port}"


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://elsewhere.example/rest/1/{secret}/profile.json", "without TLS"),
        ("https://auth.example/login/?back=/rest/1/{secret}/", "no REST address"),
        ("", "no REST address|circles"),
    ],
)
async def test_redirects_that_are_not_followed(connect: Connect, location: str, says: str) -> None:
    answer = Answer(302, b"", {"Location": location.replace("{secret}", SECRET)})
    async with ScriptedPortal(answer) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(InvalidRequestError, match=says) as caught:
            await client.call("profile")
        assert len(portal.requests) <= 4
    assert SECRET not in str(caught.value)


async def test_a_batch_gives_each_command_its_own_answer(connect: Connect) -> None:
    answer = batch(
        {"c0": [], "c2": {"ID": "1"}, "c4": None},
        {"c1": {"error": "", "error_description": "Not found"}},
        result_total={"c0": 12},
        result_time={"c0": {"date_start": "2024-06-13T18:00:00+03:00", "operating": 1.5}},
    )
    commands = [Command(f"m{index}", {"filter": {">=ID": index}}) for index in range(5)]
    async with ScriptedPortal(answer) as portal, connect(portal.webhook_url) as client:
        first, second, third, fourth, fifth = await client.batch(commands)
        sent = portal.requests[0].params
    assert sent["halt"] == 0
    assert list(sent["cmd"]) == ["c0", "c1", "c2", "c3", "c4"]
    assert sent["cmd"]["c1"] == "m1?filter%5B%3E%3DID%5D=1"
    assert isinstance(first, Response)
    assert (first.result, first.total, first.time.operating) == ([], 12, 1.5)
    assert isinstance(second, NotFoundError)
    assert second.method == "m1"
    assert isinstance(third, Response)
    assert third.result == {"ID": "1"}
    assert third.time.started is not None  # the batch's own, where a command has none
    assert isinstance(fourth, MalformedAnswerError)
    assert isinstance(fifth, Response)
    assert fifth.result is None


@pytest.mark.parametrize("result", [[], None, "text", {"other": 1}])
async def test_an_answer_that_holds_no_batch(connect: Connect, result: object) -> None:
    async with ScriptedPortal(success(result)) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(MalformedAnswerError, match="holds no batch"):
            await client.batch([Command("profile")])


async def test_a_batch_of_the_wrong_size_is_a_mistake(connect: Connect) -> None:
    async with connect(f"http://127.0.0.1:9/rest/1/{SECRET}/", batch_size=2) as client:
        for size in (0, 3):
            with pytest.raises(ValueError, match="1 to 2 commands"):
                await client.batch([Command("profile")] * size)
    with pytest.raises(ValueError, match="batch_size"):
        PortalClient(WebhookUrl.parse("x.bitrix24.ru/rest/1/abc"), batch_size=51)


async def test_many_commands_ask_again_only_for_those_that_failed(connect: Connect) -> None:
    asked: list[list[str]] = []

    def script(request: Request) -> Answer:
        commands = request.params["cmd"]
        asked.append(list(commands.values()))
        failed = {k: {"error": "INTERNAL_SERVER_ERROR"} for k, v in commands.items() if v == "m3" and len(asked) < 4}
        failed |= {k: {"error": "", "error_description": "no such thing"} for k, v in commands.items() if v == "m1"}
        return batch({k: v for k, v in commands.items() if k not in failed}, failed)

    async with ScriptedPortal(script) as portal, connect(portal.webhook_url, batch_size=2) as client:
        results = await client.call_many([Command(f"m{index}") for index in range(5)])
    assert asked == [["m0", "m1"], ["m2", "m3"], ["m4"], ["m3"]]
    assert [r.result if isinstance(r, Response) else type(r) for r in results] == [
        *("m0", InvalidRequestError, "m2", "m3", "m4"),
    ]


async def test_a_429_inside_a_batch_rests_that_method_alone(connect: Connect, time: FakeTime) -> None:
    limited = {"c1": {"error": "OPERATION_TIME_LIMIT", "error_description": "blocked"}}
    async with ScriptedPortal(batch({"c0": []}, limited)) as portal, connect(portal.webhook_url) as client:
        _, second = await client.batch([Command("crm.lead.list"), Command("crm.deal.list")])
        assert isinstance(second, OperatingLimitError)
        assert second.reset_at == time.now + 60
        await client.batch([Command("crm.lead.list")])
        assert not time.slept
        await client.batch([Command("crm.deal.list")])
        assert time.slept == [60]


async def test_a_rest_that_is_too_long_is_said_once_and_nothing_is_sent(connect: Connect, time: FakeTime) -> None:
    async with ScriptedPortal(batch({"c0": []})) as portal, connect(portal.webhook_url) as client:
        client.budget.rest("crm.deal.list", time.now + 600)
        client.budget.longest_rest = 300
        with structlog.testing.capture_logs() as logged:
            for ask in (client.call("crm.deal.list"), client.call_many([Command("crm.deal.list")])):
                with pytest.raises(LongRestError, match=r"rests for 600 s more.* 300 s .*Run the sync again") as caught:
                    await ask
                assert caught.value.reset_at == time.now + 600
        assert (portal.requests, client.retries, logged, time.slept) == ([], 0, [], [])


async def test_references_reach_the_portal_as_they_are(connect: Connect) -> None:
    async with ScriptedPortal(batch({"c0": 1})) as portal, connect(portal.webhook_url) as client:
        await client.batch([Command("m", {"filter": {">ID": Ref(0, (49, "ID"))}})])
        assert portal.requests[0].params["cmd"]["c0"].endswith("=$result[c0][49][ID]")


async def test_the_secret_is_in_no_log_and_no_error(
    connect: Connect, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"https://x/rest/1/{SECRET}/profile and {SECRET} auth={SECRET}"
    faults = [
        failure(500, "INTERNAL_SERVER_ERROR", echo),
        Answer(502, f"<html>{echo}</html>".encode()),
        Answer(200, f"<html>{echo}".encode()),
        Answer(200, b'{"x"' + echo.encode()),
        failure(400, "", echo),
    ]
    errors: list[str] = []
    with structlog.testing.capture_logs() as logged:
        for fault in faults:
            async with ScriptedPortal(fault) as portal, connect(portal.webhook_url) as client:
                with pytest.raises(BitrixError) as caught:
                    await client.call("profile")
                error: BaseException | None = caught.value
                while error is not None:
                    errors.append(f"{error!s} {error!r} {error.args}")
                    error = error.__cause__ or error.__context__
                errors.append(f"{client!r} {client.url!r}")
        elsewhere = Answer(302, b"", {"Location": f"/rest/1/{SECRET}/login"})
        async with ScriptedPortal(elsewhere) as portal, connect(portal.webhook_url) as client:
            with pytest.raises(InvalidRequestError) as redirected:
                await client.call("profile")
    errors.append(str(redirected.value))
    assert any("HTTP Request" in record.getMessage() for record in caplog.records)  # httpx did log its URLs
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert any(entry["event"] == "retrying a request" for entry in logged)
    everything = " ".join([caplog.text, json.dumps(logged), capsys.readouterr().out, *errors])
    assert SECRET not in everything
    assert "***" in everything


async def test_an_answer_does_not_wait_for_the_garbage_collector(connect: Connect) -> None:
    """Answers are of megabytes. When they were held by a cycle, a sync's memory grew with the number of rows."""
    async with ScriptedPortal(success([{"ID": "1"}])) as portal, connect(portal.webhook_url) as client:
        gc.collect()
        gc.disable()
        try:
            await client.call("crm.deal.list")
            held = [item for item in gc.get_objects() if isinstance(item, httpx.Response)]
        finally:
            gc.enable()
    assert held == []
