"""What a script answers with becomes one result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.domain import infotext
from core.domain.errors import InvalidValue
from core.domain.options import OptionValues
from core.domain.result import FileOrder
from core.drafts import DrawnImage, ImageDraft, ScriptResult, Sheet
from core.stages.finalize import Finishing, SheetToWrite
from core.stages.order import RunOrder
from core.stages.passes import Pass, Passes
from core.stages.saving import Place
from core.stages.staged import Finished


def compose(
    order: RunOrder, passes: Passes, result: ScriptResult, finishing: Finishing, *, complete: bool
) -> Finished:
    """The grids, then what else the script made, then the pictures that it gives back. Of a picture that it
    drew and does not give back, the file stays. Raises ``InvalidValue`` for one that none of its passes
    drew."""
    chosen = list(dict.fromkeys(_number(image, passes) for image in result.images))
    first = passes.done[0]
    place = Place(first.run_id, order, replace(first.prepared, options=order.options))
    saves = order.request.save_images and (complete or _saves_incomplete(order.options))
    made = sorted(result.sheets, key=lambda sheet: not sheet.grid)
    written = [SheetToWrite(_draft(sheet, first), _infotext(sheet), sheet.grid) for sheet in made]
    sheets = finishing.sheets(written, place, saves=saves)
    own = [sheet.like for sheet in made if not sheet.grid]
    pictures = [*own, *(passes.images[number] for number in chosen)]
    drawn = [image for one in passes.done for image in one.finished.images]
    wanted = set(chosen)
    finishing.let_go(image.blob for number, image in enumerate(drawn) if number not in wanted)
    images = (*(image for sheet in sheets for image in sheet.images), *(drawn[n] for n in chosen))
    places = {number: at for at, number in enumerate(chosen, len(sheets))}
    return Finished(
        images=images,
        info={
            **first.finished.info,
            **_of_pictures(pictures),
            "index_of_first_image": len(sheets) - len(own) if pictures else 0,
            "infotexts": [image.infotext for image in images],
        },
        comments=tuple(dict.fromkeys((*result.comments, *_comments(passes.done)))),
        files=(
            *(replace(file, image=at) for at, sheet in enumerate(sheets) for file in sheet.files),
            *_files(passes.done, places),
        ),
    )


def _saves_incomplete(options: OptionValues) -> bool:
    return options.flag("save_incomplete_images")


def _number(image: DrawnImage, passes: Passes) -> int:
    if not 0 <= image.number < len(passes.images) or passes.images[image.number] is not image:
        raise InvalidValue("a picture of the script", image.number, "it must be one that draw gave")
    return image.number


def _of_pictures(pictures: Sequence[DrawnImage]) -> dict[str, object]:
    if not pictures:
        return {}
    return {
        "all_prompts": [picture.prompt for picture in pictures],
        "all_negative_prompts": [picture.negative_prompt for picture in pictures],
        "all_seeds": [picture.seed for picture in pictures],
        "all_subseeds": [picture.subseed for picture in pictures],
    }


def _comments(done: Iterable[Pass]) -> list[str]:
    return [comment for one in done for comment in one.finished.comments]


def _files(done: Iterable[Pass], places: dict[int, int]) -> list[FileOrder]:
    """Every file of every pass, with the place of its picture in the answer."""
    found, before = [], 0
    for one in done:
        for file in one.finished.files:
            at = None if file.image is None else places.get(before + file.image)
            found.append(replace(file, image=at))
        before += len(one.finished.images)
    return found


def _draft(sheet: Sheet, first: Pass) -> ImageDraft:
    return ImageDraft(
        run_id=first.run_id,
        index=0,
        image=sheet.image,
        prompt=sheet.like.prompt,
        negative_prompt=sheet.like.negative_prompt,
        seed=sheet.like.seed,
        subseed=sheet.like.subseed,
    )


def _infotext(sheet: Sheet) -> str:
    if not sheet.infotext_params:
        return sheet.like.infotext
    found = infotext.read(sheet.like.infotext)
    params = infotext.in_order(dict(found.params), sheet.infotext_params)
    return infotext.write(found.prompt, found.negative_prompt, params)
