"""Assembling a whole Serena for the suites, as the composition root does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.entrypoint import Rig
from tests.quality.apart import ApartRig


def assemble(rig: Rig, **overrides: Any) -> Application:
    """A Serena with the rig's ledger for a backend and its journal for a plugin, not started."""
    if isinstance(rig, ApartRig):
        settings = load_settings(
            data_dir=rig.data_dir, backend={"name": "ledger"}, worker={"kind": "process"}
        )
        return bootstrap(settings, **overrides)
    settings = load_settings(data_dir=rig.data_dir, backend={"name": "fake"})
    return bootstrap(settings, backend=rig.ledger, plugins=[("journal", rig.journal)], **overrides)


@contextmanager
def started(app: Application) -> Iterator[Application]:
    app.start()
    try:
        yield app
    finally:
        app.close()
