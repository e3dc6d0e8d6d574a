"""Run the HTTP door until a signal."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from adapters.application import Application
from adapters.http.app import create_app
from core.domain.errors import SettingsError

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM)
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
GRACE_SECONDS = 10
"""How long requests in progress may go on after a signal, before their jobs are stopped."""


def serve(
    app: Application,
    *,
    on_listening: Callable[[str], None],
    stopper: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then close it. A second signal does not wait for requests.

    Raises ``SettingsError`` before anything starts if the address cannot be listened on.

    :param on_listening: called once with the URL, when requests are answered; the model may still load then.
    :param stopper: handed a function that ends the server as a signal does, for use in a thread.
    """
    http = app.settings.http
    listener = _listen(http.host, http.port)
    try:
        config = uvicorn.Config(
            create_app(app),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = _Server(config, lambda: _begin(app, listener, on_listening))
        if stopper is not None:
            stopper(server.stop)
        server.run(sockets=[listener])
    finally:
        listener.close()
        app.close()


def _begin(app: Application, listener: socket.socket, on_listening: Callable[[str], None]) -> None:
    url = _url(listener)
    log.info("listening on %s", url)
    on_listening(url)
    app.start()


class _Server(uvicorn.Server):
    """uvicorn's server, told apart in two things: it says when it listens, and a signal ends it without
    being raised once more afterwards, so that the process can end with status 0."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End when the requests in progress have; asked a second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket: connections queue in it from now on, even while the rest is being made."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}: no address of this machine ({error.strerror})"
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_refusal(host, port, error)) from None
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; choose another one with --port"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this program has; choose one above 1023 with --port"
    return f"cannot listen on {host}, port {port}: {error.strerror}"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"
