"""Every infotext that was recorded from the reference comes out the same, key by key, in the same order.

``recorded_infotexts.json`` holds the recorded requests as the HTTP door reads them, without their pictures:
an infotext depends on the pictures of a request by nothing but their number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.backends.fake.backend import FakeBackend
from core.domain.image import BlobRef
from core.domain.infotext import read
from core.domain.request import GenerationRequest
from core.domain.serial import from_plain
from core.domain.styles import Style
from plugins.builtin.styles import StylesPlugin
from tests.unit.core.workshop import MODEL, Workshop

RECORDED = json.loads(Path(__file__).with_name("recorded_infotexts.json").read_text(encoding="utf-8"))
STYLES = (Style("s1", "{prompt}, oil painting", "ugly"), Style("s2", "masterpiece", "bad, {prompt}"))
OURS = ("Version", "Backend")


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["id"])
def test_the_infotext_is_the_references(recorded: dict[str, Any]) -> None:
    shop = Workshop(
        backend=FakeBackend(zero_cost=True),
        plugins={"styles": StylesPlugin()},
        styles=STYLES,
        default_model=MODEL.identity.title,
    )
    result = shop.result(_request(shop, recorded["request"]))
    ours, theirs = read(result.images[0].infotext), read(recorded["infotext"])
    assert (ours.prompt, ours.negative_prompt) == (theirs.prompt, theirs.negative_prompt)
    assert [pair for pair in ours.params if pair[0] not in OURS] == [
        pair for pair in theirs.params if pair[0] not in OURS
    ]
    assert result.info["all_seeds"] == recorded["all_seeds"]
    assert ours.params[-1][0] == "Version"


def _request(shop: Workshop, plain: dict[str, Any]) -> GenerationRequest:
    init = plain.get("init")
    if init is not None:
        mask = {"mask": _picture(shop, mask=True)} if "mask" in init else {}
        plain = {**plain, "init": {**init, "images": [_picture(shop)], **mask}}
    return from_plain(GenerationRequest, plain)


def _picture(shop: Workshop, mask: bool = False) -> BlobRef:
    picture = np.full((64, 64, 3), 0 if mask else 90, np.uint8)
    picture[16:48, 16:48] = 255
    return shop.put(picture)
