"""The VAEs in files of their own, as the option ``sd_vae`` names them."""

from __future__ import annotations

from pathlib import Path

from adapters.models.safetensors_header import describe_file
from adapters.models.weights import WEIGHTS, find_weights
from core.domain.errors import ModelError
from core.domain.families import TITLES, latent_channels
from core.domain.flow_families import VAE_PREFIXES
from core.domain.vae_choice import choose_vae, name_beside

FOLDER = "VAE"
_PARTS = ("encoder.", "decoder.")
_FIRST = "decoder.conv_in.weight"


def find_vae(models: Path, option: str, checkpoint: Path) -> Path | None:
    """The file for a checkpoint; None: its own VAE. Raises ``InvalidValue`` for an unknown name."""
    found = {path.name: path for path in find_weights(models / FOLDER, models, (WEIGHTS,))}
    beside = checkpoint.with_name(name_beside(checkpoint.name))
    near = beside.name if beside.is_file() else None
    name = choose_vae(option, checkpoint.name, near, list(found))
    return None if name is None else beside if name == near else found[name]


def check_vae(path: Path, family: str) -> None:
    """Raises ``ModelError`` where the header says that it is broken, no VAE, or one of another family."""
    words = f"the VAE {path.name}"
    try:
        shapes = {_bare(name): shape for name, shape in describe_file(path).shapes.items()}
    except ModelError as error:
        raise ModelError(str(error).replace(str(path), words)) from None
    if not any(name.startswith(_PARTS) for name in shapes):
        raise ModelError(f"{words} is none: it has no weights of an encoder or a decoder")
    first, wanted = shapes.get(_FIRST, ()), latent_channels(family)
    if len(first) > 1 and wanted is not None and first[1] != wanted:
        raise ModelError(f"{words} makes pictures of {first[1]} channels; {TITLES[family]} draws {wanted}")


def _bare(name: str) -> str:
    prefix = next((one for one in VAE_PREFIXES if name.startswith(one)), "")
    return name.removeprefix(prefix)
