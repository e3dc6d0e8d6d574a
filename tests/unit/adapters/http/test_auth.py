from __future__ import annotations

import base64
import logging
from collections.abc import Callable

import pytest

from adapters.http.app import create_app
from adapters.http.middleware.auth import Credentials
from core.domain.errors import SettingsError
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

USERS = ["anna:pa:ss,word", "bert:ü€"]
KEYS = ["sk-secret-1"]
SECRETS = ("pa:ss,word", "ü€", "sk-secret-1")


@pytest.fixture
def guarded(client_with: Callable[..., Client]) -> Client:
    return client_with(http={"users": USERS, "api_keys": KEYS, "server_control": True, "log_requests": True})


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize("entry", USERS)
def test_every_user_gets_in_whatever_the_password_holds(guarded: Client, entry: str) -> None:
    assert guarded.get("/sdapi/v1/samplers", headers=basic(entry)).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_key_gets_in(guarded: Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} sk-secret-1"}
    assert guarded.get("/sdapi/v1/samplers", headers=headers).status_code == 200
    assert guarded.get("/user", headers=headers).json().startswith("key-")


@pytest.mark.parametrize(
    "value",
    [
        "Basic " + base64.b64encode(b"anna:wrong").decode(),
        "Basic " + base64.b64encode(b"anna:pa").decode(),
        "Basic " + base64.b64encode(b"carl:pa:ss,word").decode(),
        "Basic Og==",
        "Basic !!!",
        "Basic",
        "Bearer",
        "Bearer nope",
        "Bearer anna:pa:ss,word",
        "Digest x",
    ],
)
def test_nobody_else_gets_in(guarded: Client, value: str) -> None:
    answer = guarded.get("/sdapi/v1/samplers", headers={"Authorization": value})
    body = {"error": "HTTPException", "detail": "Incorrect username or password", "body": "", "errors": ""}
    assert (answer.status_code, answer.json()) == (401, body)
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}])
def test_without_a_password_the_answer_says_so(guarded: Client, headers: dict[str, str]) -> None:
    answer = guarded.get("/sdapi/v1/samplers", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, "Not authenticated")


def test_every_route_but_liveness_needs_it(guarded: Client, fake: FakeApplication) -> None:
    """Over the routes there are, so that a new one cannot be forgotten."""
    document = create_app(fake.application()).openapi()
    asked = [(method, path) for path, item in document["paths"].items() for method in item]
    asked += [("get", "/docs"), ("get", "/openapi.json"), ("get", "/nope"), ("post", "/nope")]
    assert len(asked) > 60
    for method, path in asked:
        status = guarded.ask(method.upper(), path).status_code
        assert status == (200 if path == "/health/live" else 401), path


@pytest.mark.parametrize("value", ["", "Basic ", "Basic Og==", "Bearer x", "nonsense"])
def test_any_authorization_will_do_where_none_is_needed(client: Client, value: str) -> None:
    assert client.get("/sdapi/v1/samplers", headers={"Authorization": value}).status_code == 200


def test_no_answer_and_no_log_line_holds_a_secret(
    guarded: Client, fake: FakeApplication, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    document = create_app(fake.application()).openapi()
    for path, item in document["paths"].items():
        for method in item:
            if "server-" in path:
                continue
            for entry in (USERS[0], "anna:" + SECRETS[2]):
                answer = guarded.ask(method.upper(), path, json={}, headers=basic(entry))
                seen = answer.text + str(answer.headers)
                assert not [secret for secret in SECRETS if secret in seen], path
    shown = repr(fake.application(http={"users": USERS, "api_keys": KEYS}).settings)
    assert not [secret for secret in SECRETS if secret in caplog.text + shown]


def test_server_control_needs_both(
    guarded: Client, client_with: Callable[..., Client], client: Client
) -> None:
    hidden = {"error": "HTTPException", "detail": "Not Found", "body": "", "errors": ""}
    for other in (client, client_with(http={"server_control": True})):
        for verb in ("stop", "kill", "restart"):
            answer = other.post(f"/sdapi/v1/server-{verb}")
            assert (answer.status_code, answer.json()) == (404, hidden)
    assert guarded.post("/sdapi/v1/server-restart", headers=basic(USERS[0])).status_code == 501


def test_server_control_stops(fake: FakeApplication) -> None:
    stopped: list[int] = []
    http = {"users": USERS, "server_control": True}
    client = Client(create_app(fake.application(http=http), lambda: stopped.append(1)))
    answer = client.post("/sdapi/v1/server-stop", headers=basic(USERS[0]))
    assert (answer.text, stopped) == ("Stopping.", [1])
    client.post("/sdapi/v1/server-kill", headers=basic(USERS[0]))
    assert stopped == [1, 1, 1]
    assert client.get("/sdapi/v1/server-stop", headers=basic(USERS[0])).status_code == 405


@pytest.mark.parametrize("users", [["anna"], [":x"], ["anna:"]])
def test_an_entry_that_is_no_user_is_one_sentence_without_it(users: list[str]) -> None:
    with pytest.raises(SettingsError, match="each entry must be name:password") as found:
        Credentials(users, ())
    assert "anna" not in str(found.value)


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="empty key"):
        Credentials((), ["", "x"])
