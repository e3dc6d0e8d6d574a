"""What every ``FaceRestorers`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from contracts.upscalers import MODES, NotingWatch, smooth
from core.domain.errors import Interrupted, InvalidValue
from core.domain.image import ImageMode, RasterImage
from core.ports.driven import FaceRestorers


class FaceRestorersContract(ABC):
    """Subclass it once for each source of face restorers."""

    @abstractmethod
    def make(self) -> FaceRestorers:
        """A source with at least one restorer."""

    @abstractmethod
    def faces(self, mode: ImageMode) -> RasterImage:
        """A picture with two faces that it finds."""

    def test_they_are_listed_once_each_in_the_order_of_users(self) -> None:
        names = self.make().names()
        assert names
        assert list(names) == [name for name in ("CodeFormer", "GFPGAN") if name in names]

    @pytest.mark.parametrize("mode", MODES)
    def test_the_size_and_mode_stay_and_the_faces_change(self, mode: ImageMode) -> None:
        source, image = self.make(), self.faces(mode)
        for name in source.names():
            mended = source.restore(name, image, 0.5, NotingWatch())
            assert (mended.size, mended.mode) == (image.size, image.mode)
            assert mended.pixels != image.pixels
            if mode == "RGBA":
                assert mended.pixels[3::4] == image.pixels[3::4]

    def test_a_step_for_each_face(self) -> None:
        source = self.make()
        for name in source.names():
            watch = NotingWatch()
            source.restore(name, self.faces("RGB"), 0.5, watch)
            assert (watch.passes, watch.steps) == ([2], [1, 2])

    def test_a_picture_without_faces_comes_back_as_it_is(self) -> None:
        source = self.make()
        for name in source.names():
            watch = NotingWatch()
            assert source.restore(name, smooth("RGB", 160, 120), 0.5, watch) == smooth("RGB", 160, 120)
            assert (watch.passes, watch.steps) == ([1], [1])

    def test_the_same_picture_gives_the_same_picture(self) -> None:
        source = self.make()
        for name in source.names():
            first, again = (source.restore(name, self.faces("RGB"), 0.5, NotingWatch()) for _ in range(2))
            assert first == again

    def test_an_interrupt_goes_through(self) -> None:
        source = self.make()
        for name in source.names():
            watch = NotingWatch(stop_after=0)
            with pytest.raises(Interrupted):
                source.restore(name, self.faces("RGB"), 0.5, watch)
            assert watch.steps == []

    def test_an_unknown_one_is_refused_with_those_there_are(self) -> None:
        source = self.make()
        with pytest.raises(InvalidValue, match="none such") as caught:
            source.restore("none such", self.faces("RGB"), 0.5, NotingWatch())
        assert source.names()[0] in str(caught.value)
