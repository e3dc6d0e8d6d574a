"""What plugins bring that are loaded in the child: their options, and what they have cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from core.domain.errors import InvalidValue, NotReady, WorkerDied
from core.domain.options import OptionRegistry, OptionSpec, OptionValue
from core.domain.serial import from_plain
from plugins.counting import HookCount, together
from plugins.report import PluginReport, PluginSetting

COUNT_SECONDS = 2.0
CHECK_SECONDS = 5.0


class Asks(Protocol):
    """Asks the child."""

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any: ...


class RemoteCounts:
    """What the plugins of the child have cost: what it said last while it cannot say more.

    :param deaths: the failures that children died of. Those stay when all else begins anew with a child.
    """

    def __init__(self, child: Asks, deaths: Callable[[], Sequence[HookCount]] = tuple) -> None:
        self._child = child
        self._deaths = deaths
        self._last: tuple[HookCount, ...] = ()

    def __call__(self) -> tuple[HookCount, ...]:
        with suppress(WorkerDied, TimeoutError):
            plain = self._child.call("plugin_calls", {}, COUNT_SECONDS)
            self._last = tuple(from_plain(HookCount, one) for one in plain)
        return together(self._last, self._deaths())


def remote_options(child: Asks, reports: Sequence[PluginReport]) -> tuple[OptionSpec, ...]:
    """The options of plugins in the child, which checks their values."""
    return tuple(spec for report in reports for spec in _options_of(child, report.settings))


def _options_of(child: Asks, settings: Sequence[PluginSetting]) -> Iterator[OptionSpec]:
    check = partial(_checked, child, frozenset(one.option for one in settings))
    for one in settings:
        yield OptionSpec(one.option, one.default, restricted=one.restricted, check=check)


def _checked(
    child: Asks, names: Set[str], changes: Mapping[str, OptionValue], standing: Mapping[str, OptionValue]
) -> Mapping[str, OptionValue]:
    beside = {name: value for name, value in standing.items() if name in names}
    try:
        answer = child.call("accept_options", {"changes": changes, "standing": beside}, CHECK_SECONDS)
    except (WorkerDied, TimeoutError):
        raise NotReady(
            f"{' and '.join(changes)} cannot be checked now: the process that has the plugins does not "
            "answer; try again later"
        ) from None
    if "expected" in answer:
        raise InvalidValue(answer["field"], answer["value"], answer["expected"])
    accepted: Mapping[str, OptionValue] = answer["accepted"]
    return accepted


def option_answers(registry: OptionRegistry) -> Callable[..., dict[str, Any]]:
    """What the child answers when it is asked to check values."""

    def accept_options(
        changes: Mapping[str, OptionValue], standing: Mapping[str, OptionValue]
    ) -> dict[str, Any]:
        try:
            return {"accepted": registry.accept(changes, standing)}
        except InvalidValue as error:
            return {"field": error.field, "value": error.value, "expected": error.expected}

    return accept_options
