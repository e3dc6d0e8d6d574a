"""What is decided when a request is accepted, so that nothing later changes its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.domain.errors import NotReady
from core.domain.job import FrozenInputs, StyleText
from core.domain.limits import RequestLimits, check_request
from core.domain.model import ModelIdentity, ModelRef
from core.domain.options import MODEL_OPTION, OptionValues
from core.domain.request import DRAWN, GenerationRequest
from core.domain.seeds import resolve_seed
from core.domain.serial import to_plain
from core.domain.unchosen import NONE, SAME_CHECKPOINT, chosen
from core.domain.vae_choice import VAE_OPTION
from core.ports.driven import ModelCatalog, StyleLibrary
from core.sampling.registry import resolve, resolve_hires
from core.stages.lookup import chosen_vae, unknown_model


class Acceptance:
    """Checks a request and freezes its seed, options, model and styles. Holds no state of its own.

    :param checks: more that a request must pass, by what is installed; each raises ``InvalidRequest``.
    """

    def __init__(
        self,
        *,
        options: Callable[[], OptionValues],
        models: ModelCatalog,
        styles: StyleLibrary,
        limits: RequestLimits,
        random_seed: Callable[[], int],
        default_model: str | None = None,
        checks: Sequence[Callable[[GenerationRequest], None]] = (),
    ) -> None:
        self._options = options
        self._models = models
        self._styles = styles
        self._limits = limits
        self._random_seed = random_seed
        self._default_model = default_model
        self._checks = checks

    def freeze(self, request: GenerationRequest) -> FrozenInputs:
        """Raises ``InvalidRequest``, or ``NotReady`` while there is no model at all."""
        check_request(request, self._limits)
        if request.kind in DRAWN:
            self._check_samplers(request)
        for check in self._checks:
            check(request)
        standing = self._options()
        options = standing.overlay(standing.opened(_given(request.override_settings)))
        model = self._choose_for(request, options) if request.kind in DRAWN else None
        return FrozenInputs(
            seed=resolve_seed(request.seed, self._random_seed),
            subseed=resolve_seed(request.subseed, self._random_seed),
            model=model,
            options=to_plain(options.changed),
            styles=self._style_texts(request),
            refiner=self._other_model(request.refiner_checkpoint),
            hires_model=self._other_model(request.hires.checkpoint_name) if request.hires else None,
        )

    def choose_model(self, options: OptionValues) -> ModelRef:
        """The model that these options name, else the configured default, else the first there is."""
        name = options.text(MODEL_OPTION) or self._default_model
        if name:
            return self._find(name)
        first = next(iter(self._models.all()), None)
        if first is None:
            raise NotReady("there is no model; put one into the models folder")
        return first if first.identity.sha256 else self._find(first.identity.name)

    def _choose_for(self, request: GenerationRequest, options: OptionValues) -> ModelIdentity:
        """The checkpoint; a VAE that the request names is there and fits it, as far as a header tells."""
        model = self.choose_model(options)
        if request.override_settings.get(VAE_OPTION) is not None:
            chosen_vae(self._models, model, request, options)
        return model.identity

    def _find(self, name: str) -> ModelRef:
        found = self._models.find(name)
        if found is None:
            raise unknown_model(name, self._models)
        return found

    def _other_model(self, name: str | None) -> ModelIdentity | None:
        """A second checkpoint by any of its names, else the shortest title that holds the text."""
        name = chosen(name, SAME_CHECKPOINT, NONE)
        if name is None:
            return None
        exact = self._models.find(name)
        if exact is not None:
            return exact.identity
        wanted = name.split("[")[0].strip()
        titles = sorted(
            (ref for ref in self._models.all() if wanted in ref.identity.title), key=_title_length
        )
        return self._find(titles[0].identity.name if wanted and titles else name).identity

    def _check_samplers(self, request: GenerationRequest) -> None:
        first = resolve(request.sampler_name, request.scheduler)
        if request.hires is not None:
            resolve_hires(first, request.hires.sampler_name, request.hires.scheduler)

    def _style_texts(self, request: GenerationRequest) -> tuple[StyleText, ...]:
        """Unknown names are left out, as in the reference. A script may name any style in its passes."""
        if request.script_name:
            return tuple(self._styles.all())
        known = {style.name: style for style in self._styles.all()} if request.styles else {}
        return tuple(known[name] for name in request.styles if name in known)


def _title_length(ref: ModelRef) -> int:
    return len(ref.identity.title)


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """An override of null means none: clients send the whole list of options with nulls in it."""
    return {name: value for name, value in overrides.items() if value is not None}
