"""What every ``Upscalers`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from core.domain.errors import Interrupted, InvalidValue
from core.domain.geometry import Size
from core.domain.image import CHANNELS, ImageMode, RasterImage
from core.domain.upscaling import Tiling
from core.ports.driven import Upscalers

MODES: tuple[ImageMode, ...] = ("RGB", "RGBA", "L")
SIZES = [Size(64, 40), Size(72, 48), Size(24, 16), Size(8, 8), Size(200, 8)]
TILING = Tiling(16, 4)


class NotingWatch:
    """A ``RunWatch`` that notes what it is told.

    :ivar stop_after: steps after which ``check`` raises; None: never.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.passes: list[int] = []
        self.steps: list[int] = []
        self.stop_after = stop_after

    def begin_pass(self, steps: int) -> None:
        self.passes.append(steps)

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self.steps.append(done)

    def check(self) -> None:
        if self.stop_after is not None and len(self.steps) >= self.stop_after:
            raise Interrupted


class UpscalersContract(ABC):
    """Subclass it once for each source of upscalers.

    :cvar tolerance: how far a channel (of 255) may be off where one colour is enlarged.
    """

    tolerance: int = 0

    @abstractmethod
    def make(self) -> Upscalers:
        """A source with at least one upscaler."""

    def test_they_are_listed_once_each(self) -> None:
        source = self.make()
        names = [upscaler.name for upscaler in source.all()]
        assert names
        assert len(set(names)) == len(names)
        assert all(upscaler.scale >= 1 for upscaler in source.all())
        source.refresh()
        assert [upscaler.name for upscaler in source.all()] == names

    @pytest.mark.parametrize("size", SIZES, ids=str)
    @pytest.mark.parametrize("mode", MODES)
    def test_exactly_the_size_in_the_same_mode(self, mode: ImageMode, size: Size) -> None:
        source = self.make()
        for upscaler in source.all():
            larger = source.upscale(upscaler.name, smooth(mode), size, TILING, NotingWatch())
            assert larger.size == tuple(size)
            assert larger.mode == mode

    @pytest.mark.parametrize("tiling", [TILING, Tiling(0, 0), Tiling(192, 8), Tiling(8, 7)], ids=str)
    def test_one_colour_stays_one_colour(self, tiling: Tiling) -> None:
        """No seam shows where tiles meet, and the alpha channel stays too."""
        source = self.make()
        colour = (200, 30, 90, 120)
        image = RasterImage(40, 24, "RGBA", bytes(colour) * (40 * 24))
        for upscaler in source.all():
            larger = source.upscale(upscaler.name, image, Size(80, 48), tiling, NotingWatch())
            values = np.frombuffer(larger.pixels, np.uint8).reshape(-1, 4).astype(int)
            assert np.abs(values - np.array(colour)).max() <= self.tolerance

    def test_one_pass_whose_steps_are_told_in_order(self) -> None:
        source = self.make()
        for upscaler in source.all():
            watch = NotingWatch()
            source.upscale(upscaler.name, smooth("RGB"), Size(80, 48), TILING, watch)
            [announced] = watch.passes
            assert watch.steps == list(range(1, announced + 1))

    def test_an_interrupt_goes_through(self) -> None:
        source = self.make()
        for upscaler in source.all():
            watch = NotingWatch(stop_after=0)
            with pytest.raises(Interrupted):
                source.upscale(upscaler.name, smooth("RGB"), Size(80, 48), TILING, watch)
            assert watch.steps == []

    def test_the_same_picture_gives_the_same_picture(self) -> None:
        source = self.make()
        for upscaler in source.all():
            first, again = (
                source.upscale(upscaler.name, smooth("RGB"), Size(80, 48), TILING, NotingWatch())
                for _ in range(2)
            )
            assert first == again

    def test_an_unknown_one_is_refused_with_those_there_are(self) -> None:
        source = self.make()
        with pytest.raises(InvalidValue, match="none such") as caught:
            source.upscale("none such", smooth("RGB"), Size(80, 48), TILING, NotingWatch())
        assert source.all()[0].name in str(caught.value)


def smooth(mode: ImageMode, width: int = 40, height: int = 24) -> RasterImage:
    """A picture without sharp edges."""
    across = np.linspace(40, 200, width)[None, :, None].repeat(height, axis=0)
    down = np.linspace(220, 60, height)[:, None, None].repeat(width, axis=1)
    values = np.concatenate([across, down, 240 - across, (across + down) / 2], axis=2).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(values[:, :, : max(3, CHANNELS[mode])]))
    return RasterImage(width, height, mode, picture.convert(mode).tobytes())
