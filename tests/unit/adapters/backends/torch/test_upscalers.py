"""Upscalers with weights: tiles, passes, what is kept loaded, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from adapters.backends.torch.networks import enlarge, passes_to
from adapters.backends.torch.upscalers import NetworkUpscalers, import_problem, missing_packages
from contracts.upscalers import NotingWatch, smooth
from core.domain.errors import BackendError, InvalidValue
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.resources import UpscalerRef
from core.domain.upscaling import Tiling
from tests.unit.adapters.backends.torch.nearest import Nearest


class TwoFiles:
    def __init__(self) -> None:
        self.refreshed = 0

    def all(self) -> Sequence[UpscalerRef]:
        return tuple(UpscalerRef(name=name, path=f"ESRGAN/{name}") for name in ("one", "two"))

    def location(self, upscaler: UpscalerRef) -> Path:
        return Path(upscaler.path or "")

    def refresh(self) -> None:
        self.refreshed += 1


@pytest.mark.parametrize("tiling", [Tiling(16, 4), Tiling(7, 3), Tiling(100, 8), Tiling(0, 0)], ids=str)
def test_tiles_give_what_the_whole_picture_gives(tiling: Tiling) -> None:
    image = smooth("RGB", 50, 34)
    whole = np.frombuffer(image.pixels, np.uint8).reshape(34, 50, 3).repeat(3, axis=0).repeat(3, axis=1)
    larger = enlarge(Nearest(3), image, Size(150, 102), 1, tiling, NotingWatch())
    assert larger.pixels == whole.tobytes()


def test_every_tile_has_its_size_and_is_a_step() -> None:
    network, watch = Nearest(2), NotingWatch()
    enlarge(network, smooth("RGB", 40, 24), Size(80, 48), 1, Tiling(16, 4), watch)
    assert network.seen == [(16, 16)] * 6
    assert watch.passes == [6]
    assert watch.steps == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("target", "scale", "passes"),
    [
        (Size(80, 48), 2, 1),
        (Size(81, 48), 2, 2),
        (Size(10_000, 48), 2, 3),
        (Size(40, 24), 4, 0),
        (Size(40, 25), 4, 1),
        (Size(400, 24), 1, 1),
    ],
)
def test_as_often_as_needed_and_at_most_three_times(target: Size, scale: int, passes: int) -> None:
    assert passes_to(Size(40, 24), target, scale) == passes


def test_steps_of_all_passes_are_announced_at_once() -> None:
    watch = NotingWatch()
    enlarge(Nearest(2), smooth("RGB", 16, 16), Size(64, 64), 2, Tiling(16, 0), watch)
    assert watch.passes == [5]


def test_a_network_for_grey_gives_grey() -> None:
    larger = enlarge(Nearest(2, channels=1), smooth("RGB"), Size(80, 48), 1, Tiling(16, 4), NotingWatch())
    values = np.frombuffer(larger.pixels, np.uint8).reshape(-1, 3)
    assert (values == values[:, :1]).all()


def test_the_network_used_last_stays_loaded() -> None:
    read: list[str] = []

    def reader(path: Path) -> Nearest:
        read.append(path.name)
        return Nearest(2)

    source = NetworkUpscalers(TwoFiles(), reader, lambda: None, 10**6)
    for name in ("one", "one", "two", "one"):
        source.upscale(name, smooth("RGB"), Size(80, 48), Tiling(), NotingWatch())
    assert read == ["one", "two", "one"]


def test_an_interrupt_comes_between_tiles() -> None:
    network, watch = Nearest(2), NotingWatch(stop_after=2)
    source = NetworkUpscalers(TwoFiles(), lambda path: network, lambda: None, 10**6)
    with pytest.raises(Exception, match="interrupted"):
        source.upscale("one", smooth("RGB"), Size(80, 48), Tiling(16, 4), watch)
    assert len(network.seen) == 2


def test_a_picture_that_grows_too_large_on_its_way_is_refused() -> None:
    source = NetworkUpscalers(TwoFiles(), lambda path: Nearest(8), lambda: None, 80 * 48)
    with pytest.raises(InvalidValue, match="pixels"):
        source.upscale("one", smooth("RGB"), Size(80, 48), Tiling(), NotingWatch())


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate")])
def test_out_of_memory_is_one_sentence(error: Exception) -> None:
    class Greedy(Nearest):
        def __call__(self, pixels: object) -> object:  # type: ignore[override]
            raise error

    source = NetworkUpscalers(TwoFiles(), lambda path: Greedy(2), lambda: None, 10**6)  # type: ignore[arg-type, return-value]
    with pytest.raises(BackendError, match="tile option"):
        source.upscale("one", smooth("RGB"), Size(80, 48), Tiling(), NotingWatch())


def test_another_error_of_a_network_is_not_taken_for_it() -> None:
    class Broken(Nearest):
        def __call__(self, pixels: object) -> object:  # type: ignore[override]
            raise RuntimeError("shapes differ")

    source = NetworkUpscalers(TwoFiles(), lambda path: Broken(2), lambda: None, 10**6)  # type: ignore[arg-type, return-value]
    with pytest.raises(RuntimeError, match="shapes differ"):
        source.upscale("one", smooth("RGB"), Size(80, 48), Tiling(), NotingWatch())


def test_none_is_listed_where_packages_are_missing() -> None:
    files = TwoFiles()
    source = NetworkUpscalers(files, lambda path: Nearest(2), lambda: "spandrel not installed", 10**6)
    assert source.all() == ()
    with pytest.raises(InvalidValue):
        source.upscale("one", RasterImage(1, 1, "L", b"\0"), Size(8, 8), Tiling(), NotingWatch())
    source.refresh()
    assert files.refreshed == 1


def test_what_is_missing_is_told_by_name() -> None:
    missing, problem = missing_packages(), import_problem()
    if missing is not None:
        assert "not installed" in missing
        assert problem == missing
    else:
        assert problem is None or "torchvision" in problem
