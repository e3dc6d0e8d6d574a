from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.http.server import serve
from adapters.settings import Settings
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication


@pytest.fixture
def fake() -> FakeApplication:
    return FakeApplication()


@pytest.fixture
def url(fake: FakeApplication) -> Iterator[str]:
    """A real server over the fake application, in a thread of this process."""
    server = Background(fake)
    with server:
        yield server.url


class Background:
    """``serve`` in a thread; leaving stops it."""

    def __init__(
        self,
        fake: FakeApplication,
        listener: socket.socket | None = None,
        drain_seconds: float = 10,
        **http: object,
    ) -> None:
        self._listener = listener
        self._jobs = {"drain_seconds": drain_seconds}
        self._fake = fake
        self._http = {"port": 0, **http}
        self._ready = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self.url = ""

    def __enter__(self) -> Background:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the server did not listen"
        return self

    def _run(self) -> None:
        def listening(url: str) -> None:
            self.url = url
            self._ready.set()

        def control(stop: Callable[[], None]) -> None:
            self._stop = stop

        serve(
            self._fake.application(http=self._http, jobs=self._jobs),
            on_listening=listening,
            stopper=control,
            listener=self._listener,
        )

    def stop(self) -> None:
        self._stop()

    def __exit__(self, *error: object) -> None:
        self._stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """The whole of Serena with the fake backend."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), backend={"name": "fake"})
    app = bootstrap(settings)
    app.start()
    yield app
    app.close()


@pytest.fixture(scope="module")
def real_client(real: Application) -> Client:
    return Client(create_app(real))
