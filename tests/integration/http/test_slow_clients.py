"""Clients that send a request slowly, or never to its end: they do not hold a connection."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.http.conftest import Background
from tests.integration.http.test_server import eventually
from tests.unit.adapters.http.fakes import FakeApplication

PATIENCE = 0.4
HEAD = b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
def url(fake: FakeApplication) -> Iterator[str]:
    with Background(fake, receive_timeout=PATIENCE) as server:
        yield server.url


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20) as raw:
        yield raw


@contextmanager
def dripping(raw: socket.socket, data: bytes) -> Iterator[None]:
    """``data`` again and again, much oftener than the server's patience, until the other side has closed."""
    over = threading.Event()

    def drip() -> None:
        while not over.wait(PATIENCE / 8):
            try:
                raw.sendall(data)
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def answer_of(raw: socket.socket) -> bytes:
    """All that comes until the server closes. A reset is an end too: it had not read what came late."""
    found = b""
    try:
        while part := raw.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def assert_late(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["error"] == "RequestTimeout"
    assert "0.4 seconds (http.receive_timeout)" in json.loads(body)["detail"]


def test_headers_that_drip_are_refused(url: str) -> None:
    with connected(url) as raw:
        raw.sendall(b"GET /sdapi/v1/options HTTP/1.1\r\n")
        with dripping(raw, b"x-more: 1\r\n"):
            assert_late(answer_of(raw))


def test_a_body_that_drips_is_refused_and_nothing_is_drawn(
    url: str, fake: FakeApplication, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), connected(url) as raw:
        raw.sendall(HEAD + b"Content-Length: 100000\r\n\r\n{")
        with dripping(raw, b" "):
            assert_late(answer_of(raw))
    assert fake.submitted == []
    assert caplog.records == []


def test_a_body_that_never_comes_is_refused(url: str) -> None:
    with connected(url) as raw:
        raw.sendall(HEAD + b"Content-Length: 100\r\n\r\n")
        assert_late(answer_of(raw))


def test_a_connection_without_a_request_is_closed_in_silence(url: str) -> None:
    with connected(url) as raw:
        assert answer_of(raw) == b""


def test_a_second_request_has_the_same_time(url: str) -> None:
    with connected(url) as raw:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first = b""
        while not first.endswith(b"}"):
            first += raw.recv(65536)
        assert first.startswith(b"HTTP/1.1 200 ")
        raw.sendall(b"GET /health/live HTTP/1.1\r\n")
        with dripping(raw, b"x-more: 1\r\n"):
            assert_late(answer_of(raw))


def test_a_body_refused_early_is_not_read_for_ever(fake: FakeApplication) -> None:
    with Background(fake, receive_timeout=PATIENCE, max_body_mb=1) as server, connected(server.url) as raw:
        raw.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n{")
        with dripping(raw, b" "):
            answer = answer_of(raw)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b" 408 " not in answer


def test_a_large_body_that_keeps_coming_has_the_time_it_needs(url: str, fake: FakeApplication) -> None:
    """Longer than the patience in all, yet never slower than the rate that earns more time."""
    body = json.dumps({"prompt": "a cat", "negative_prompt": "x" * 200_000}).encode()
    halt = threading.Event()
    with connected(url) as raw:
        raw.sendall(HEAD + f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        for start in range(0, len(body), 20_000):
            raw.sendall(body[start : start + 20_000])
            halt.wait(PATIENCE / 5)
        assert answer_of(raw).startswith(b"HTTP/1.1 200 ")
    assert len(fake.submitted) == 1


def test_a_job_may_take_longer_than_that(url: str, fake: FakeApplication) -> None:
    fake.automatic = False
    done: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: done.append(
            httpx.post(f"{url}/sdapi/v1/txt2img", json={"prompt": "a cat"}, timeout=20)
        )
    )
    thread.start()
    eventually(fake.jobs)
    threading.Event().wait(2 * PATIENCE)
    fake.finish(fake.jobs()[0].id)
    thread.join()
    assert done[0].status_code == 200
