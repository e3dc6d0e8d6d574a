# test_serena_sepia.py
from typing import Any, ClassVar

import serena_sepia
from PIL import Image

from serena.testing import PluginContract, SerenaApp, StepRecorder

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "seed": 1}


class TestContract(PluginContract):
    plugin = serena_sepia
    request: ClassVar[dict[str, Any]] = {"prompt": "a sepia lighthouse", "seed": 7}


def test_a_picture_is_toned(serena_app: SerenaApp) -> None:
    pictures = serena_app(serena_sepia).txt2img("a sepia cat", **SMALL)
    assert "Toned: sepia" in pictures.infotext
    assert redder_than_blue(pictures.images[0])


def test_others_are_left_alone(serena_app: SerenaApp) -> None:
    with_it = serena_app(serena_sepia).txt2img("a cat", **SMALL)
    without = serena_app().txt2img("a cat", **SMALL)
    assert with_it.images[0].tobytes() == without.images[0].tobytes()


def test_when_it_is_called(serena_app: SerenaApp) -> None:
    recorder = StepRecorder()
    serena_app(serena_sepia, recorder).txt2img("a sepia cat", **SMALL)
    assert recorder.steps.count("serena_image") == 1


def redder_than_blue(picture: Image.Image) -> bool:
    red, _, blue = (sum(channel.tobytes()) for channel in picture.convert("RGB").split())
    return red > blue
