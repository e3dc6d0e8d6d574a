"""VAEs in files of their own: the option ``sd_vae``, and the file beside a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from adapters.backends.torch.families.file_reader import vae_of
from adapters.backends.torch.families.state import kept_apart
from adapters.backends.torch.tiling import make_tileable
from core.domain.errors import ModelError
from core.domain.vae_choice import choose_vae, name_beside

_SUFFIX = ".safetensors"


class VaeFiles:
    """The files below a webui's folder ``VAE``. Names are compared, and never made into paths.

    :param models_dir: holds ``VAE``; None: there are none.
    """

    def __init__(self, models_dir: Path | None = None) -> None:
        self._folder = None if models_dir is None else models_dir / "VAE"

    def choose(self, name: str, checkpoint: Path) -> Path | None:
        """The file that the option means for a checkpoint; None: its own VAE. Raises ``InvalidValue``."""
        found = {path.name: path for path in self._files()}
        beside = checkpoint.with_name(name_beside(checkpoint.name))
        near = beside.name if beside.is_file() else None
        chosen = choose_vae(name, checkpoint.name, near, list(found))
        return None if chosen is None else beside if chosen == near else found[chosen]

    def _files(self) -> Iterator[Path]:
        if self._folder is None or not self._folder.is_dir():
            return
        root = self._folder.resolve()
        for path in sorted(self._folder.rglob(f"*{_SUFFIX}")):
            if path.resolve().is_relative_to(root):
                yield path


def read_vae(path: Path, config: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """A VAE in place of one with that configuration. Raises ``ModelError``: it is none, or of another
    family."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if isinstance(config, SimpleNamespace):
        raise ModelError(f"the VAE {path.name} cannot stand in: that of the model is of a kind of its own")
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the VAE {path.name} cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None
    try:
        vae = vae_of(weights, config, dtype, f"the VAE {path.name}, put in place of that of the model,")
    except ModelError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise ModelError(f"the VAE {path.name} is of another kind than that of the model: {text}") from None
    vae = kept_apart(vae, device).eval().requires_grad_(False)
    make_tileable(vae)
    return vae
