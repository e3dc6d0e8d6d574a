"""When to ask again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from adapters.client.errors import ServerUnreachable, error_of, retry_after

LATER = (429, 503)


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is.

    :ivar attempts: how often a call is repeated that got no answer, or a full queue, or a server that stops.
    :ivar first: seconds before the first repetition; each pause is twice the one before.
    :ivar longest: seconds of the longest pause, whatever the server asks for.
    :ivar patience: seconds without the server after which a stream of events is given up.
    """

    attempts: int = 3
    first: float = 0.25
    longest: float = 30.0
    patience: float = 60.0

    def pause(self, attempt: int, told: float = 0.0) -> float:
        """Seconds before repetition number ``attempt`` (from 0)."""
        return min(self.longest, max(told, self.first * 2.0 ** min(attempt, 30)))

    def after_answer(self, attempt: int, response: httpx.Response) -> float:
        """Seconds to wait; raises the error that the answer is if there is nothing to wait for."""
        if response.status_code not in LATER or attempt >= self.attempts:
            raise error_of(response)
        return self.pause(attempt, retry_after(response))

    def after_silence(self, attempt: int, url: str, error: Exception, *, repeatable: bool = True) -> float:
        """The same where no answer came."""
        if not repeatable or attempt >= self.attempts:
            raise ServerUnreachable(url, reason(error)) from None
        return self.pause(attempt)

    def after_break(self, attempt: int, lost: float, url: str, error: Exception | None) -> float:
        """The same for a stream of events that has been without the server for ``lost`` seconds."""
        if lost > self.patience:
            raise ServerUnreachable(url, "no events came any more" if error is None else reason(error))
        return self.pause(attempt)


PATIENT = Retries()


def reason(error: Exception) -> str:
    return str(error) or type(error).__name__
