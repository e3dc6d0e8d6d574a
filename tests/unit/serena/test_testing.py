"""What plugin authors test with, tried on plugins of our own."""

from __future__ import annotations

from typing import Any

import pytest

import serena.testing as kit
from core.domain.errors import PluginError
from core.drafts import RequestDraft
from plugins.hookspecs import hookimpl

serena_app = kit.serena_app
SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "seed": 1}


class Adds:
    """A plugin as it should be."""

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.prompt += " indeed"


class Fickle:
    """One whose pictures differ from time to time."""

    def __init__(self) -> None:
        self._calls = 0

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self._calls += 1
        draft.prompt += f" {self._calls}"


class TestGoodPlugin(kit.PluginContract):
    plugin = Adds()


class Contract(kit.PluginContract):
    """Not collected: it is run by hand below."""


@pytest.mark.parametrize(
    ("plugin", "test"),
    [(object(), "test_it_implements_a_hook"), (Fickle(), "test_a_retry_draws_the_same")],
)
def test_the_contract_sees_what_is_wrong(plugin: object, test: str, serena_app: kit.SerenaApp) -> None:
    contract = Contract()
    contract.plugin = plugin  # type: ignore[misc]
    arguments = (serena_app,) if "retry" in test else ()
    with pytest.raises(AssertionError):
        getattr(contract, test)(*arguments)


def test_the_recorder_sees_every_step(serena_app: kit.SerenaApp) -> None:
    recorder = kit.StepRecorder()
    serena = serena_app(Adds(), recorder)
    serena.txt2img("a cat", batch_size=2, n_iter=2, save_images=True, **SMALL)
    iteration = ["serena_before_batch", "serena_after_batch", *["serena_image", "serena_after_overlay"] * 2]
    pictures = 5
    assert recorder.steps == [
        "serena_prepare",
        *iteration * 2,
        "serena_finalize",
        "serena_grid",
        *["serena_before_save"] * pictures,
        *["serena_saved"] * pictures,
    ]
    serena.close()
    assert recorder.life == ["serena_ready", "serena_shutdown"]


def test_the_recorder_sees_a_failure(serena_app: kit.SerenaApp) -> None:
    class Fails:
        @hookimpl
        def serena_before_batch(self) -> None:
            raise ValueError("no")

    recorder = kit.StepRecorder()
    with pytest.raises(PluginError):
        serena_app(recorder, Fails()).txt2img("a cat", **SMALL)
    assert recorder.steps == ["serena_prepare", "serena_failed"]
