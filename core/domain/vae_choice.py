"""Which file the option ``sd_vae`` means, told from names alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.errors import InvalidValue, ModelError
from core.domain.nearest import offered

VAE_OPTION = "sd_vae"
AUTOMATIC, OWN = ("", "Automatic"), "None"
_SUFFIX = ".safetensors"


def blamed(overrides: Mapping[str, Any], error: ModelError) -> ModelError | InvalidValue:
    """The error for a VAE that cannot be used: the request's own where it names that VAE, else ``error``.

    :param overrides: the ``override_settings`` of the request.
    """
    asked = overrides.get(VAE_OPTION)
    if asked is None or asked == OWN or asked in AUTOMATIC:
        return error
    return InvalidValue(VAE_OPTION, asked, str(error))


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
        names = offered(option, ["Automatic", OWN, *sorted(known)])
        raise InvalidValue(VAE_OPTION, option, f"it must be one of {names}")
    return chosen


def _stem(checkpoint: str) -> str:
    return checkpoint.removesuffix(_SUFFIX)
