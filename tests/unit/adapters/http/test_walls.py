"""Demand C.2, 13 to 16: what a page of another site may not do."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from core.domain.errors import SettingsError
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

TXT2IMG = "/sdapi/v1/txt2img"
JSON = {"content-type": "application/json"}
PAGE = "http://localhost:3000"
CHANGING = ("/sdapi/v1/txt2img", "/sdapi/v1/options", "/sdapi/v1/interrupt", "/sdapi/v1/server-stop")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:7860", "127.0.0.1:7860", "[::1]:7860", "192.168.1.5", "a.localhost", "10.0.0.1"],
)
def test_a_request_to_this_machine_passes(client: Client, host: str) -> None:
    assert client.get("/sdapi/v1/samplers", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "x@localhost"]
)
def test_a_request_to_a_foreign_name_does_not(client: Client, host: str) -> None:
    answer = client.get("/sdapi/v1/samplers", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]) == (421, "UnknownHost")
    assert "http.allowed_hosts" in answer.json()["detail"]


def test_names_are_listed(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"allowed_hosts": ["Serena.example"]})
    assert client.get("/health/live", headers={"Host": "serena.example:443"}).status_code == 200
    anybody = client_with(http={"allowed_hosts": ["*"]})
    assert anybody.get("/health/live", headers={"Host": "whatever"}).status_code == 200


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": PAGE},
        {"Origin": "http://evil.example/localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_changes_nothing(
    client: Client, fake: FakeApplication, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, {}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "ForeignOrigin")
    assert (fake.submitted, fake.interrupted, fake.changed) == ([], [], {})


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}],
)
def test_a_page_of_its_own_and_a_program_may(client: Client, headers: dict[str, str]) -> None:
    assert client.post(TXT2IMG, {}, headers=headers).status_code == 200


def test_reading_and_following_a_link_are_not_kept_away(client: Client) -> None:
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = client.get("/sdapi/v1/samplers", headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_is_no_request(client: Client, fake: FakeApplication, kind: str) -> None:
    answer = client.post(TXT2IMG, content=b"{}", headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]) == (415, "UnsupportedMediaType")
    assert fake.submitted == []


def test_a_body_without_a_type_is_json_unless_a_browser_sends_it(client: Client) -> None:
    assert client.post(TXT2IMG, content=b"{}").status_code == 200
    assert client.post(TXT2IMG, content=b"{}", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 415
    problem = {"content-type": "application/problem+json"}
    assert client.post(TXT2IMG, content=b"{}", headers=problem).status_code == 200


def preflight(client: Client, origin: str) -> tuple[int, str | None, str | None]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    headers["Access-Control-Request-Headers"] = "content-type"
    answer = client.ask("OPTIONS", TXT2IMG, headers=headers)
    found = answer.headers
    allow = found.get("access-control-allow-origin"), found.get("access-control-allow-credentials")
    return answer.status_code, *allow


def test_cors_is_off_unless_switched_on(client: Client) -> None:
    status, origin, _ = preflight(client, PAGE)
    assert (status, origin) == (405, None)


def test_a_listed_page_may_call(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"cors_origins": [PAGE], "users": ["a:b"]})
    assert preflight(client, PAGE) == (200, PAGE, "true")
    assert preflight(client, "http://evil.example")[:2] == (400, None)
    answer = client.post(TXT2IMG, {}, headers={"Origin": PAGE}, auth=("a", "b"))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "X-Job-Id" in answer.headers["access-control-expose-headers"]
    assert (
        client.post(TXT2IMG, {}, headers={"Origin": "http://evil.example"}, auth=("a", "b")).status_code
        == 403
    )
    assert client.post(TXT2IMG, {}, headers={"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE


def test_any_page_may_call_but_without_credentials(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"cors_origins": ["*"], "cors_origin_regex": ".*"})
    assert preflight(client, "http://anything.example") == (200, "*", None)
    assert client.post(TXT2IMG, {}, headers={"Origin": "null"}).headers["access-control-allow-origin"] == "*"


def test_pages_by_pattern(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"cors_origin_regex": r"https://[a-z]+\.example"})
    assert preflight(client, "https://a.example")[1] == "https://a.example"
    assert client.post(TXT2IMG, {}, headers={"Origin": "https://a.example.evil"}).status_code == 403


def test_a_pattern_that_is_none_is_one_sentence(client_with: Callable[..., Client]) -> None:
    with pytest.raises(SettingsError, match="cors_origin_regex is no regular"):
        client_with(http={"cors_origin_regex": "("})


def test_answers_are_no_pages(client: Client) -> None:
    headers = client.get("/sdapi/v1/samplers").headers
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize("prefix", ["/serena", "serena/"])
def test_a_subpath_with_or_without_the_proxys_help(client_with: Callable[..., Client], prefix: str) -> None:
    client = client_with(http={"subpath": prefix, "users": ["a:b"]})
    for path in ("/sdapi/v1/samplers", "/serena/sdapi/v1/samplers"):
        assert client.get(path, auth=("a", "b")).status_code == 200
        assert client.get(path).status_code == 401
    assert client.get("/serena/health/live").status_code == 200
    assert client.get("/serenade", auth=("a", "b")).status_code == 404


def test_the_request_log_is_the_references_line(
    client_with: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_with(http={"log_requests": True})
    with caplog.at_level(logging.INFO, logger="adapters.http"):
        client.post(TXT2IMG, {"prompt": "secret wish"}, headers={"Authorization": "Basic c2VjcmV0"})
        client.get("/sdapi/v1/x%0AAPI%20forged")
        client.get("/health/live")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    words = lines[0].split()
    assert (words[0], words[3:7]) == ("API", ["200", "http/1.1", "POST", TXT2IMG])
    assert "\n" not in lines[1]
    assert "secret" not in caplog.text
    assert "c2VjcmV0" not in caplog.text
