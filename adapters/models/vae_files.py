"""The VAEs in files of their own, as the option ``sd_vae`` names them."""

from __future__ import annotations

from pathlib import Path

from adapters.models.weights import WEIGHTS, find_weights
from core.domain.vae_choice import choose_vae, name_beside

FOLDER = "VAE"


def find_vae(models: Path, option: str, checkpoint: Path) -> Path | None:
    """The file for a checkpoint; None: its own VAE. Raises ``InvalidValue`` for an unknown name."""
    found = {path.name: path for path in find_weights(models / FOLDER, models, (WEIGHTS,))}
    beside = checkpoint.with_name(name_beside(checkpoint.name))
    near = beside.name if beside.is_file() else None
    name = choose_vae(option, checkpoint.name, near, list(found))
    return None if name is None else beside if name == near else found[name]
