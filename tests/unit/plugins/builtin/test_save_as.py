"""Files in another format than the answers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image

from core.domain.errors import InvalidValue
from core.domain.image import RasterImage
from core.drafts import ImageDraft, SaveDraft
from plugins.builtin import builtin_plugins
from plugins.builtin.save_as.settings import has_avif, writable
from plugins.hookspecs import hookimpl
from plugins.manager import load_plugins
from tests.unit.core.stages.test_extra_files import Gives
from tests.unit.core.workshop import Workshop, request
from tests.unit.plugins.builtin.shop import shop_with

SAVED = {"save_images": True, "width": 64, "height": 64}
KINDS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF"}


def drawn(shop: Workshop, **options: Any) -> Mapping[str, bytes]:
    """The files of a picture and a grid, by their names."""
    shop.result(request(**SAVED, batch_size=2, override_settings=options))
    return {path.rpartition("/")[2]: data for path, data in shop.files.files.items()}


@pytest.mark.parametrize("format", KINDS)
def test_a_file_has_its_own_format_and_its_infotext(format: str) -> None:
    shop = shop_with()
    result = shop.result(request(**SAVED, override_settings={"save_as_format": format}))
    [(path, data)] = shop.files.files.items()
    assert (path.rpartition("/")[2], Image.open(io.BytesIO(data)).format) == (
        f"00000-7.{format}",
        KINDS[format],
    )
    assert shop.codec.read_info(data)[0] == result.images[0].infotext
    answer = shop.service.image(result.images[0].blob)
    assert (result.images[0].format, Image.open(io.BytesIO(answer)).format) == ("png", "PNG")


def test_with_its_defaults_it_does_nothing() -> None:
    assert drawn(shop_with()) == drawn(Workshop())


def test_grids_only_where_they_are_wanted() -> None:
    assert list(drawn(shop_with(), save_as_format="webp")) == [
        "grid-0000.png",
        "00000-7.webp",
        "00001-8.webp",
    ]
    both = drawn(shop_with(), save_as_format="webp", save_as_grids=True)
    assert list(both) == ["grid-0000.webp", "00000-7.webp", "00001-8.webp"]


def test_quality_is_of_files_only() -> None:
    noise = Gives(64, 64)
    rough, fine = (
        drawn(Workshop(builtin=builtin_plugins(), plugins={"noise": noise}),
              samples_format="jpg", save_as_quality=quality)["00000-7.jpg"]
        for quality in (5, 95)
    )  # fmt: skip
    shop = Workshop(builtin=builtin_plugins(), plugins={"noise": noise})
    result = shop.result(request(**SAVED, override_settings={"samples_format": "jpg", "save_as_quality": 5}))
    answer = shop.service.image(result.images[0].blob)
    assert len(rough) < len(answer) < len(fine)


def test_without_loss() -> None:
    noise = Gives(64, 64)
    shop = Workshop(builtin=builtin_plugins(), plugins={"noise": noise})
    files = drawn(shop, save_as_format="webp", save_as_lossless=True)
    assert shop.codec.decode(files["00000-7.webp"]) == noise.image


def test_files_beside_stay() -> None:
    files = drawn(shop_with(), save_as_format="webp", save_txt=True, target_side_length=32)
    assert sorted(name for name in files if name.startswith("00000")) == [
        "00000-7.jpg",
        "00000-7.txt",
        "00000-7.webp",
    ]
    assert files["00000-7.txt"].decode().startswith("a cat")


class Long:
    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        draft.image = RasterImage(1, 16384, "RGB", bytes(16384 * 3))


class Chooses:
    @hookimpl
    def serena_before_save(self, draft: SaveDraft) -> None:
        draft.format = "png" if draft.format == "webp" else "webp"


def test_a_picture_that_the_format_cannot_hold_is_a_png() -> None:
    shop = Workshop(builtin=builtin_plugins(), plugins={"long": Long()})
    shop.result(
        request(save_images=True, override_settings={"save_as_format": "webp", "export_for_4chan": False})
    )
    assert [path.rpartition("/")[2] for path in shop.files.files] == ["00000-7.png"]


def test_other_plugins_see_what_it_chose() -> None:
    shop = Workshop(builtin=builtin_plugins(), plugins={"chooses": Chooses()})
    assert "00000-7.png" in drawn(shop, save_as_format="webp")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"save_as_format": "gif"}, "option save_as_format is 'gif'; input should be '', 'png', 'jpg'"),
        (
            {"save_as_quality": 101},
            "option save_as_quality is 101; input should be less than or equal to 100",
        ),
        ({"save_as_lossless": "perhaps"}, "option save_as_lossless"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_set(changes: dict[str, Any], said: str) -> None:
    shop = shop_with()
    with pytest.raises(InvalidValue, match=said):
        shop.options.set(changes)
    with pytest.raises(InvalidValue, match=said):
        shop.result(request(override_settings=changes))


def test_a_library_without_avif_says_so() -> None:
    assert writable("webp", avif=lambda: False) == "webp"
    assert writable("avif", avif=lambda: True) == "avif"
    assert has_avif()
    with pytest.raises(ValueError, match="this build of Pillow writes no AVIF; choose png, jpg or webp"):
        writable("avif", avif=lambda: False)


def test_the_configuration_sets_it() -> None:
    given = {"save_as": {"format": "webp", "quality": "90"}}
    loaded = load_plugins(builtin_plugins(), found=(), given=given)
    [report] = (report for report in loaded.reports if report.name == "save_as")
    assert [(setting.option, setting.default) for setting in report.settings] == [
        ("save_as_format", "webp"), ("save_as_quality", 90),
        ("save_as_lossless", False), ("save_as_grids", False),
    ]  # fmt: skip
