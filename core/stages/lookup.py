"""What a request names: checkpoints and VAEs, and the errors for those that cannot be had."""

from __future__ import annotations

from core.domain.errors import ModelError, UnknownModel
from core.domain.model import ModelIdentity, ModelRef
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.domain.vae_choice import VAE_OPTION, blamed
from core.ports.driven import ModelCatalog


def unknown_model(name: str, catalog: ModelCatalog) -> UnknownModel:
    """Names what there is, or, where something broken lies under the name, what is wrong with it."""
    return UnknownModel(name, tuple(ref.identity.title for ref in catalog.all()), catalog.problem(name))


def chosen_vae(
    catalog: ModelCatalog, model: ModelRef, request: GenerationRequest, options: OptionValues
) -> ModelIdentity | None:
    """The VAE in a file of its own that is drawn with; None: the model's own.

    Raises ``InvalidValue`` for one that there is not, or that the request names and that does not fit;
    ``ModelError`` where it is the server that names it.
    """
    try:
        return catalog.vae(model, options.text(VAE_OPTION))
    except ModelError as error:
        raise blamed(request.override_settings, error) from None
