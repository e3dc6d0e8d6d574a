"""Webhooks against a real receiver on this machine."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message

import pytest

from adapters.webhooks import SignedWebhooks, signature
from core.domain.errors import SettingsError
from core.domain.job import Delivery

BODY = b'{"id": "j"}'
SECRET = "s3cret"


@dataclass
class Receiver:
    """Answers with ``status`` and keeps what it was sent."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, Message, bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            found.seen.append((self.path, self.headers, data))
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()
        thread.join()


def delivery(url: str) -> Delivery:
    return Delivery(id="d-1", url=url)


def test_a_delivery_is_signed(receiver: Receiver) -> None:
    webhooks = SignedWebhooks([receiver.host], SECRET, clock=lambda: 1234.9)
    assert webhooks.deliver(delivery(f"{receiver.url}/hook?a=b"), BODY)
    [(path, headers, data)] = receiver.seen
    assert (path, data) == ("/hook?a=b", BODY)
    assert headers["X-Serena-Delivery"] == "d-1"
    assert headers["X-Serena-Timestamp"] == "1234"
    assert headers["X-Serena-Signature"] == signature(b"s3cret", "1234", BODY)
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == receiver.host


def test_the_signature_is_the_usual_one() -> None:
    """As anybody computes it: ``printf '1.{}' | openssl dgst -sha256 -hmac k``."""
    expected = "3dd49b2593d0f9a349e9e71c4bde3e2b862c2be4003fe9b4ba81332029310158"
    assert signature(b"k", "1", b"{}") == f"sha256={expected}"


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_what_is_not_taken(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    assert not SignedWebhooks([receiver.host], SECRET).deliver(delivery(receiver.url), BODY)
    assert len(receiver.seen) == 1, "no redirect is followed"


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        ((), "http://a.example/", False),
        (("a.example",), "http://a.example/x", True),
        (("a.example",), "https://A.example./x", True),
        (("a.example",), "http://a.example:8080/x", False),
        (("a.example",), "https://a.example:80/x", False),
        (("a.example:8080",), "http://a.example:8080/x", True),
        (("a.example:8080",), "http://a.example/x", False),
        (("a.example",), "http://b.a.example/", False),
        (("a.example",), "http://user@a.example/", False),
        (("a.example",), "http://a.example\\@b.example/", False),
        (("a.example",), "ftp://a.example/", False),
        (("a.example",), "a.example", False),
        (("a.example",), "http://a.example:x/", False),
        (("[::1]:80",), "http://[::1]/", True),
    ],
)
def test_only_what_is_listed(hosts: Sequence[str], url: str, allowed: bool) -> None:
    webhooks = SignedWebhooks(hosts, SECRET)
    assert webhooks.allowed(url) == allowed
    if not allowed:
        assert not webhooks.deliver(delivery(url), BODY)


@pytest.mark.parametrize("host", ["http://a.example", "a.example/x", "", "a b", "a:b", "a@b"])
def test_a_list_that_is_wrong(host: str) -> None:
    with pytest.raises(SettingsError, match="is no host"):
        SignedWebhooks([host], SECRET)


def test_nothing_goes_out_unsigned() -> None:
    with pytest.raises(SettingsError, match="webhook_secret"):
        SignedWebhooks(["a.example"], None)
    assert not SignedWebhooks([], None).allowed("http://a.example")


def test_a_name_is_resolved_once(receiver: Receiver) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    port = receiver.url.rpartition(":")[2]
    webhooks = SignedWebhooks([f"hooks.example:{port}"], SECRET, resolve=resolve)
    assert webhooks.deliver(delivery(f"http://hooks.example:{port}/"), BODY)
    assert asked == ["hooks.example"]


def test_a_host_without_an_address() -> None:
    webhooks = SignedWebhooks(["hooks.example"], SECRET, resolve=lambda host, port: [])
    assert not webhooks.deliver(delivery("http://hooks.example/"), BODY)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    assert not SignedWebhooks([host], SECRET).deliver(delivery(f"http://{host}"), BODY)


def test_a_receiver_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        webhooks = SignedWebhooks([host], SECRET, seconds=0.05)
        assert not webhooks.deliver(delivery(f"http://{host}"), BODY)
