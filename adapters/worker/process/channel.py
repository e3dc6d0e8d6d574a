"""Lines of JSON between parent and child, one message a line."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, TypeAlias

log = logging.getLogger("serena.worker")

Message: TypeAlias = Mapping[str, Any]
"""``is`` says of which kind; the rest depends on it."""


class Channel:
    """Any thread may send. One thread iterates; that ends when the other side has closed or died."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()

    def send(self, kind: str, /, **fields: Any) -> None:
        """Raises ``OSError`` when the other side is gone, ``TypeError`` for what has no JSON form."""
        line = json.dumps({"is": kind, **fields}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._sink.write(line)
                self._sink.flush()
            except ValueError as error:  # the stream is closed
                raise BrokenPipeError(str(error)) from None

    def __iter__(self) -> Iterator[Message]:
        with suppress(OSError):
            for line in self._source:
                message = _parsed(line)
                if message is not None:
                    yield message

    def close(self) -> None:
        for stream in (self._sink, self._source):
            try:
                stream.close()
            except OSError:
                log.debug("the other side of a worker's channel had gone before")


def _parsed(line: bytes) -> Message | None:
    """None for what is no message: something printed at the wrong moment, or the half line of a death."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, dict) and isinstance(message.get("is"), str):
        return message
    log.warning("a line that is no message came over a worker's channel: %.80r", line)
    return None
