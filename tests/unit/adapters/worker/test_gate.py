"""Runs pass together; one that must be alone waits for the others and keeps them out."""

from __future__ import annotations

import threading

import pytest

from adapters.worker.process.gate import Gate
from core.domain.errors import Interrupted

PATIENCE = 20.0


def never() -> bool:
    return False


class Passing:
    """Somebody who wants to pass, and stays inside until told to leave."""

    def __init__(self, gate: Gate, *, alone: bool) -> None:
        self._inside = threading.Event()
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._go, args=(gate, alone), daemon=True)
        self._thread.start()

    def is_inside(self, within: float = PATIENCE) -> bool:
        return self._inside.wait(within)

    def leave(self) -> None:
        self._leave.set()
        self._thread.join(PATIENCE)

    def _go(self, gate: Gate, alone: bool) -> None:
        with gate.passage(alone=alone, given_up=never):
            self._inside.set()
            self._leave.wait(PATIENCE)


def test_runs_pass_together() -> None:
    gate = Gate()
    with (
        gate.passage(alone=False, given_up=never),
        gate.passage(alone=False, given_up=never),
    ):
        pass
    with gate.passage(alone=True, given_up=never):
        pass


def test_one_alone_waits_for_the_others_and_keeps_them_out() -> None:
    gate = Gate()
    first = Passing(gate, alone=False)
    assert first.is_inside()
    alone = Passing(gate, alone=True)
    assert not alone.is_inside(0.1)
    later = Passing(gate, alone=False)
    assert not later.is_inside(0.1)
    first.leave()
    assert alone.is_inside()
    assert not later.is_inside(0.1)
    alone.leave()
    assert later.is_inside()
    later.leave()


def test_whoever_gives_up_leaves_the_gate_as_it_was() -> None:
    gate = Gate()
    with gate.passage(alone=False, given_up=never):
        with (
            pytest.raises(Interrupted),
            gate.passage(alone=True, given_up=lambda: True),
        ):
            pass
        with gate.passage(alone=False, given_up=never):
            pass


def test_a_run_that_fails_leaves_the_gate_open() -> None:
    gate = Gate()
    with pytest.raises(RuntimeError), gate.passage(alone=True, given_up=never):
        raise RuntimeError
    with gate.passage(alone=True, given_up=never):
        pass
