from __future__ import annotations

import base64
import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from adapters.images import png
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.exif import USER_COMMENT, decode_comment, insert_exif
from contracts.image_codec import noise
from core.domain.errors import InvalidImage
from core.domain.image import RasterImage

CODEC = PillowImageCodec()
# The example of a PNG with colour space, gamma and a text, but no infotext.
CHUNKS = (b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455)), (b"tEXt", b"Software\0gif2png 2.4.2")


def file_of(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def with_chunks(file: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks behind its header."""
    return file[:33] + b"".join(png._chunk(*chunk) for chunk in chunks) + file[33:]


def test_png_text_is_a_plain_chunk_for_latin_and_unicode_for_the_rest() -> None:
    assert b"tEXtparameters\0caf\xe9" in CODEC.encode(noise(2, 2), "png", "caf\u00e9")
    assert b"iTXtparameters\0\0\0\0\0" + "日".encode() in CODEC.encode(noise(2, 2), "png", "日")


def test_pillow_reads_the_infotext_where_clients_look_for_it() -> None:
    picture = Image.open(io.BytesIO(CODEC.encode(noise(2, 2), "png", "hello")))
    assert picture.info == {"parameters": "hello"}
    picture = Image.open(io.BytesIO(CODEC.encode(noise(2, 2), "jpg", "hello")))
    assert picture.getexif().get_ifd(0x8769)[USER_COMMENT] == b"UNICODE\0" + "hello".encode("utf-16-be")


def test_a_lone_surrogate_does_no_harm() -> None:
    for kind in ("png", "jpg", "webp", "avif"):
        assert CODEC.read_info(CODEC.encode(noise(2, 2), kind, "a\ud83db"))[0].startswith("a")


def test_the_png_of_zlib_has_the_same_pixels() -> None:
    rows = bytes(range(256)) * 10
    assert zlib.decompress(png.deflate(rows)) == rows


def test_a_library_without_avif_says_so() -> None:
    without = PillowImageCodec(avif=lambda: False)
    with pytest.raises(InvalidImage, match="this build of Pillow writes no AVIF; choose png, jpg or webp"):
        without.encode(noise(2, 2), "avif", None)
    with pytest.raises(InvalidImage, match="this is no image that can be read"):
        without.decode(CODEC.encode(noise(2, 2), "avif", None))
    assert without.decode(without.encode(noise(2, 2), "webp", None)).size == (2, 2)


def test_formats_have_a_largest_side() -> None:
    for kind, side in (("jpg", 65536), ("webp", 16384), ("avif", 16385)):
        with pytest.raises(InvalidImage, match="choose png"):
            CODEC.encode(RasterImage(side, 1, "L", bytes(side)), kind, None)


MODES = {
    "PNG": "1 L P RGB RGBA LA I;16",
    "JPEG": "1 L RGB CMYK",
    "WEBP": "1 L P RGB RGBA LA CMYK",
    "GIF": "1 L P RGB RGBA LA",
    "BMP": "1 L P RGB RGBA",
    "TIFF": "1 L P RGB RGBA LA CMYK I;16",
    "AVIF": "L RGB RGBA LA",
}


@pytest.mark.parametrize(
    ("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes.split()]
)
def test_every_kind_is_read_in_a_plain_mode(kind: str, mode: str) -> None:
    decoded = CODEC.decode(file_of(Image.new(mode, (5, 4)), kind))
    assert decoded.size == (5, 4)
    assert decoded.mode in ("RGB", "RGBA", "L")


def test_sixteen_bits_become_eight() -> None:
    pixels = np.array([[0, 255, 256, 65535]], np.uint16)
    assert CODEC.decode(file_of(Image.fromarray(pixels), "PNG")).pixels == bytes([0, 0, 1, 255])


def test_a_transparent_palette_becomes_rgba() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    decoded = CODEC.decode(file_of(picture, "PNG", transparency=b"\x00\xff"))
    assert (decoded.mode, decoded.pixels) == ("RGBA", bytes([255, 0, 0, 0, 0, 255, 0, 255]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation: int) -> None:
    upright = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    turned = upright
    for step in undo.get(orientation, []):
        turned = turned.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = CODEC.decode(file_of(turned, "PNG", exif=exif.tobytes()))
    assert (decoded.size, decoded.pixels) == (upright.size, upright.tobytes())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_ignored() -> None:
    jpeg = file_of(Image.new("RGB", (3, 2)), "JPEG")
    assert CODEC.decode(insert_exif(jpeg, b"II*\0\xff\xff\xff\xff")).size == (3, 2)
    assert CODEC.read_info(insert_exif(jpeg, b"nonsense"))[0] == ""


def test_only_the_first_frame_is_read() -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert set(CODEC.decode(data).pixels) == {10}


def test_other_kinds_are_refused() -> None:
    for kind in ("PPM", "ICO", "TGA"):
        with pytest.raises(InvalidImage, match="no image that can be read"):
            CODEC.decode(file_of(Image.new("RGB", (16, 16)), kind))


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")
    return png.SIGNATURE + b"".join(png._chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("side", [9000, 12_000, 50_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    for read in (CODEC.decode, CODEC.read_info):
        with pytest.raises(InvalidImage, match="at most 67108864"):
            read(bomb(side, side))


def test_the_limit_is_a_setting() -> None:
    file = CODEC.encode(noise(10, 10), "png", None)
    assert PillowImageCodec(max_pixels=100).decode(file).size == (10, 10)
    with pytest.raises(InvalidImage, match="10x10 pixels; at most 99"):
        PillowImageCodec(max_pixels=99).decode(file)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_bomb_is_refused(kind: bytes) -> None:
    packed = zlib.compress(bytes(200_000_000), 9)
    body = b"a\0\0" + packed if kind == b"zTXt" else b"a\0\1\0\0\0" + packed
    with pytest.raises(InvalidImage):
        CODEC.read_info(with_chunks(CODEC.encode(noise(2, 2), "png", None), (kind, body)))


def test_items_are_what_else_the_file_says() -> None:
    file = with_chunks(CODEC.encode(noise(2, 2), "png", None), *CHUNKS)
    assert CODEC.read_info(file) == ("", {"srgb": 0, "gamma": 0.45455, "Software": "gif2png 2.4.2"})


def test_items_are_json() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Title", "日")
    picture = Image.new("P", (2, 2))
    file = file_of(picture, "PNG", pnginfo=texts, transparency=b"\x00\xff", dpi=(72, 72), icc_profile=b"x")
    infotext, items = CODEC.read_info(file)
    assert infotext == ""
    assert json.loads(json.dumps(items))["Title"] == "日"
    assert not {"dpi", "icc_profile"} & set(items)


def test_the_user_comment_comes_before_the_text_chunk() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[USER_COMMENT] = b"ASCII\0\0\0from exif"
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "from text")
    assert (
        CODEC.read_info(file_of(Image.new("L", (2, 2)), "PNG", pnginfo=texts, exif=exif.tobytes()))[0]
        == "from exif"
    )


def test_a_gif_says_it_in_its_comment() -> None:
    file = file_of(Image.new("L", (2, 2)), "GIF", comment="hällo".encode())
    assert CODEC.read_info(file)[0] == "hällo"


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + "hé".encode("utf-16-be"),
        b"UNICODE\0\xfe\xff" + "hé".encode("utf-16-be"),
        b"UNICODE\0\xff\xfe" + "hé".encode("utf-16-le"),
        bytes(8) + "hé".encode(),
        "hé".encode(),
    ],
)
def test_comments_of_other_programs_are_read(comment: bytes) -> None:
    assert decode_comment(comment) == "hé"


def test_comments_in_old_codes_are_read() -> None:
    assert decode_comment(b"ASCII\0\0\0abc") == "abc"
    assert decode_comment(b"JIS\0\0\0\0\0" + "日".encode("iso2022_jp")) == "日"


def test_importing_the_adapters_loads_no_image_library() -> None:
    modules = ["codec_pillow", "editor_pillow", "store_disk", "store_memory", "blobs_memory"]
    code = "import sys, importlib\n"
    code += f"[importlib.import_module('adapters.images.' + m) for m in {modules}]\n"
    code += "sys.exit(bool({'PIL', 'numpy', 'isal'} & set(sys.modules)))"
    root = Path(__file__).parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_writer_is_much_faster_than_pillow_and_hardly_larger() -> None:
    y, x = np.mgrid[:512, :512]
    smooth = np.stack([x // 2, y // 2, (x + y) // 4], -1) + np.random.default_rng(0).integers(
        0, 6, (512, 512, 3)
    )
    image = RasterImage(512, 512, "RGB", np.clip(smooth, 0, 255).astype(np.uint8).tobytes())
    ours = CODEC.encode(image, "png", None)
    theirs = file_of(Image.frombytes("RGB", image.size, image.pixels), "PNG")
    assert CODEC.decode(ours) == image
    assert len(ours) < 1.25 * len(theirs)
    assert base64.b64encode(ours)
