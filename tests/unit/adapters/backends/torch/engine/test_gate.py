"""Networks are called by many at once, but not while one is compiled."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from adapters.backends.torch.engine.gate import Gate
from adapters.backends.torch.engine.heeding import heeding
from core.domain.errors import Interrupted

PATIENCE = 30.0


def test_who_compiles_waits_for_callers_and_goes_before_new_ones() -> None:
    gate, order = Gate(), list[str]()
    inside, go_on = Event(), Event()

    def call_long() -> None:
        with gate.calling():
            inside.set()
            assert go_on.wait(PATIENCE)
            with gate.calling():  # a thread inside may enter again, whoever waits
                order.append("long call")

    def compile_it() -> None:
        with gate.compiling():
            order.append("compiled")

    def call_late() -> None:
        with gate.calling():
            order.append("late call")

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call_long)
        assert inside.wait(PATIENCE)
        second = pool.submit(compile_it)
        while not gate._wanted:
            time.sleep(0.001)
        third = pool.submit(call_late)
        go_on.set()
        for future in (first, second, third):
            future.result(PATIENCE)
    assert order == ["long call", "compiled", "late call"]


def test_callers_do_not_wait_for_one_another() -> None:
    gate, both = Gate(), Event()

    def second() -> None:
        with gate.calling():
            both.set()

    with gate.calling(), ThreadPoolExecutor(1) as pool:
        pool.submit(second).result(PATIENCE)
    assert both.is_set()


def test_a_run_may_be_stopped_while_another_compiles() -> None:
    gate = Gate()

    def stop() -> None:
        raise Interrupted

    def call() -> None:
        with heeding(stop), gate.calling():
            pytest.fail("the other compiles")

    with ThreadPoolExecutor(1) as pool:
        with gate.compiling():
            assert isinstance(pool.submit(call).exception(PATIENCE), Interrupted)
        with gate.compiling():  # who left keeps nobody waiting
            pass
        with heeding(stop), gate.calling():  # where nothing is waited for, nothing is asked
            pass


def test_who_wants_to_compile_does_not_wait_for_ever_and_keeps_nobody_waiting_then() -> None:
    gate, inside, leave = Gate(patience=0.01), Event(), Event()

    def hang() -> None:
        with gate.calling():
            inside.set()
            assert leave.wait(PATIENCE)

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(hang)
        assert inside.wait(PATIENCE)
        with pytest.raises(TimeoutError, match=r"for 0\.01 seconds without a pause"), gate.compiling():
            pytest.fail("another is inside")
        with gate.calling():
            leave.set()
        hanging.result(PATIENCE)
