"""What plugins bring that are loaded in the child: their options, and what they have cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from core.domain.errors import InvalidValue, WorkerDied
from core.domain.options import OptionRegistry, OptionSpec, OptionValue
from core.domain.serial import from_plain
from plugins.counting import HookCount
from plugins.report import PluginReport

COUNT_SECONDS = 2.0


class Asks(Protocol):
    """Asks the child."""

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any: ...


class RemoteCounts:
    """What the plugins of the child have cost: what it said last while it cannot say more."""

    def __init__(self, child: Asks) -> None:
        self._child = child
        self._last: tuple[HookCount, ...] = ()

    def __call__(self) -> tuple[HookCount, ...]:
        try:
            plain = self._child.call("plugin_calls", {}, COUNT_SECONDS)
        except (WorkerDied, TimeoutError):
            return self._last
        self._last = tuple(from_plain(HookCount, one) for one in plain)
        return self._last


def remote_options(child: Asks, reports: Sequence[PluginReport]) -> tuple[OptionSpec, ...]:
    """The options of plugins in the child, which checks their values."""
    check = partial(_checked, child)
    settings = (one for report in reports for one in report.settings)
    return tuple(
        OptionSpec(one.option, one.default, restricted=one.restricted, check=check) for one in settings
    )


def _checked(child: Asks, name: str, value: OptionValue) -> OptionValue:
    answer = child.call("accept_option", {"name": name, "value": value})
    if "expected" in answer:
        raise InvalidValue(f"option {name}", value, answer["expected"])
    return answer["value"]


def option_answers(registry: OptionRegistry) -> Callable[[str, Any], dict[str, Any]]:
    """What the child answers when it is asked to check a value."""

    def accept_option(name: str, value: OptionValue) -> dict[str, Any]:
        try:
            return {"value": registry.spec(name).accept(value)}
        except InvalidValue as error:
            return {"expected": error.expected}

    return accept_option
