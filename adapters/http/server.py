"""Run the HTTP door until a signal."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from adapters.application import Application
from adapters.http.listening import check_tls, listen, url_of

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Stop = Callable[[], None]


def serve(
    app: Application,
    *,
    on_listening: Callable[[str], None],
    stopper: Callable[[Stop], None] | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then close it. A second signal does not wait for requests.

    Raises ``SettingsError`` before anything starts if the address cannot be listened on.

    :param on_listening: called once with the URL, when requests are answered; the model may still load then.
    :param stopper: handed a function that ends the server as a signal does, for use in a thread.
    :param listener: what :func:`~adapters.http.listening.listen` gave, for those who listen before ``app`` is
        assembled; it is closed at the end.
    """
    http = app.settings.http
    check_tls(http)
    listener = listener or listen(http)

    def begin() -> None:
        on_listening(url_of(listener, http))
        app.start()

    try:
        server = _server(app, begin)
        if stopper is not None:
            stopper(server.stop)
        server.run(sockets=[listener])
    finally:
        listener.close()
        app.close()


def _server(app: Application, begin: Callable[[], None]) -> _Server:
    # FastAPI takes half a second to import; the port is open by now, so that clients wait instead of failing.
    from adapters.http.app import create_app

    http = app.settings.http
    config = uvicorn.Config(
        create_app(app, lambda: server.stop()),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ssl_certfile=http.tls_cert,
        ssl_keyfile=http.tls_key,
        timeout_keep_alive=http.keep_alive,
        timeout_graceful_shutdown=http.grace,
    )
    server = _Server(config, begin)
    return server


class _Server(uvicorn.Server):
    """uvicorn's server, with two differences: it says when it listens, and a signal ends it without being
    raised once more afterwards, so that the process can end with status 0."""

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
