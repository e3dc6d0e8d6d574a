"""The orchestration boundary: one job, its own options and model, and the runner."""

from __future__ import annotations

from core.domain.errors import UnknownModel
from core.domain.job import Job
from core.domain.model import ModelIdentity, ModelRef
from core.domain.options import OptionRegistry
from core.domain.result import GenerationResult
from core.ports.driven import ModelCatalog
from core.runner import ProcessingRunner
from core.stages.order import RunControl, RunOrder


def process_images(
    job: Job,
    control: RunControl,
    *,
    runner: ProcessingRunner,
    models: ModelCatalog,
    options: OptionRegistry,
) -> GenerationResult:
    """Draw what ``job`` asks for, with the options and the model that were frozen at its acceptance.

    The only caller of ``ProcessingRunner.run``; every entrypoint comes through here. Raises a
    ``SerenaError``.
    """
    order = RunOrder(
        job_id=job.id,
        request=job.request,
        frozen=job.frozen,
        model=_find(job.frozen.model, models),
        refiner=_find(job.frozen.refiner, models),
        hires_model=_find(job.frozen.hires_model, models),
        options=options.values(job.frozen.options),
        accepted_at=job.created_at,
        models=models,
    )
    return runner.run(order, control)


def _find(identity: ModelIdentity | None, models: ModelCatalog) -> ModelRef | None:
    """By title, since a copy of the file may lie beside other files that say more of it; where it was renamed
    meanwhile, by content."""
    if identity is None:
        return None
    for name in (identity.title, identity.sha256):
        model = models.find(name)
        if model is not None and model.identity.sha256 == identity.sha256:
            return model
    raise UnknownModel(identity.title, tuple(ref.identity.title for ref in models.all()))
