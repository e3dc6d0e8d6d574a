"""Tells requests that wait for a job that the server ends before it: the job is kept, the answer is not."""

from __future__ import annotations

import asyncio
import threading

from fastapi import Request


class Stopping:
    """Begins once, and everybody who waits hears of it, in whichever loop they wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self._begun = False

    @property
    def has_begun(self) -> bool:
        return self._begun

    def begin(self) -> None:
        """From any thread."""
        with self._lock:
            self._begun, told = True, list(self._waiting)
        for future in told:
            future.get_loop().call_soon_threadsafe(_settle, future)

    def begun(self) -> asyncio.Future[None]:
        """Done once the server ends. To be cancelled by who does not wait any longer."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            begun = self._begun
            if not begun:
                self._waiting.add(future)
        if begun:
            future.set_result(None)
        else:
            future.add_done_callback(self._forget)
        return future

    def _forget(self, future: asyncio.Future[None]) -> None:
        with self._lock:
            self._waiting.discard(future)


def stopping_of(request: Request) -> Stopping:
    """That of the server which answers ``request``."""
    found = request.app.state.stopping
    assert isinstance(found, Stopping)
    return found


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
