"""``from serena import Serena`` goes through the runner."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.application import Application
from contracts.entrypoint import DeclinedError, EntrypointContract, Order, Rig
from contracts.opened import Picture
from serena import Serena, SerenaError
from tests.quality.rigging import assemble


class TestPython(EntrypointContract):
    door = "serena"

    @contextmanager
    def open(self, rig: Rig) -> Iterator[Application]:
        app = assemble(rig)
        with Serena(application=app) as self.serena:
            yield app

    def draw(self, order: Order) -> Picture:
        try:
            drawn = self.serena.txt2img(
                order.prompt, seed=order.seed, width=order.width, height=order.height, steps=order.steps
            )
        except SerenaError as error:
            raise DeclinedError(str(error)) from error
        return Picture.of(drawn.images[0], drawn.infotext)

    def draw_until_interrupted(self, order: Order) -> None:
        with pytest.raises(KeyboardInterrupt):
            self.draw(order)

    def interrupt(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
