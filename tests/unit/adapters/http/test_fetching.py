"""Demand C.2, 13: pictures by URL."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from adapters.http import fetching
from adapters.http.errors import PictureRefusedError
from adapters.http.fetching import Fetcher
from adapters.network import is_public, resolve_all
from tests.unit.adapters.http.fakes import PNG, FakeApplication


class Source(http.server.BaseHTTPRequestHandler):
    """A picture, and everything that is wrong."""

    seen: list[dict[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        getattr(self, "send_" + self.path.strip("/").partition("?")[0], self.send_missing)()

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_picture(self) -> None:
        self._answer(200, PNG)

    def send_missing(self) -> None:
        self._answer(404)

    def send_moved(self) -> None:
        self._answer(302, Location="/picture")

    def send_away(self) -> None:
        self._answer(302, Location="http://10.0.0.1/picture")

    def send_loop(self) -> None:
        self._answer(302, Location="/loop")

    def send_large(self) -> None:
        self._answer(200, b"x" * 3000)

    def send_slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(20):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *_: Any) -> None: ...


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what these tests want."""


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    server = QuietServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetcher(fake: FakeApplication) -> Fetcher:
    fake.changed = {"api_enable_requests": True, "api_forbid_local_requests": False, "api_useragent": "me/1"}
    return Fetcher(fake.application().options)


def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(PictureRefusedError) as found:
        fetcher.fetch(url)
    return str(found.value)


def test_it_is_off_by_default(fake: FakeApplication, source: str) -> None:
    assert refused(Fetcher(fake.application().options), f"{source}/picture") == "Requests not allowed"


def test_a_picture_is_fetched(fetcher: Fetcher, source: str) -> None:
    assert fetcher.fetch(f"{source}/picture?a=b") == PNG
    assert Source.seen[-1]["User-Agent"] == "me/1"
    assert fetcher.fetch(f"{source}/moved") == PNG


@pytest.mark.parametrize("path", ["missing", "loop"])
def test_what_is_no_picture(fetcher: Fetcher, source: str, path: str) -> None:
    assert refused(fetcher, f"{source}/{path}") == "Invalid image url"


def test_a_large_answer_is_cut(fetcher: Fetcher, source: str) -> None:
    small = Fetcher(fetcher._options, limits=fetching.Limits(largest=1000))
    assert refused(small, f"{source}/large") == "Invalid image url"


def test_a_slow_answer_is_cut(fetcher: Fetcher, source: str) -> None:
    hasty = Fetcher(fetcher._options, limits=fetching.Limits(seconds=0.3))
    started = time.monotonic()
    assert refused(hasty, f"{source}/slow") == "Invalid image url"
    assert time.monotonic() - started < 1


@contextmanager
def drip_server(start: bytes, drop: bytes) -> Iterator[str]:
    """Answers with ``start``, then with ``drop`` again and again, oftener than any timeout between bytes."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(start)
            while not over.wait(0.02):
                connection.sendall(drop)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/picture"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["status", "header", "headers", "body", "chunks"],
)
def test_an_answer_that_drips_has_the_same_time_in_all(fetcher: Fetcher, start: bytes, drop: bytes) -> None:
    hasty = Fetcher(fetcher._options, limits=fetching.Limits(seconds=0.3))
    started = time.monotonic()
    with drip_server(start, drop) as url:
        assert refused(hasty, url) == "Invalid image url"
        assert time.monotonic() - started < 3


def test_a_handshake_that_does_not_go_on_has_the_same_time(fetcher: Fetcher) -> None:
    hasty = Fetcher(fetcher._options, limits=fetching.Limits(seconds=0.3))
    with drip_server(b"", b"") as url:
        assert refused(hasty, url.replace("http:", "https:")) == "Invalid image url"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://[fd00::1]/",
        "http://no.such.host.invalid/", "http://224.0.0.1/",
    ],
)  # fmt: skip
def test_the_network_behind_is_out_of_reach(fake: FakeApplication, url: str) -> None:
    fake.changed = {"api_enable_requests": True}
    assert refused(Fetcher(fake.application().options), url) == "Request to local resource not allowed"


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pw@example.com/", "http://example.com\\@127.0.0.1/", "ftp://example.com/", "http:///x",
        "http://exa mple.com/", "http://example.com:99999/", "http://ex\u00e4mple.com/", "http://a\r\nb/",
    ],
)  # fmt: skip
def test_what_reads_in_two_ways_is_refused(fetcher: Fetcher, url: str) -> None:
    assert refused(fetcher, url) == "Invalid image url"


def test_a_redirect_is_looked_at_like_the_first_address(fake: FakeApplication, source: str) -> None:
    fake.changed = {"api_enable_requests": True}
    public = Fetcher(fake.application().options, public=lambda address: address == "127.0.0.1")
    assert public.fetch(f"{source}/picture") == PNG
    assert refused(public, f"{source}/away") == "Request to local resource not allowed"


def test_a_name_is_resolved_once(fake: FakeApplication, source: str) -> None:
    """A name server that gives another answer the second time gains nothing."""
    asked: list[str] = []
    port = source.rsplit(":", 1)[1]

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fake.changed = {"api_enable_requests": True}
    fetcher = Fetcher(fake.application().options, resolve, public=lambda _: True)
    assert fetcher.fetch(f"http://rebinding.example:{port}/picture") == PNG
    assert asked == ["rebinding.example"]
    assert Source.seen[-1]["Host"] == f"rebinding.example:{port}"


def test_one_private_address_among_public_ones_is_enough_to_refuse(fake: FakeApplication) -> None:
    fake.changed = {"api_enable_requests": True}
    both = Fetcher(fake.application().options, lambda *_: ["93.184.216.34", "10.0.0.1"])
    assert refused(both, "http://both.example/") == "Request to local resource not allowed"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False), ("::ffff:10.0.0.1", False), ("fe80::1", False), ("ff02::1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_https_is_verified(fetcher: Fetcher, source: str) -> None:
    assert refused(fetcher, source.replace("http", "https") + "/picture") == "Invalid image url"


def test_the_machines_resolver_is_asked() -> None:
    assert "127.0.0.1" in resolve_all("127.0.0.1", 80)
