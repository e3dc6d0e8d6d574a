"""What parts ask of others, in functions: the answer may be another one each time, and the others are made
later."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

from core.domain.model import ModelRef
from core.domain.options import OptionRegistry
from core.domain.seeds import MAX_RANDOM_SEED
from core.jobs.acceptance import Acceptance
from core.jobs.outage import Outages
from core.jobs.service import JobService
from core.services.options import OptionEditor


def new_id() -> str:
    return uuid.uuid4().hex


def random_seed() -> int:
    return secrets.randbelow(MAX_RANDOM_SEED + 1)


def not_able(outages: Outages, registry: OptionRegistry) -> Callable[[], str | None]:
    return lambda: outages.reason or (None if registry.complete else "the plugins are being loaded")


def draining(jobs: JobService) -> Callable[[], bool]:
    return lambda: jobs.is_draining


def model_chooser(acceptance: Acceptance, options: OptionEditor) -> Callable[[], ModelRef]:
    return lambda: acceptance.choose_model(options.values())
