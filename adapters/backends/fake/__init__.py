"""A backend without torch: the real samplers on a small numpy latent, with an analytic denoiser."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from adapters.backends.spec import BackendSpec
from core.domain.model import ModelIdentity, ModelRef

if TYPE_CHECKING:
    from adapters.settings import Settings
    from core.ports.driven import ImageBackend

FAKE_MODEL = ModelRef(
    identity=ModelIdentity(name="fake-model", sha256=hashlib.sha256(b"serena fake model 1").hexdigest()),
    location="fake-model",
)


def _create(settings: Settings) -> ImageBackend:
    from adapters.backends.fake.backend import FakeBackend

    return FakeBackend(
        max_runs=settings.backend.max_runs or 1,
        step_seconds=settings.backend.step_seconds,
        zero_cost=settings.backend.zero_cost,
    )


spec = BackendSpec(name="fake", create=_create, unavailable=lambda: None, own_models=(FAKE_MODEL,))
