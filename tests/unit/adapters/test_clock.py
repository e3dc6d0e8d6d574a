from __future__ import annotations

from adapters.clock import SystemClock


def test_now_has_a_time_zone() -> None:
    assert SystemClock().now().tzinfo is not None


def test_seconds_never_run_backwards() -> None:
    clock = SystemClock()
    seconds = [clock.seconds() for _ in range(100)]
    assert seconds == sorted(seconds)
