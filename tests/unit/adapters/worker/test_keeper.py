from __future__ import annotations

import threading

import pytest

from adapters.worker.keeper import KeeperThread


class Failing:
    """Fails in its first round."""

    def __init__(self) -> None:
        self.rounds = 0
        self.recovered = 0
        self.again = threading.Event()

    def recover(self) -> None:
        assert self.rounds == 0
        self.recovered += 1

    def tick(self) -> None:
        self.rounds += 1
        if self.rounds == 1:
            raise OSError("the disk is gone")
        self.again.set()

    def publish_due(self) -> None:
        """Nothing is owed."""


def test_a_keeper_goes_on_after_a_round_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Failing()
    thread = KeeperThread(keeper, seconds=0.001)
    thread.start()
    assert keeper.again.wait(20)
    thread.stop()
    rounds = keeper.rounds
    assert keeper.recovered == 1
    assert "looking after jobs failed" in caplog.text
    assert keeper.rounds == rounds


def test_a_keeper_that_was_never_started_can_be_stopped() -> None:
    keeper = Failing()
    KeeperThread(keeper).stop()
    assert keeper.rounds == 0


class Hanging:
    """What is owed hangs until it is told to go on."""

    def __init__(self) -> None:
        self.hangs, self.ticked, self.go_on = threading.Semaphore(0), threading.Event(), threading.Event()

    def recover(self) -> None:
        """Nothing was left behind."""

    def tick(self) -> None:
        if self.hangs.acquire(blocking=False):
            self.ticked.set()

    def publish_due(self) -> None:
        self.hangs.release()
        assert self.go_on.wait(20)


def test_a_receiver_that_hangs_does_not_hold_up_the_keeper() -> None:
    keeper = Hanging()
    thread = KeeperThread(keeper, seconds=0.001, publishers=1)
    thread.start()
    assert keeper.ticked.wait(20)
    keeper.go_on.set()
    thread.stop()
