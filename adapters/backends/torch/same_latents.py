"""Whether a checkpoint can go on with the latents of another."""

from __future__ import annotations

from adapters.backends.torch.model import LoadedModel
from core.domain.errors import InvalidValue
from core.domain.families import TITLES


def check_latents(model: LoadedModel, other: LoadedModel, field: str) -> None:
    """Raises ``InvalidValue`` for a checkpoint that cannot go on with the latents of ``model``."""
    if _latents_of(model) != _latents_of(other):
        titles = TITLES[model.family.name], TITLES[other.family.name]
        expected = f"the latents of {titles[0]} are not those of {titles[1]}; take a checkpoint of its family"
        raise InvalidValue(field, other.ref.identity.title, expected)


def _latents_of(model: LoadedModel) -> tuple[object, ...]:
    """UNets with four channels have always been let take over from one another."""
    if model.shift is None:
        return (model.latent_channels,)
    config = model.vae.config
    return model.latent_channels, config.scaling_factor, getattr(config, "shift_factor", None)
