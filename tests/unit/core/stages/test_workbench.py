"""Pictures that a script opens, and pictures that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from core.domain.errors import InvalidImage
from core.domain.image import BlobRef
from core.domain.request import GenerationRequest
from core.domain.scripts import Script
from core.drafts import Draw, ScriptResult, Sheet
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister
from tests.unit.core.workshop import Workshop, img2img


class Scripted:
    """A plugin with one script."""

    def __init__(self, body: Callable[[GenerationRequest, Draw], ScriptResult]) -> None:
        self._body = body

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(Script(name="Mine"), lambda request, args, draw: self._body(request, draw))


def drawn(body: Callable[[GenerationRequest, Draw], ScriptResult], **fields: Any) -> tuple[Workshop, Any]:
    shop = Workshop(plugins={"mine": Scripted(body)})
    clear = np.zeros((16, 16, 4), np.uint8)
    return shop, shop.result(img2img([shop.put(clear)], script_name="mine", **fields))


def test_transparency_falls_on_the_background() -> None:
    def opens(request: GenerationRequest, draw: Draw) -> ScriptResult:
        assert request.init is not None
        picture = draw.open(request.init.images[0])
        return ScriptResult(sheets=[Sheet(image=picture, like=draw(request)[0], grid=False)])

    overlay: Mapping[str, Any] = {"img2img_background_color": "#ff0000"}
    shop, result = drawn(opens, override_settings=overlay)
    assert shop.pixels(result)[0, 0].tolist() == [255, 0, 0]


def test_a_picture_that_is_gone_is_told() -> None:
    def opens(request: GenerationRequest, draw: Draw) -> ScriptResult:
        draw.open(BlobRef("0" * 64))
        raise AssertionError("it is there")

    with pytest.raises(InvalidImage, match="the picture is gone"):
        drawn(opens)


def test_grids_come_before_pictures_that_were_made_and_those_before_what_was_drawn() -> None:
    def makes(request: GenerationRequest, draw: Draw) -> ScriptResult:
        [one] = draw(request)
        made = Sheet(image=one.image, like=one, infotext_params={"Made": 1}, grid=False)
        grid = Sheet(image=one.image, like=one, infotext_params={"Grid": 1})
        return ScriptResult(images=[one], sheets=[made, grid])

    shop, result = drawn(makes, save_images=True)
    grid, made, one = result.images
    assert "Grid: 1, Version" in grid.infotext
    assert "Made: 1, Version" in made.infotext
    assert "Made" not in one.infotext
    assert ["grid" in image.path for image in result.images] == [True, False, False]
    assert result.info["index_of_first_image"] == 1
    assert result.info["all_seeds"] == [7, 7]
    assert len(shop.files.files) == 3
