"""What is made once and kept: who waits for another that makes it may be stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from adapters.backends.torch.engine.heeding import heeding
from adapters.backends.torch.kept import Kept
from core.domain.errors import Interrupted

PATIENCE = 30.0


def test_who_waits_for_another_may_be_stopped() -> None:
    kept: Kept[str, int] = Kept(2)
    began, go_on = Event(), Event()

    def make() -> int:
        began.set()
        assert go_on.wait(PATIENCE)
        return 1

    def stop() -> None:
        raise Interrupted

    def stopped() -> int:
        with heeding(stop):
            return kept.get("key", lambda: 2)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept.get, "key", make)
        assert began.wait(PATIENCE)
        assert isinstance(pool.submit(stopped).exception(PATIENCE), Interrupted)
        go_on.set()
        assert first.result(PATIENCE) == 1
    assert kept.get("key", lambda: 3) == 1
