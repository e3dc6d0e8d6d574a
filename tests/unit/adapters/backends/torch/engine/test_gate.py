"""Networks are called by many at once, but not while one is compiled."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from adapters.backends.torch.engine.gate import Gate

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
