"""Scripts that draw a request by several passes, each of them a whole run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from contracts.fakes import JournalPlugin
from core.domain.errors import BackendError, InvalidValue, PluginError, UnknownModel, UnknownScript
from core.domain.image import RasterImage
from core.domain.job import JobState
from core.domain.limits import RequestLimits
from core.domain.request import GenerationRequest
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, SaveDraft, ScriptResult, Sheet
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister
from tests.unit.core.workshop import MODEL, OTHER_MODEL, Workshop, img2img, request

Body = Callable[[GenerationRequest, Draw], ScriptResult]


class Scripted:
    """A plugin with one script."""

    def __init__(self, body: Body) -> None:
        self._body = body

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(Script(name="Mine"), self._run)

    def _run(self, request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
        return self._body(request, draw)


def twice(request: GenerationRequest, draw: Draw) -> ScriptResult:
    draw.expect(2)
    first, second = draw(request), draw(replace(request, prompt="a dog"))
    sheet = Sheet(image=first[0].image, like=first[0], infotext_params={"Script": "mine, twice"})
    return ScriptResult(images=[*second, *first], sheets=[sheet], comments=["done"])


def shop_of(body: Body, **fields: Any) -> tuple[Workshop, JournalPlugin]:
    journal = JournalPlugin()
    return Workshop(plugins={"mine": Scripted(body), "journal": journal}, **fields), journal


def mine(**fields: Any) -> GenerationRequest:
    return request(script_name="MINE", **fields)


def test_each_pass_goes_through_every_stage() -> None:
    shop, journal = shop_of(twice)
    result = shop.result(mine())
    assert len(shop.scripted.seen) == 2
    assert journal.prepared == shop.scripted.seen == journal.finalized
    assert list(result.receipt.notes) == shop.scripted.seen
    assert journal.failed == []


def test_the_answer_is_what_the_script_says() -> None:
    shop, journal = shop_of(twice)
    result = shop.result(mine(batch_size=1))
    sheet, dog, cat = result.images
    assert sheet.infotext.startswith(f"a cat {journal.word}\n")
    assert 'Script: "mine, twice"' in sheet.infotext
    assert dog.infotext.startswith("a dog")
    assert result.info["all_prompts"] == [f"a dog {journal.word}", f"a cat {journal.word}"]
    assert result.info["index_of_first_image"] == 1
    assert result.info["infotexts"] == [image.infotext for image in result.images]
    assert result.comments == ("done",)
    assert [cat.seed, dog.seed] == [7, 7]


def test_files_are_those_of_every_pass_and_the_sheet() -> None:
    shop, _ = shop_of(twice)
    result = shop.result(mine(save_images=True))
    assert [image.path is not None for image in result.images] == [True, True, True]
    assert "grid" in str(result.images[0].path)
    assert len(shop.files.files) == 3


def test_a_picture_that_is_not_given_back_is_saved_all_the_same() -> None:
    def only_sheet(request: GenerationRequest, draw: Draw) -> ScriptResult:
        drawn = draw(request)
        return ScriptResult(sheets=[Sheet(image=drawn[0].image, like=drawn[0])])

    shop, _ = shop_of(only_sheet)
    result = shop.result(mine(save_images=True))
    assert len(result.images) == 1
    assert result.info["index_of_first_image"] == 0
    assert len(shop.files.files) == 2


def test_a_pass_may_have_its_own_options_model_and_seed() -> None:
    def varied(request: GenerationRequest, draw: Draw) -> ScriptResult:
        images = [
            *draw(request, {"sd_model_checkpoint": OTHER_MODEL.identity.title, "CLIP_stop_at_last_layers": 2})
        ]
        images += draw(replace(request, seed=-1))
        images += draw(replace(request, seed=-1))
        return ScriptResult(images=images)

    shop, _ = shop_of(varied)
    result = shop.result(mine(seed=-1))
    retried = shop.service.retry(result.receipt.job_id)
    shop.loop.run_next(0)
    again = shop.service.wait(retried, 0).result
    assert again is not None
    assert shop.scripted.loaded[:2] == [OTHER_MODEL, MODEL]
    assert "Clip skip: 2" in result.images[0].infotext
    assert "Clip skip" not in result.images[1].infotext
    seeds = [image.seed for image in result.images]
    assert len(set(seeds)) == 3
    assert [image.seed for image in again.images] == seeds


def test_a_script_knows_whether_the_seed_was_chosen() -> None:
    told: list[bool] = []

    def asks(request: GenerationRequest, draw: Draw) -> ScriptResult:
        told.append(draw.seed_is_random)
        return ScriptResult(images=[*draw(request)])

    shop, _ = shop_of(asks)
    shop.draw(mine())
    shop.draw(mine(seed=-1))
    assert told == [False, True]


def test_a_pass_may_start_from_a_picture_of_another() -> None:
    def again(request: GenerationRequest, draw: Draw) -> ScriptResult:
        [first] = draw(request)
        assert request.init is not None
        init = replace(request.init, images=(draw.keep(first.image),))
        return ScriptResult(images=[*draw(replace(request, init=init))])

    shop, _ = shop_of(again)
    flat = RasterImage(16, 16, "RGB", bytes(16 * 16 * 3))
    ref = shop.service.put_image(shop.codec.encode(flat, "png", None))
    shop.draw(img2img([ref], script_name="mine"))
    first, second = (run.init for run in shop.scripted.runs)
    assert first is not None
    assert second is not None
    assert first.images != second.images


def test_an_interrupt_keeps_what_was_drawn() -> None:
    shop, journal = shop_of(lambda r, draw: ScriptResult(images=[p for _ in range(5) for p in draw(r)]))
    shop.scripted.on_run = lambda run, batch, watch: (
        shop.service.interrupt("job-1") if len(shop.scripted.runs) == 2 else None
    )
    job = shop.draw(mine())
    assert job.state is JobState.CANCELLED
    assert job.result is not None
    assert len(job.result.images) == 2
    assert journal.prepared == journal.finalized
    assert journal.failed == []


def test_an_interrupt_before_the_first_pass_gives_nothing() -> None:
    def stopped(request: GenerationRequest, draw: Draw) -> ScriptResult:
        shop.service.interrupt("job-1")
        return ScriptResult(images=[*draw(request)])

    shop, _ = shop_of(stopped)
    job_id = shop.service.submit(mine())
    shop.loop.run_next(0)
    assert shop.state(job_id) is JobState.CANCELLED
    assert shop.scripted.seen == []


def test_a_pass_that_fails_is_told_once_and_leaves_nothing() -> None:
    shop, journal = shop_of(twice)

    def fail_second(*_: object) -> None:
        if len(shop.scripted.runs) == 2:
            raise BackendError("out of ink")

    shop.scripted.on_run = fail_second
    with pytest.raises(BackendError, match="out of ink"):
        shop.draw(mine())
    assert len(journal.failed) == 1
    assert journal.failed == [run.run_id for run in shop.scripted.runs[1:]]


def test_a_sheet_that_may_not_be_saved_leaves_no_other() -> None:
    class Refuses:
        @hookimpl
        def serena_before_save(self, draft: SaveDraft) -> None:
            saved.append(draft)
            if len(saved) == 3:
                raise ValueError("no room")

    def two_sheets(request: GenerationRequest, draw: Draw) -> ScriptResult:
        [drawn] = draw(request)
        return ScriptResult(sheets=[Sheet(image=drawn.image, like=drawn)] * 2)

    saved: list[SaveDraft] = []
    shop = Workshop(plugins={"mine": Scripted(two_sheets), "refuses": Refuses()})
    with pytest.raises(PluginError, match="no room"):
        shop.draw(mine(save_images=True))
    assert len(shop.blobs) == 0


def raising(error: BaseException) -> Body:
    def body(request: GenerationRequest, draw: Draw) -> ScriptResult:
        draw(request)
        raise error

    return body


def forging(request: GenerationRequest, draw: Draw) -> ScriptResult:
    return ScriptResult(images=[replace(draw(request)[0], infotext="forged")])


def beyond(request: GenerationRequest, draw: Draw) -> ScriptResult:
    return ScriptResult(images=[replace(draw(request)[0], number=7)])


def nothing(request: GenerationRequest, draw: Draw) -> ScriptResult:
    return ScriptResult()


def no_result(request: GenerationRequest, draw: Draw) -> Any:
    return draw(request)


def no_picture(request: GenerationRequest, draw: Draw) -> Any:
    draw(request)
    return ScriptResult(images=["a picture"])  # type: ignore[list-item]


def no_sheet(request: GenerationRequest, draw: Draw) -> Any:
    return ScriptResult(sheets=[Sheet(image="a sheet", like=draw(request)[0])])  # type: ignore[arg-type]


def no_such_model(request: GenerationRequest, draw: Draw) -> ScriptResult:
    return ScriptResult(images=[*draw(request, {"sd_model_checkpoint": "nope"})])


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (raising(ValueError("no")), PluginError, "plugin 'mine' failed in its script: ValueError: no"),
        (raising(SystemExit(3)), PluginError, "SystemExit: 3"),
        (raising(InvalidValue("prompt", "x", "no cats")), InvalidValue, "no cats"),
        (forging, InvalidValue, "it must be one that draw gave"),
        (beyond, InvalidValue, "it must be one that draw gave"),
        (nothing, InvalidValue, "script_name is 'MINE'; it drew nothing"),
        (no_result, PluginError, "a script gives a ScriptResult"),
        (no_picture, PluginError, "'mine' failed in its script: TypeError: images has 'a picture'"),
        (no_sheet, PluginError, "the image of a sheet is str; it must be RasterImage"),
        (no_such_model, UnknownModel, "nope"),
    ],
)
def test_a_script_that_fails_is_told_once(body: Body, error: type[Exception], said: str) -> None:
    shop, journal = shop_of(body)
    with pytest.raises(error, match=said):
        shop.draw(mine())
    assert len(journal.failed) == 1


def test_a_script_draws_no_more_than_a_request_may() -> None:
    def expects(request: GenerationRequest, draw: Draw) -> ScriptResult:
        draw.expect(1000)
        return nothing(request, draw)

    def never_ends(request: GenerationRequest, draw: Draw) -> ScriptResult:
        images: list[DrawnImage] = []
        while True:
            images += draw(request)

    for body, drawn in ((expects, 0), (never_ends, 3)):
        shop, _ = shop_of(body, limits=RequestLimits(max_images=3))
        with pytest.raises(InvalidValue, match="at most 3 may be asked for at once"):
            shop.draw(mine())
        assert len(shop.scripted.seen) == drawn


def test_one_that_is_not_there_is_refused() -> None:
    journal = JournalPlugin()
    shop = Workshop(plugins={"journal": journal})
    with pytest.raises(UnknownScript, match="Script 'MINE' not found"):
        shop.draw(mine())
    assert (shop.scripted.seen, len(journal.failed)) == ([], 1)


def test_progress_counts_all_passes() -> None:
    shop, _ = shop_of(twice)
    seen: list[tuple[int, int, str]] = []

    def look(*_: object) -> None:
        progress = shop.service.progress("job-1")
        seen.append((progress.iteration, progress.iterations, progress.label))

    shop.scripted.on_run = look
    shop.draw(mine(n_iter=2))
    assert seen == [
        (0, 4, "Pass 1 out of 2"),
        (1, 4, "Pass 1 out of 2"),
        (2, 4, "Pass 2 out of 2"),
        (3, 4, "Pass 2 out of 2"),
    ]


@pytest.mark.parametrize("keeps", [True, False])
def test_what_an_interrupt_leaves_is_saved_if_the_options_say_so(keeps: bool) -> None:
    def sheet_of_what_there_is(request: GenerationRequest, draw: Draw) -> ScriptResult:
        [drawn] = draw(request)
        shop.service.interrupt("job-1")
        return ScriptResult(images=[drawn], sheets=[Sheet(image=drawn.image, like=drawn)])

    shop, _ = shop_of(sheet_of_what_there_is)
    job = shop.draw(mine(save_images=True, override_settings={"save_incomplete_images": keeps}))
    assert job.state is JobState.CANCELLED
    assert len(shop.files.files) == (2 if keeps else 1), "the pass itself was complete"
