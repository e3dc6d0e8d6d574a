"""How long a client may take to send a request: one that sends a byte now and then holds no connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

RATE = 16 * 1024
"""Bytes of a body that earn one second more."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, with a limit on the time that a request takes to arrive.

    The request line and the headers have :attr:`seconds`; so has the body, but what comes of it earns more
    time, up to the same again. A client that is late gets a 408 and its connection is closed.
    """

    seconds: ClassVar[float] = 30.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._clock: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._follow(len(data))

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow(0)

    def _follow(self, came: int) -> None:
        """Start, lengthen or stop the clock by what the client still has to send."""
        state = self.conn.their_state
        in_body = state is h11.SEND_BODY
        in_headers = state is h11.IDLE and bool(self.conn.trailing_data[0])
        if self.transport.is_closing() or not (in_body or in_headers):
            self._end()
        elif self._clock is None or in_body != self._in_body:
            self._begin()
        elif in_body:
            self._until = min(self._until + came / RATE, self.loop.time() + self.seconds)
        self._in_body = in_body

    def _begin(self) -> None:
        self._end()
        self._until = self.loop.time() + self.seconds
        self._clock = self.loop.call_at(self._until, self._look)

    def _end(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look(self) -> None:
        if self.flow.read_paused:  # what came has not been read: the client is not to blame
            self._until = self.loop.time() + self.seconds
        if self.loop.time() < self._until:
            self._clock = self.loop.call_at(self._until, self._look)
        else:
            self._clock = None
            self._refuse()

    def _refuse(self) -> None:
        answered = self.cycle is not None and self.cycle.response_started and self._in_body
        if not answered and (self._in_body or self.conn.trailing_data[0]):
            self.transport.write(_answer(self.seconds))
        self.transport.close()


def patient(allowed: float) -> type[PatientProtocol]:
    """The protocol with so many seconds."""

    class Patient(PatientProtocol):
        seconds = allowed

    return Patient


def _answer(seconds: float) -> bytes:
    text = f"the request did not arrive within {seconds:g} seconds (http.receive_timeout)"
    body = json.dumps({"error": "RequestTimeout", "detail": text, "body": "", "errors": text}).encode()
    head = (
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
