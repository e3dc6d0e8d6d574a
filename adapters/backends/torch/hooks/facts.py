"""What plugins are told of a pass."""

from __future__ import annotations

from typing import Any

from adapters.backends.torch.hook_drafts import TorchPass
from adapters.backends.torch.model import LoadedModel
from core.prepared import Batch, PreparedRun


def facts(
    run: PreparedRun,
    batch: Batch,
    model: LoadedModel,
    state: dict[str, Any],
    *,
    hires: bool,
    steps: int,
    evaluations: int,
    latent: tuple[int, int],
) -> TorchPass:
    """
    :param model: that of the pass. :param latent: its height and width.
    """
    return TorchPass(
        run_id=run.run_id,
        index=batch.index,
        request=run.request,
        options=run.options,
        extras=batch.extras,
        state=state,
        seeds=batch.seeds,
        model=model.ref.identity,
        hires=hires,
        last=hires or run.hires is None,
        steps=steps,
        evaluations=evaluations,
        latent_height=latent[0],
        latent_width=latent[1],
        device=model.device,
        dtype=model.dtype,
    )
