"""Whether the server can draw, and the loading of the model behind the listening door."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.domain.errors import SerenaError
from core.domain.model import ModelRef
from core.ports.driven import ImageBackend

log = logging.getLogger("serena.health")


class Readiness:
    """``ReportHealth``. Not ready until :meth:`warm_up` has loaded the model."""

    def __init__(self, backend: ImageBackend, choose: Callable[[], ModelRef]) -> None:
        self._backend = backend
        self._choose = choose
        self._state = (False, "the model is being loaded")
        self._stops = False

    def ready(self) -> tuple[bool, str]:
        return (False, "the server is stopping") if self._stops else self._state

    def warm_up(self) -> None:
        """Load the model that requests draw with. A failure is told by :meth:`ready`; requests may name
        another
        model, so it stops nothing."""
        try:
            model = self._choose()
            self._backend.load(model)
        except Exception as error:
            ours = isinstance(error, SerenaError)
            sentence = str(error) if ours else f"the model cannot be loaded: {error!r}"
            log.warning("%s", sentence)
            self._state = (False, sentence)
        else:
            self._state = (True, f"{model.identity.title} is loaded")

    def stopping(self) -> None:
        self._stops = True
