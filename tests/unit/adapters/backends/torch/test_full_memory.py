"""A picture that memory is too small for: its run ends with a sentence, drawn to its end or stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.errors import BackendError
from core.domain.image import RasterImage
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from serena import Serena
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import Watch, draw


def _full(layer: nn.Module, given: Any) -> None:
    raise torch.OutOfMemoryError


class Crowded(LazyTorchBackend):
    """Its VAE finds no memory for the first few runs; the first of them is stopped as well."""

    left = 2

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        vae = self.made()._checkpoints.get(run.model).model.vae
        crowding = [vae.decoder.register_forward_pre_hook(_full)] if self.left else []
        own = Watch(stop_after=1) if self.left == 2 else watch
        self.left -= bool(self.left)
        try:
            return super().execute_run(run, batch, own)
        finally:
            for one in crowding:
                one.remove()


def test_the_run_ends_with_a_sentence_and_the_next_is_drawn(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, backend=BACKEND)
    with Serena(application=bootstrap(settings, backend=Crowded(settings.backend))) as serena:
        for _ in range(2):
            with pytest.raises(
                BackendError, match="out of memory while drawing 64x64 with batch_size 1; ask for less"
            ):
                draw(serena, steps=2)
        assert len(draw(serena, steps=2)) == 1
