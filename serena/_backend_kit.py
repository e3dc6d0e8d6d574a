"""What the tests of a backend need; ``serena.testing`` hands it on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import contracts.backend
from contracts.opened import PATIENCE

if TYPE_CHECKING:
    from adapters.application import Application
    from core.ports.driven import ImageBackend

SerenaServer: TypeAlias = Callable[..., str]
"""``serena_server(**settings)``: the address of a Serena with the fake backend, behind HTTP here."""


@pytest.fixture(scope="session")
def serena_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SerenaServer]:
    """Serves Serenas until all tests are done. The same settings give the same server."""
    with ExitStack() as opened:

        @cache
        def address(settings: str) -> str:
            app = _assembled({"http": {"port": 0}, **json.loads(settings)}, tmp_path_factory.mktemp("server"))
            return opened.enter_context(_served(app))

        yield lambda **settings: address(json.dumps(settings, sort_keys=True))


def _assembled(settings: dict[str, Any], data_dir: Path, **overrides: Any) -> Application:
    """With the built-in plugins only; what draws is the fake backend, unless it is told otherwise."""
    from adapters.bootstrap import bootstrap
    from adapters.settings import load_settings

    defaults: dict[str, Any] = {"data_dir": data_dir, "plugins": {"only": []}}
    backend = {"name": "fake", **settings.get("backend", {})}
    return bootstrap(load_settings(**{**defaults, **settings, "backend": backend}), **overrides)


@contextmanager
def _served(app: Application) -> Iterator[str]:
    from adapters.http.server import serve

    addresses: Queue[str] = Queue()
    stops: list[Callable[[], None]] = []
    told = {"on_listening": addresses.put, "stopper": stops.append}
    server = threading.Thread(target=serve, args=(app,), kwargs=told, name="serena-server")
    server.start()
    try:
        yield addresses.get(timeout=PATIENCE)
    finally:
        stops[0]()
        server.join(PATIENCE)


class BackendContract(contracts.backend.BackendContract):
    """What Serena expects of every backend.

    It draws the size asked for. The same request gives the same picture; seed, prompt and sampler matter. A
    picture depends neither on its batch nor on other runs in flight. Every step is told once and in order;
    previews are pictures. An interrupt ends the pass with what there is. img2img keeps more of its picture
    at a low strength, and all of it outside a mask.

    Subclass it and write :meth:`make`, which gives a backend that takes two runs at once. The tests draw
    through a whole Serena, so the backend is handed what the runner sealed.

    :cvar tolerance: how far a channel (of 255) may be off in a picture that was drawn in other company.
    :cvar width: of the pictures; so ``height`` and ``steps``, for models that need more than 64 pixels and 4.
    """

    @contextmanager
    def open(self, backend: ImageBackend, data_dir: Path) -> Iterator[Application]:
        """What is drawn with is ``backend``, whatever the settings say."""
        app = _assembled({}, data_dir, backend=backend)
        app.start()
        try:
            yield app
        finally:
            app.close()
