"""How long a run in the child may be silent."""

from __future__ import annotations

import pytest

from adapters.worker.process.run import INTERRUPTED_SECONDS, SLOWER, RemoteRun
from core.domain.errors import WorkerDied
from tests.unit.adapters.worker.children import Watched

LONG = 1000.0


class Hanging:
    """A run that says nothing; time goes on whenever somebody looks at the clock.

    :param step: seconds from one look to the next.
    """

    def __init__(self, step: float = 1.0) -> None:
        self.now = 0.0
        self.step = step
        self.sent: list[str] = []
        self.watched = Watched()
        self.run = RemoteRun(self.watched, self.send, lambda: None, self.seconds)
        self.begun = self.now

    def send(self, kind: str, **fields: object) -> None:
        self.sent.append(kind)

    def seconds(self) -> float:
        self.now += self.step
        return self.now

    def silence(self) -> float:
        """Seconds until it is given up."""
        self.step, self.begun = 1.0, self.now
        with pytest.raises(WorkerDied, match="no sign of life"):
            self.run.wait(LONG, self.run.lose)
        return self.now - self.begun


def test_a_run_that_is_not_stopped_may_be_silent_for_long() -> None:
    hanging = Hanging(100.0)
    hanging.run.hear({"is": "alive"})
    hanging.step = 300.0
    with pytest.raises(WorkerDied, match="no sign of life for 1000 seconds"):
        hanging.run.wait(LONG, hanging.run.lose)
    assert hanging.sent == []


def test_a_run_that_hangs_is_ended_soon_after_it_was_cancelled() -> None:
    hanging = Hanging()
    hanging.watched.token.interrupt()
    assert INTERRUPTED_SECONDS <= hanging.silence() <= INTERRUPTED_SECONDS + 3
    assert hanging.sent == ["interrupt"]


def test_a_run_whose_steps_are_slow_may_finish_the_one_it_is_at() -> None:
    hanging = Hanging(50.0)
    hanging.run.hear({"is": "alive"})
    hanging.watched.token.interrupt()
    assert SLOWER * 50 <= hanging.silence() <= SLOWER * 50 + 3
