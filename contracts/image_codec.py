"""What every ``ImageCodec`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import InvalidImage
from core.domain.image import CHANNELS, ImageFormat, ImageMode, RasterImage
from core.ports.driven import ImageCodec

FORMATS: tuple[ImageFormat, ...] = ("png", "jpg", "jpeg", "webp", "avif")
MODES: tuple[ImageMode, ...] = ("RGB", "RGBA", "L")
INFOTEXTS = [
    "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler, CFG scale: 7.0, Seed: 1, Size: 64x64",
    "caf\u00e9",
    "\u65e5\u672c\u8a9e \U0001f431 \u0410",
    'quotes "a", \\, Steps: 1\r\n\ttab, \x1b[31m',
    "x" * 100_000,
    "\U0001f431" * 30_000,
]


def noise(width: int, height: int, mode: ImageMode = "RGB") -> RasterImage:
    """A picture of random pixels, always the same."""
    return RasterImage(width, height, mode, random.Random(1).randbytes(width * height * CHANNELS[mode]))


class ImageCodecContract(ABC):
    """Round trips, and refusals that are one sentence."""

    @abstractmethod
    def make(self) -> ImageCodec:
        """A codec with its usual limits."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 48), (1, 300), (300, 1)])
    def test_png_keeps_every_pixel(self, mode: ImageMode, size: tuple[int, int]) -> None:
        image = noise(*size, mode)
        codec = self.make()
        assert codec.decode(codec.encode(image, "png", None)) == image

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("format", FORMATS)
    def test_every_format_takes_every_mode(self, format: ImageFormat, mode: ImageMode) -> None:
        codec = self.make()
        assert codec.decode(codec.encode(noise(16, 8, mode), format, "text")).size == (16, 8)

    def test_webp_keeps_every_pixel_when_told(self) -> None:
        image, codec = noise(16, 8), self.make()
        assert codec.decode(codec.encode(image, "webp", "text", lossless=True)) == image
        assert codec.decode(codec.encode(image, "webp", "text")) != image

    @pytest.mark.parametrize("infotext", INFOTEXTS, ids=range(len(INFOTEXTS)))
    @pytest.mark.parametrize("format", FORMATS)
    def test_the_infotext_comes_back(self, format: ImageFormat, infotext: str) -> None:
        codec = self.make()
        assert codec.read_info(codec.encode(noise(8, 8), format, infotext))[0] == infotext

    @settings(max_examples=50, deadline=None)
    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
    def test_any_infotext_comes_back_from_png(self, infotext: str) -> None:
        codec = self.make()
        assert codec.read_info(codec.encode(noise(2, 2), "png", infotext))[0] == infotext

    @pytest.mark.parametrize("format", FORMATS)
    def test_no_infotext_leaves_nothing(self, format: ImageFormat) -> None:
        codec = self.make()
        assert codec.read_info(codec.encode(noise(8, 8), format, None)) == ("", {})

    @pytest.mark.parametrize("format", FORMATS)
    def test_the_same_picture_gives_the_same_bytes(self, format: ImageFormat) -> None:
        codec = self.make()
        assert codec.encode(noise(40, 30), format, "text") == codec.encode(noise(40, 30), format, "text")

    @pytest.mark.parametrize("format", ["jpg", "webp", "avif"])
    def test_quality_costs_bytes(self, format: ImageFormat) -> None:
        codec = self.make()
        sizes = [len(codec.encode(noise(64, 64), format, None, quality)) for quality in (10, 95)]
        assert sizes[0] < sizes[1]

    @pytest.mark.parametrize(
        "data", [b"", b"hello world", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"BM"]
    )
    def test_what_is_no_picture_is_refused(self, data: bytes) -> None:
        for read in (self.make().decode, self.make().read_info):
            with pytest.raises(InvalidImage) as caught:
                read(data)
            assert_one_sentence(str(caught.value))

    @pytest.mark.parametrize("format", FORMATS)
    def test_half_a_file_is_refused(self, format: ImageFormat) -> None:
        data = self.make().encode(noise(64, 64), format, "text")
        with pytest.raises(InvalidImage) as caught:
            self.make().decode(data[: len(data) // 2])
        assert_one_sentence(str(caught.value))

    @pytest.mark.filterwarnings("ignore")
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_a_damaged_file_is_read_or_refused(self, data: st.DataObject) -> None:
        codec = self.make()
        file = bytearray(codec.encode(noise(8, 8), data.draw(st.sampled_from(FORMATS)), "text"))
        for _ in range(3):
            file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
        for read in (codec.decode, codec.read_info):
            try:
                read(bytes(file))
            except InvalidImage as error:
                assert_one_sentence(str(error))


def assert_one_sentence(text: str) -> None:
    """No line breaks and nothing that sounds like an image library."""
    assert text
    assert "\n" not in text
    assert not any(word in text for word in ("PIL", "Pillow", "0x", "BytesIO", "Error", "Traceback"))
