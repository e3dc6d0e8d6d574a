"""What the exported networks cannot do: it is refused, not left out."""

from __future__ import annotations

from core.domain.errors import InvalidValue
from core.domain.token_merging import merging_ratio
from core.prepared import Batch, PreparedRun

LORAS = ("loras", "hires_loras")
ONE_CHECKPOINT = "the ONNX backend draws a run with one checkpoint; leave it out, or use the torch backend"


def check_run(run: PreparedRun, batch: Batch) -> None:
    """Raises ``InvalidValue`` with the field and what would do."""
    if run.refiner is not None:
        raise InvalidValue("refiner_checkpoint", run.refiner.model.identity.title, ONE_CHECKPOINT)
    if run.hires is not None and run.hires.model is not None:
        raise InvalidValue("hr_checkpoint_name", run.hires.model.identity.title, ONE_CHECKPOINT)
    for name in LORAS:
        for lora in batch.extras.get(name, ()):
            expected = "LoRAs cannot be laid over exported networks; leave it out, or use the torch backend"
            raise InvalidValue("prompt", f"<lora:{lora.name}>", expected)
    if run.request.tiling:
        raise InvalidValue("tiling", True, "exported networks cannot tile; false, or use the torch backend")
    if run.vae is not None:
        named = run.options.text("sd_vae") or "Automatic"
        expected = f"it stands for {run.vae.name}, and an exported checkpoint has its own VAE: None does"
        raise InvalidValue("sd_vae", named, expected)
    _check_merging(run)


def _check_merging(run: PreparedRun) -> None:
    overrides, from_picture = run.request.override_settings, run.init is not None
    for hires in {False, run.hires is not None}:
        ratio = merging_ratio(run.options, overrides, from_picture=from_picture, hires=hires)
        if ratio > 0:
            raise InvalidValue("token_merging_ratio", ratio, "exported networks merge none; 0 does")
