"""Several runs of a script that are sampled in one batch, as far as that changes no picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.fakes import JournalPlugin
from core.domain.errors import BackendError, InvalidValue
from core.domain.image import RasterImage
from core.domain.request import GenerationRequest, HiresParams
from core.domain.scripts import Script
from core.drafts import BatchDraft, Draw, RequestDraft, ScriptResult
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister
from tests.unit.core.workshop import ScriptedBackend, Workshop, request

Vary = Callable[[GenerationRequest], Sequence[GenerationRequest]]


class Together:
    """A script that draws the variants of a request, four at once."""

    def __init__(self, vary: Vary) -> None:
        self._vary = vary

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(Script(name="Together"), self._run)

    def _run(self, request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
        return ScriptResult(images=list(draw.each(self._vary(request), at_once=4)))


class Extras:
    """Hands arrays to the backend, which nobody can compare."""

    def __init__(self, *names: str) -> None:
        self._names = names

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        if "run" in self._names:
            draft.extras["array"] = np.zeros(2)

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        if "batch" in self._names:
            draft.extras["array"] = np.zeros(2)


def three(request: GenerationRequest) -> Sequence[GenerationRequest]:
    return [replace(request, prompt=f"number {n}", seed=request.seed + n) for n in range(3)]


def shop_of(vary: Vary, *others: object, **fields: Any) -> Workshop:
    plugins = {f"other-{number}": other for number, other in enumerate(others)}
    return Workshop(plugins={**plugins, "together": Together(vary)}, **fields)


def asked(**fields: Any) -> GenerationRequest:
    return request(script_name="together", **fields)


def sizes(shop: Workshop) -> list[int]:
    return [len(batch.seeds) for batch in shop.scripted.batches]


def test_each_has_every_hook_and_a_run_of_its_own() -> None:
    journal = JournalPlugin()
    shop = shop_of(three, journal)
    result = shop.result(asked(save_images=True))
    assert sizes(shop) == [3]
    assert shop.scripted.batches[0].seeds == (7, 8, 9)
    assert len(set(journal.prepared)) == 3
    assert journal.prepared == journal.finalized == list(result.receipt.notes)
    assert journal.failed == []
    assert result.info["all_seeds"] == [7, 8, 9]
    assert len(shop.files.files) == 3


@pytest.mark.parametrize(
    ("vary", "fields"),
    [
        (lambda r: [replace(r, steps=2 + n) for n in range(2)], {}),
        (lambda r: [replace(r, prompt=f"<lora:{n}>") for n in "ab"], {}),
        (lambda r: [replace(r, negative_prompt=text) for text in ("", "x")], {}),
        (lambda r: [replace(r, seed=n) for n in range(2)], {"deterministic": True}),
        (lambda r: [replace(r, seed=n) for n in range(2)], {"sampler_name": "DPM adaptive"}),
        (lambda r: [replace(r, n_iter=2), r], {}),
    ],
)
def test_what_is_not_alike_is_drawn_apart(vary: Vary, fields: dict[str, Any]) -> None:
    shop = shop_of(vary)
    shop.draw(asked(**fields))
    assert set(sizes(shop)) == {1}


@pytest.mark.parametrize("where", ["run", "batch"])
def test_what_cannot_be_compared_is_drawn_apart(where: str) -> None:
    shop = shop_of(three, Extras(where))
    shop.draw(asked())
    assert sizes(shop) == [1, 1, 1]


class Repeats:
    """Gives every run a second iteration."""

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.change(n_iter=2)


def test_iterations_that_a_plugin_adds_are_drawn() -> None:
    shop = shop_of(three, Repeats())
    result = shop.result(asked())
    assert [image.seed for image in result.images] == [7, 8, 8, 9, 9, 10]


def test_an_interrupt_ends_those_that_a_plugin_repeats() -> None:
    shop = shop_of(three, Repeats())
    shop.scripted.on_run = lambda run, batch, watch: shop.service.interrupt()
    assert [image.seed for image in shop.result(asked()).images] == [7]


def test_alike_ones_behind_another_are_together() -> None:
    shop = shop_of(lambda r: [replace(r, steps=steps, seed=n) for n, steps in enumerate((2, 2, 3, 3, 2))])
    result = shop.result(asked())
    assert sizes(shop) == [2, 2, 1], "four at once at most"
    assert [image.seed for image in result.images] == [0, 1, 2, 3, 4]


def test_pictures_of_the_first_pass_go_to_their_own_run() -> None:
    class TwoPasses(ScriptedBackend):
        def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
            assert run.hires is not None
            assert run.hires.keep is not None
            run.hires.keep([RasterImage(1, 1, "RGB", bytes([n] * 3)) for n in range(len(batch.seeds))])
            return super().execute_run(run, batch, watch)

    shop = shop_of(three, backend=TwoPasses())
    shop.draw(
        asked(
            hires=HiresParams(),
            denoising_strength=0.5,
            save_images=True,
            override_settings={"save_images_before_highres_fix": True},
        )
    )
    before = {name: data for name, data in shop.files.files.items() if "before-highres-fix" in str(name)}
    assert sorted(shop.codec.decode(data).pixels[0] for data in before.values()) == [0, 1, 2]


def test_seeds_left_open_are_other_ones() -> None:
    shop = shop_of(lambda r: [replace(r, seed=-1)] * 3)
    shop.draw(asked())
    assert len(set(shop.scripted.batches[0].seeds)) == 3


def test_a_failure_is_told_of_every_run_that_was_not_drawn() -> None:
    def fail(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        if len(shop.scripted.runs) == 2:
            raise BackendError("no memory")

    journal = JournalPlugin()
    shop = shop_of(lambda r: [replace(r, seed=n, steps=steps) for n, steps in enumerate((2, 3, 3))], journal)
    shop.scripted.on_run = fail
    with pytest.raises(BackendError, match="no memory"):
        shop.draw(asked())
    assert len(journal.finalized) == 1
    assert journal.failed == journal.prepared[1:]


def test_one_that_cannot_be_prepared_fails_all() -> None:
    journal = JournalPlugin()
    shop = shop_of(lambda r: [r, replace(r, steps=-1)], journal)
    with pytest.raises(InvalidValue, match="steps is -1"):
        shop.draw(asked())
    assert len(journal.failed) == 2
    assert shop.scripted.runs == []


def test_an_interrupt_ends_what_is_not_drawn_yet() -> None:
    shop = shop_of(lambda r: [replace(r, seed=n, steps=2 + n) for n in range(3)])
    shop.scripted.on_run = lambda run, batch, watch: shop.service.interrupt()
    result = shop.result(asked())
    assert sizes(shop) == [1]
    assert [image.seed for image in result.images] == [0]


def test_what_the_backend_says_of_a_picture_stays_with_it() -> None:
    def mark(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        for seed, marks in zip(batch.seeds, batch.marks, strict=True):
            marks["Told"] = str(seed)

    together, alone = shop_of(three), shop_of(three)
    together.scripted.on_run = alone.scripted.on_run = mark
    told = [image.infotext.count(f"Told: {image.seed}") for image in together.result(asked()).images]
    assert told == [1, 1, 1]
    repeated = alone.result(request(batch_size=2, n_iter=2)).images
    assert [image.infotext.count(f"Told: {image.seed}") for image in repeated] == [1] * 4
