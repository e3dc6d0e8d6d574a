"""Upscalers by filters, by networks, and several sources as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.images.upscalers import PillowUpscalers
from contracts.upscalers import UpscalersContract
from core.domain.resources import UpscalerRef
from core.ports.driven import Upscalers
from core.services.upscaling import UpscalerChain

pytest.importorskip("torch", reason="needs the extra torch")

from adapters.backends.torch.upscalers import NetworkUpscalers
from tests.unit.adapters.backends.torch.nearest import Nearest

PIXELS = 4096 * 4096


class ListedFiles:
    """``WeightFiles`` that need no file."""

    def all(self) -> Sequence[UpscalerRef]:
        names = ("x2-sharp", "x3-soft")
        return tuple(
            UpscalerRef(name=name, model_name=name, path=f"ESRGAN/{name}.safetensors", scale=int(name[1]))
            for name in names
        )

    def location(self, upscaler: UpscalerRef) -> Path:
        return Path(upscaler.path or "")

    def refresh(self) -> None:
        """Always the same."""


def networks() -> NetworkUpscalers:
    return NetworkUpscalers(ListedFiles(), lambda path: Nearest(int(path.stem[1])), lambda: None, PIXELS)


class TestPillowUpscalers(UpscalersContract):
    tolerance = 1

    def make(self) -> Upscalers:
        return PillowUpscalers()


class TestNetworkUpscalers(UpscalersContract):
    tolerance = 1

    def make(self) -> Upscalers:
        return networks()


class TestUpscalerChain(UpscalersContract):
    tolerance = 1

    def make(self) -> Upscalers:
        return UpscalerChain(PillowUpscalers(), networks())

    def test_sources_come_one_after_the_other(self) -> None:
        names = [upscaler.name for upscaler in self.make().all()]
        assert names == ["None", "Lanczos", "Nearest", "x2-sharp", "x3-soft"]
