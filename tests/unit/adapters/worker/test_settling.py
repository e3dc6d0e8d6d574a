"""Waiting for a child where nobody comes again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.worker.process.settling import wait_until_ready
from core.domain.errors import Interrupted, NotReady, NoWorker


class NeverReady:
    """A child that starts for ever."""

    def link(self, given_up: Callable[[], bool]) -> object:
        while not given_up():
            pass
        raise Interrupted


class CannotStart:
    def link(self, given_up: Callable[[], bool]) -> object:
        raise NoWorker("the worker cannot be started: no memory")


def test_nobody_waits_for_ever() -> None:
    with pytest.raises(NotReady, match=r"was not ready within 0\.01 seconds; its log lines say"):
        wait_until_ready(NeverReady(), 0.01)


def test_why_there_is_none_is_said() -> None:
    with pytest.raises(NoWorker, match="no memory"):
        wait_until_ready(CannotStart())
