"""Options decide whether a picture is shown while it is drawn."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.image import RasterImage
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from tests.unit.core.workshop import Workshop, request

GREY = RasterImage(8, 8, "RGB", bytes([128]) * 192)


@pytest.mark.parametrize(
    ("changed", "start"),
    [
        ({}, b"\x89PNG"),
        ({"live_previews_image_format": "jpeg"}, b"\xff\xd8"),
        ({"live_previews_enable": False}, None),
        ({"show_progress_every_n_steps": -1}, None),
    ],
)
def test_a_preview_is_there_unless_options_say_otherwise(
    changed: dict[str, Any], start: bytes | None
) -> None:
    shop = Workshop(changed=changed)
    seen: list[bytes | None] = []

    def look(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        watch.step(1, lambda: GREY)
        seen.append(shop.service.progress(preview=True).preview)

    shop.scripted.on_run = look
    shop.result(request())
    assert [None if data is None else data[: len(start or b"")] for data in seen] == [start]
