"""What is decided when a request is accepted, so that nothing later changes its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.domain.errors import NotReady, UnknownModel
from core.domain.job import FrozenInputs, StyleText
from core.domain.limits import RequestLimits, check_request
from core.domain.model import ModelRef
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.domain.seeds import resolve_seed
from core.domain.serial import to_plain
from core.ports.driven import ModelCatalog, StyleLibrary
from core.sampling.registry import resolve, resolve_hires

MODEL_OPTION = "sd_model_checkpoint"


class Acceptance:
    """Checks a request and freezes its seed, options, model and styles. Holds no state of its own."""

    def __init__(
        self,
        *,
        options: Callable[[], OptionValues],
        models: ModelCatalog,
        styles: StyleLibrary,
        limits: RequestLimits,
        random_seed: Callable[[], int],
        default_model: str | None = None,
    ) -> None:
        self._options = options
        self._models = models
        self._styles = styles
        self._limits = limits
        self._random_seed = random_seed
        self._default_model = default_model

    def freeze(self, request: GenerationRequest) -> FrozenInputs:
        """Raises ``InvalidRequest``, or ``NotReady`` while there is no model at all."""
        check_request(request, self._limits)
        self._check_samplers(request)
        options = self._options().overlay(_given(request.override_settings))
        model = self.choose_model(options)
        return FrozenInputs(
            seed=resolve_seed(request.seed, self._random_seed),
            subseed=resolve_seed(request.subseed, self._random_seed),
            model=model.identity,
            options=to_plain(options.changed),
            styles=self._style_texts(request.styles),
        )

    def choose_model(self, options: OptionValues) -> ModelRef:
        """The model that these options name, else the configured default, else the first there is."""
        name = options.text(MODEL_OPTION) or self._default_model
        if name:
            return self._find(name)
        first = next(iter(self._models.all()), None)
        if first is None:
            raise NotReady("there is no model; put one into the models folder")
        return first

    def _find(self, name: str) -> ModelRef:
        found = self._models.find(name)
        if found is None:
            raise UnknownModel(name, tuple(ref.identity.title for ref in self._models.all()))
        return found

    def _check_samplers(self, request: GenerationRequest) -> None:
        first = resolve(request.sampler_name, request.scheduler)
        if request.hires is not None:
            resolve_hires(first, request.hires.sampler_name, request.hires.scheduler)

    def _style_texts(self, names: tuple[str, ...]) -> tuple[StyleText, ...]:
        """Unknown names are left out, as in the reference."""
        known = {style.name: style for style in self._styles.all()} if names else {}
        return tuple(known[name] for name in names if name in known)


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """An override of null means none: clients send the whole list of options with nulls in it."""
    return {name: value for name, value in overrides.items() if value is not None}
