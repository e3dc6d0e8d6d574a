"""The built-in model as a single file, which is of no usual size: its configurations lie beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import save_file

from adapters.backends.torch.model import LoadedModel
from adapters.models.catalog_disk import BUILTIN_FOLDER, BUILTIN_NAME
from scripts.dev.demo_model.singlefile import text_state, unet_state, vae_state
from serena import Serena
from tests.unit.adapters.backends.torch.rig import distance, draw


def test_it_draws_the_same_picture_as_the_folder(demo_model: LoadedModel, tmp_path: Path) -> None:
    models = tmp_path / "models" / "Stable-diffusion"
    state = unet_state(demo_model.unet) | vae_state(demo_model.vae) | text_state(demo_model)
    weights = shutil.ignore_patterns("*.safetensors", "model_index*")
    shutil.copytree(BUILTIN_FOLDER, models / "demo", ignore=weights)
    save_file({name: x.contiguous() for name, x in state.items()}, models / "demo.safetensors")
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    with Serena(backend=backend, data_dir=tmp_path) as serena:
        [file], [folder] = (
            draw(serena, override_settings={"sd_model_checkpoint": name})
            for name in ("demo.safetensors", BUILTIN_NAME)
        )
    assert distance(file, folder) == 0
