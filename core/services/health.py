"""Whether the server can draw, and the loading of the model behind the listening door."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from core.domain.errors import SerenaError
from core.domain.model import ModelRef
from core.ports.driven import ModelHost

log = logging.getLogger("serena.health")

RETRY_SECONDS = 10.0
"""How long a failed load is left alone before it is tried again."""


class Readiness:
    """``ReportHealth``. Not ready until :meth:`warm_up` has loaded the model.

    :param unable: why nothing can be drawn, whatever is loaded; None while all is well.
    """

    def __init__(
        self,
        backend: ModelHost,
        choose: Callable[[], ModelRef],
        seconds: Callable[[], float] = monotonic,
        unable: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._unable = unable
        self._backend = backend
        self._choose = choose
        self._state = (False, "the model is being loaded")
        self._seconds = seconds
        self._failed_at: float | None = None
        self._stops = False

    def ready(self) -> tuple[bool, str]:
        if self._stops:
            return False, "the server is stopping"
        if (reason := self._unable()) is not None:
            return False, reason
        if self._failed_at is not None and self._seconds() - self._failed_at > RETRY_SECONDS:
            # Whoever asks again may have put a model there meanwhile.
            self._failed_at = None
            threading.Thread(target=self.warm_up, name="serena-warm-up", daemon=True).start()
        return self._state

    def warm_up(self) -> None:
        """Load the model that requests draw with. A failure is told by :meth:`ready` and tried again when
        that is asked later; requests may name another model, so it stops nothing."""
        try:
            model = self._choose()
            self._backend.load(model)
        except Exception as error:
            ours = isinstance(error, SerenaError)
            sentence = str(error) if ours else f"the model cannot be loaded: {error!r}"
            log.warning("%s", sentence)
            self._state = (False, sentence)
            self._failed_at = self._seconds()
        else:
            self._state = (True, f"{model.identity.title} is loaded")

    def stopping(self) -> None:
        self._stops = True
