"""What a pass costs a device, by events that stand in for those of CUDA."""

from __future__ import annotations

from adapters.backends.torch.engine.cost import CudaCost

AHEAD = 2


class Device:
    """Reaches events in the order in which they are recorded, when it is let."""

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.reached = 0
        self.waits = 0

    def event(self) -> Event:
        return Event(self)


class Event:
    def __init__(self, device: Device) -> None:
        self._device = device

    def record(self) -> None:
        self._device.recorded.append(self)

    @property
    def _place(self) -> int:
        return self._device.recorded.index(self) + 1

    def query(self) -> bool:
        return self._device.reached >= self._place

    def synchronize(self) -> None:
        if not self.query():
            self._device.waits += 1
            self._device.reached = self._place

    def elapsed_time(self, other: Event) -> float:
        return 1000.0 * (other._place - self._place)


def test_costs_are_read_later_and_nothing_waits_for_them() -> None:
    device, costs = Device(), list[float]()
    meter = CudaCost(event=device.event)
    for _ in range(3):
        meter.start(costs.append)()
        device.reached = len(device.recorded)
    assert costs == [1.0, 1.0]
    assert device.waits == 0


def test_the_host_is_as_far_ahead_as_it_likes_unless_it_is_told() -> None:
    device, costs = Device(), list[float]()
    meter = CudaCost(event=device.event)
    for _ in range(6):
        meter.start(costs.append)()
    assert (device.waits, costs) == (0, [])


def test_the_host_is_not_further_ahead_than_a_few_passes() -> None:
    device, costs = Device(), list[float]()
    meter = CudaCost(AHEAD, device.event)
    for _ in range(6):
        meter.start(costs.append)()
        assert len(device.recorded) - device.reached <= 2 * AHEAD
    assert device.waits == 6 - AHEAD
    assert len(costs) == 6 - AHEAD
