"""The built-in model draws what the prompt says, by the colours of its pictures.

A check that anything passes shows nothing, so the same checks fail without guidance and for another prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from serena import Serena

pytest.importorskip("torch", reason="needs the extra torch")

CIRCLE = "a red circle on a blue background"
SWAPPED = "a blue circle on a red background"
"""The words of ``CIRCLE`` in another order."""
CITY = "a city at night"

PICTURES = 4
Pixels: TypeAlias = NDArray[np.float64]
"""Shape (pictures, rows, columns, 3), 0 to 255."""
Draw: TypeAlias = Callable[..., Pixels]


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Draw]:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    with Serena(backend=backend, data_dir=tmp_path_factory.mktemp("data")) as serena:

        def pixels(prompt: str, **fields: Any) -> Pixels:
            drawn = serena.txt2img(
                prompt,
                **{
                    "seed": 1,
                    "batch_size": PICTURES,
                    "width": 128,
                    "height": 128,
                    "steps": 20,
                    "cfg_scale": 7,
                    **fields,
                },
                override_settings={"return_grid": False},
            )
            assert len(drawn.images) == PICTURES
            return np.stack([np.asarray(image.convert("RGB"), np.float64) for image in drawn.images])

        yield pixels


def is_red_on_blue(pictures: Pixels) -> bool:
    """In every picture the middle is red, and top and bottom are blue."""
    middle = pictures[:, 48:76, 52:76]
    edges = np.concatenate([pictures[:, :16], pictures[:, -16:]], axis=1)
    return bool((excess(middle, 0) > 100).all() and (excess(edges, 2) > 80).all())


def is_night_with_lights(pictures: Pixels) -> bool:
    """In every picture the sky is dark, and below it windows shine: a tenth of the town or more is bright."""
    sky, town = pictures[:, 4:24].mean(axis=(1, 2, 3)), pictures[:, 60:116].mean(axis=3)
    lights = (town > 130).mean(axis=(1, 2))
    return bool((sky < 80).all() and (lights > 0.11).all())


def excess(pixels: Pixels, channel: int) -> NDArray[np.float64]:
    """By how much a channel is above the larger of the others, for each picture."""
    others = np.delete(pixels, channel, axis=3).max(axis=3)
    return np.asarray((pixels[..., channel] - others).mean(axis=(1, 2)))


def passes(draw: Draw, circle: str = CIRCLE, city: str = CITY, **fields: Any) -> bool:
    """The check: both prompts look as they say."""
    return is_red_on_blue(draw(circle, **fields)) and is_night_with_lights(draw(city, **fields))


def test_a_red_circle_on_a_blue_background(draw: Draw) -> None:
    assert is_red_on_blue(draw(CIRCLE))


def test_a_city_at_night(draw: Draw) -> None:
    assert is_night_with_lights(draw(CITY))


def test_without_guidance_the_check_fails(draw: Draw) -> None:
    """The windows are dim then. The circle keeps its colours: the model has learnt them that well."""
    assert not passes(draw, cfg_scale=1)


def test_for_the_same_words_in_another_order_the_check_fails(draw: Draw) -> None:
    assert sorted(SWAPPED.split()) == sorted(CIRCLE.split())
    assert not passes(draw, circle=SWAPPED)


def test_for_another_time_of_day_the_check_fails(draw: Draw) -> None:
    assert not is_night_with_lights(draw("a city at noon"))
