"""What plugins of the child bring, asked of a child that is scripted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.worker.process.plugin_parts import RemoteCounts, option_answers, remote_options
from core.domain.errors import InvalidValue, NotReady, WorkerDied
from core.domain.options import OptionRegistry, OptionSpec
from plugins.counting import HookCount
from plugins.report import PluginReport, PluginSetting

COUNT = {"plugin": "sepia", "hook": "serena_prepare", "calls": 2, "seconds": 0.5, "failures": 1}


class Child:
    """Answers one question after the other; an error is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_child_that_does_not_answer_has_cost_what_it_said_last() -> None:
    counts = RemoteCounts(Child(WorkerDied("gone"), [COUNT], TimeoutError()))
    assert counts() == ()
    assert counts() == counts() == (HookCount(**COUNT),)


def test_the_child_checks_values() -> None:
    """Here and there are two ends of one question."""
    answers = option_answers(OptionRegistry([OptionSpec("sepia_tone", 1.0, minimum=0, maximum=2)]))
    setting = PluginSetting(name="tone", option="sepia_tone", default=1.0, restricted=True)
    report = PluginReport(name="s", distribution="", version="", builtin=False, settings=(setting,))
    child = Child(answers({"sepia_tone": 2}, {}), answers({"sepia_tone": 3}, {}), TimeoutError())
    [spec] = remote_options(child, [report])
    assert (spec.name, spec.default, spec.restricted) == ("sepia_tone", 1.0, True)
    assert spec.accept(2) == 2.0
    with pytest.raises(InvalidValue, match=r"option sepia_tone is 3\.0; it must be between 0 and 2"):
        spec.accept(3)
    with pytest.raises(
        NotReady, match="sepia_tone cannot be checked now: the process that has the plugins does"
    ):
        spec.accept(1)
