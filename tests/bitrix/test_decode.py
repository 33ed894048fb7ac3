import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bitrix.decode import NotJsonError, as_int, as_map, decode_json, error_from, parse_answer, parse_timing
from bitrix.errors import (
    AccessDeniedError,
    AnswerTimeoutError,
    AuthError,
    BitrixError,
    BlockedError,
    InvalidRequestError,
    MalformedAnswerError,
    MethodNotFoundError,
    NotFoundError,
    OperatingLimitError,
    PortalUnavailableError,
    RateLimitError,
    ScopeError,
    TemporaryError,
)

GOOD = b'{"result":[{"ID":"1"}],"total":1}'


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD,
        b"<br />\n<b>Warning</b>: foreach() {} in <b>/home/x.php</b> on line <b>7</b><br />\n" + GOOD,
        b"\n\n" + GOOD + b"\n<!-- 0.02 s -->",
        b"\xef\xbb\xbfNotice: {undefined} " + GOOD,
    ],
)
def test_what_stands_around_the_json_does_not_matter(body: bytes) -> None:
    assert decode_json(body)["result"] == [{"ID": "1"}]


def test_lone_surrogates_and_broken_utf8_stay_in_the_text() -> None:
    assert decode_json(b'{"result":"a\\ud83db"}')["result"] == "a\ud83db"
    broken = decode_json('{"result":"Сделка '.encode() + b'\xff\xd0"}')["result"]
    assert broken.startswith("Сделка ")
    assert len(broken) == len("Сделка ") + 2


def test_deeply_nested_bodies_are_refused_not_a_crash() -> None:
    with pytest.raises(NotJsonError):
        decode_json(b"[" * 100_000)


@pytest.mark.parametrize(
    ("status", "code", "text", "expected"),
    [
        (503, "QUERY_LIMIT_EXCEEDED", "Too many requests", RateLimitError),
        (429, "OPERATION_TIME_LIMIT", "Method is blocked", OperatingLimitError),
        (None, "OPERATION_TIME_LIMIT", "", OperatingLimitError),
        (503, "OVERLOAD_LIMIT", "", BlockedError),
        (500, "INTERNAL_SERVER_ERROR", "", TemporaryError),
        (500, "SOMETHING_NEW", "", TemporaryError),
        (401, "NO_AUTH_FOUND", "Wrong authorization data", AuthError),
        (401, "INVALID_CREDENTIALS", "", AuthError),
        (403, "INVALID_CREDENTIALS", "", AuthError),
        (401, "expired_token", "", AuthError),
        (403, "insufficient_scope", "", ScopeError),
        (401, "insufficient_scope", "", ScopeError),
        (403, "ACCESS_DENIED", "REST is available only on commercial plans", AccessDeniedError),
        (401, "PAYMENT_REQUIRED", "", PortalUnavailableError),
        (410, "PORTAL_DELETED", "", PortalUnavailableError),
        (404, "ERROR_METHOD_NOT_FOUND", "Method not found!", MethodNotFoundError),
        (400, "INVALID_REQUEST", "Https required.", InvalidRequestError),
        (200, "", "Not found", NotFoundError),
        (400, "", "Access denied.", AccessDeniedError),
        (400, 0, "Элемент не найден", NotFoundError),
        (400, "0", "wrong", InvalidRequestError),
        (400, 100, "Could not find value for parameter {id}", InvalidRequestError),
        (200, "", "ID is not defined or invalid.", InvalidRequestError),
        (404, "SOMETHING_NEW", "", InvalidRequestError),
        (200, None, "", InvalidRequestError),
    ],
)
def test_each_error_envelope_has_its_class(
    status: int | None, code: object, text: str, expected: type[BitrixError]
) -> None:
    error = error_from("crm.deal.list", {"error": code, "error_description": text}, status)
    assert type(error) is expected
    assert str(error).startswith("crm.deal.list: ")
    if status:
        with pytest.raises(expected):
            parse_answer("crm.deal.list", status, json.dumps({"error": code, "error_description": text}).encode())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<!DOCTYPE html><html><title>Sign in</title></html>", MalformedAnswerError),
        (200, b"", MalformedAnswerError),
        (200, GOOD[:20], MalformedAnswerError),
        (200, b"[1,2]", MalformedAnswerError),
        (200, b"{}", MalformedAnswerError),
        (200, b"null", MalformedAnswerError),
        (403, b"<html>Forbidden</html>", AccessDeniedError),
        (404, b"<html>No such portal</html>", PortalUnavailableError),
        (429, b"<html>Slow down</html>", OperatingLimitError),
        (500, b"<html>Oops</html>", TemporaryError),
        (502, b"<html>Bad gateway</html>", TemporaryError),
        (503, b"", TemporaryError),
        (504, b"<html>Timeout</html>", AnswerTimeoutError),
        (599, b"<html>?</html>", TemporaryError),
        (500, b'{"result":true}', TemporaryError),
    ],
)
def test_bodies_that_are_no_envelope(status: int, body: bytes, expected: type[BitrixError]) -> None:
    with pytest.raises(BitrixError) as caught:
        parse_answer("crm.deal.list", status, body)
    assert type(caught.value) is expected


def test_an_error_text_is_short_plain_and_without_secrets() -> None:
    text = "<b>Wrong</b><br>call of https://x.bitrix24.ru/rest/1/topsecret/crm.deal.list " + "x" * 5000
    error = error_from("crm.deal.list", {"error": "", "error_description": text}, 400)
    assert "topsecret" not in str(error)
    assert "<" not in str(error)
    assert len(str(error)) < 700
    with pytest.raises(MalformedAnswerError) as caught:
        parse_answer("crm.deal.list", 200, b'{"x":' + b"y" * 193 + b"/rest/1/topsecret/" + b"z" * 10_000)
    assert "topsecre" not in str(caught.value)
    assert len(str(caught.value)) < 700


def test_an_operating_error_carries_its_reset() -> None:
    envelope = {"error": "OPERATION_TIME_LIMIT", "time": {"operating_reset_at": 1718292834}}
    error = error_from("crm.deal.list", envelope, 429)
    assert isinstance(error, OperatingLimitError)
    assert error.reset_at == 1718292834


def test_timing_reads_numbers_and_text() -> None:
    timing = parse_timing(
        {
            "duration": 1,
            "processing": "0.5",
            "date_start": "2024-06-13T18:23:54+03:00",
            "operating": 3.5,
            "operating_reset_at": "2024-06-13T18:33:54+03:00",
        }
    )
    assert timing.started == datetime(2024, 6, 13, 18, 23, 54, tzinfo=timezone(timedelta(hours=3)))
    assert (timing.duration, timing.processing, timing.operating) == (1.0, 0.5, 3.5)
    assert timing.operating_reset_at == datetime(2024, 6, 13, 15, 33, 54, tzinfo=UTC).timestamp()
    for odd in (None, [], "x", {"date_start": "2024-06-13T18:23:54"}, {"operating": True, "date_start": 5}):
        assert parse_timing(odd).started is None
        assert parse_timing(odd).operating is None


def test_empty_maps_are_lists_and_numbers_are_text() -> None:
    assert as_map([]) == {}
    assert as_map(["a", "b"]) == {"0": "a", "1": "b"}
    assert as_map(None) == {}
    assert [as_int(value) for value in ("12", " -3", 4.0, 5, "", "1.5", True, None, [])] == [
        *(12, -3, 4, 5),
        *(None,) * 5,
    ]
