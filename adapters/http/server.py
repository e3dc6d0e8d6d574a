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
from adapters.http.aside import make_room
from adapters.http.garbage import leave_in_peace
from adapters.http.listening import check_tls, listen, url_of

SIGNALS = (signal.SIGINT, signal.SIGTERM)

HURRY_SECONDS = 1.0
"""What closing gets after a second signal."""

Stop = Callable[[], None]


def serve(
    app: Application,
    *,
    on_listening: Callable[[str], None],
    stopper: Callable[[Stop], None] | None = None,
    listener: socket.socket | None = None,
    leave: Callable[[], None] = lambda: None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then drain and close it. A second signal ends it at once.

    Raises ``SettingsError`` before anything starts if the address cannot be listened on.

    :param on_listening: called once with the URL, when requests are answered; the model may still load then.
    :param stopper: handed a function that ends the server as a signal does, for use in a thread.
    :param listener: what :func:`~adapters.http.listening.listen` gave, for those who listen before ``app`` is
        assembled; it is closed at the end.
    :param leave: called after a second signal, before ``app`` is closed: a process that does nothing else
        ends here.
    """
    http = app.settings.http
    check_tls(http)
    listener = listener or listen(http)

    def begin() -> None:
        on_listening(url_of(listener, http))
        app.start()

    server = None
    try:
        server = _server(app, begin, leave)
        if stopper is not None:
            stopper(server.stop)
        server.run(sockets=[listener])
    finally:
        listener.close()
        at_once = server is not None and server.force_exit
        if server is not None and at_once:
            server.leave()
        _close(app, at_once)


def _close(app: Application, at_once: bool) -> None:
    """Jobs end at a step boundary; who is in a hurry does not wait for that. Where jobs are kept, the next
    process sees that this one is gone and takes up those that ran."""
    if not at_once:
        app.close()
        return
    closing = threading.Thread(target=app.close, name="serena-close", daemon=True)
    closing.start()
    closing.join(HURRY_SECONDS)


def _server(app: Application, begin: Callable[[], None], leave: Callable[[], None]) -> _Server:
    # FastAPI takes half a second to import; the port is open by now, so that clients wait instead of failing.
    from adapters.http.app import create_app
    from adapters.http.patience import patient

    http = app.settings.http
    api = create_app(app, lambda: server.stop())
    config = uvicorn.Config(
        api,
        http=patient(http.receive_timeout),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ssl_certfile=http.tls_cert,
        ssl_keyfile=http.tls_key,
        timeout_keep_alive=http.keep_alive,
        timeout_graceful_shutdown=http.grace,
    )

    def drain() -> None:
        app.drain(app.settings.jobs.drain_seconds)

    server = _Server(config, begin, drain, api.state.stopping.begin, leave)
    return server


class _Server(uvicorn.Server):
    """uvicorn's server, with three differences: it says when it listens; it answers on while it drains; and a
    signal ends it without being raised once more afterwards, so that the process can end with status 0."""

    def __init__(
        self,
        config: uvicorn.Config,
        listening: Callable[[], None],
        drain: Callable[[], None],
        ending: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._listening = listening
        self._drain = drain
        self._ending = ending
        self._leave = leave
        self._asked = False
        self._drains = False
        self._look_again: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        make_room()
        await super().startup(sockets)
        self._look_again = leave_in_peace()
        self._listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End when the jobs and requests in progress have; asked a second time, at once.

        It only leaves a mark: a signal may come at any moment.
        """
        self.force_exit = self.should_exit = self._asked
        self._asked = True

    async def on_tick(self, counter: int) -> bool:
        if self._asked and not self._drains:
            self._drains = True
            threading.Thread(target=self._drain_and_exit, name="serena-drain", daemon=True).start()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Requests that still wait for a job are answered; they would wait in vain."""
        self._ending()
        self._look_again()
        await super().shutdown(sockets)
        if self.force_exit:
            self.leave()  # the loop does not end before the threads beside it, which may wait for a disk

    def leave(self) -> None:
        """Once, also where that returns."""
        leave, self._leave = self._leave, lambda: None
        leave()

    def _drain_and_exit(self) -> None:
        try:
            self._drain()
        finally:
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
