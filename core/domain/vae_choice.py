"""Which file the option ``sd_vae`` means, told from names alone."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.errors import InvalidValue

AUTOMATIC, OWN = ("", "Automatic"), "None"
_SUFFIX = ".safetensors"


def name_beside(checkpoint: str) -> str:
    """What the VAE of a checkpoint is called that lies beside it."""
    return f"{_stem(checkpoint)}.vae{_SUFFIX}"


def choose_vae(option: str, checkpoint: str, beside: str | None, names: Sequence[str]) -> str | None:
    """The name of the file; None: the checkpoint's own VAE. Raises ``InvalidValue`` for an unknown one.

    ``Automatic`` takes a file that is named after the checkpoint: ``model.vae.safetensors`` beside it, or
    ``model.….safetensors`` in the folder.

    :param checkpoint: the last part of its name. :param beside: the file beside it, if there is one.
    :param names: of the files in the folder ``VAE``.
    """
    if option == OWN:
        return None
    if option in AUTOMATIC:
        return beside or next((name for name in names if name.startswith(f"{_stem(checkpoint)}.")), None)
    known = [*names, *([beside] if beside else [])]
    by_stem = {name.removesuffix(_SUFFIX): name for name in known}
    chosen = option if option in known else by_stem.get(option)
    if chosen is None:
        offered = ", ".join(["Automatic", OWN, *sorted(known)])
        raise InvalidValue("sd_vae", option, f"it must be one of {offered[:500]}")
    return chosen


def _stem(checkpoint: str) -> str:
    return checkpoint.removesuffix(_SUFFIX)
