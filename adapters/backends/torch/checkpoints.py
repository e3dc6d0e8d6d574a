"""The checkpoints in memory: those that draw, and the VAEs that stand in for their own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch

from adapters.backends.torch.engine.memory import SPARE
from adapters.backends.torch.flow.prompts import prompts_of
from adapters.backends.torch.lora.applying import LoraUse, with_loras
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.precision import WideCopies
from adapters.backends.torch.residents import Residents
from adapters.backends.torch.text import Prompts
from adapters.backends.torch.vaes import VaeFiles, read_vae
from core.domain.errors import BackendError, InvalidValue, ModelError
from core.domain.model import ModelIdentity, ModelRef
from core.domain.resources import LoraChoice
from core.domain.vae_choice import OWN, blamed
from core.prepared import PreparedRun

Load: TypeAlias = Callable[[ModelRef, torch.device, torch.dtype], LoadedModel]
_VaeKey: TypeAlias = tuple[Path, int, int]
_LoraKey: TypeAlias = tuple[tuple[Path, int, int, float, float], ...]

LORA_SETS = 4
"""How many sets of LoRAs stay laid over a checkpoint. Each costs the weights that it changes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model and its text encoders, which keep what they encoded.

    :ivar with_vae: the same with the VAE of a file, the one that was asked for last.
    :ivar with_loras: the same with LoRAs laid over it, by set, the last few.
    """

    model: LoadedModel
    encoder: Prompts
    with_vae: dict[_VaeKey, Checkpoint] = field(default_factory=dict)
    with_loras: OrderedDict[_LoraKey, Checkpoint] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a run wants its checkpoints.

    :ivar needed: all that it draws with: none is let go for another of them.
    :ivar limit: how many may stay, where no budget says so: the option ``sd_checkpoints_limit``.
    :ivar vae: the option ``sd_vae``. :ivar overrides: what of the options the request itself names.
    :ivar loras: what is laid over it.
    """

    needed: Collection[ModelIdentity] = ()
    limit: int = 1
    vae: str = OWN
    overrides: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[LoraChoice, ...] = ()

    @classmethod
    def of(cls, run: PreparedRun) -> Wanted:
        others = (run.refiner.model if run.refiner else None, run.hires.model if run.hires else None)
        needed = frozenset(ref.identity for ref in (run.model, *others) if ref is not None)
        limit, vae = int(run.options.number("sd_checkpoints_limit")), run.options.text("sd_vae")
        return cls(needed, limit, vae, run.request.override_settings)


class Checkpoints:
    """Loads on first use, and lets go the least recently used; a run in flight that has one keeps it to its
    end. Safe from several threads.

    :param models: the folder that names of LoRA files are below.
    :param budget: bytes that all may take together; None: a run's options say how many stay.
    :param load: reads a checkpoint.
    """

    def __init__(
        self,
        device: torch.device,
        dtype: torch.dtype,
        vaes: VaeFiles | None = None,
        budget: int | None = None,
        models: Path | None = None,
        load: Load = load_model,
    ) -> None:
        self._models = models
        self._device = device
        self._dtype = dtype
        self._vaes = vaes or VaeFiles()
        self._load_model = load
        self._lock = threading.Lock()
        self._loaded: Residents[Checkpoint] = Residents(budget)

    def get(self, ref: ModelRef, wanted: Wanted | None = None) -> Checkpoint:
        """The checkpoint, loaded now if need be. Raises ``ModelError``, ``InvalidValue`` for a VAE that there
        is not, or that the request names and that does not fit, ``BackendError`` without memory; what is
        loaded then stays as it is, unless memory ran out."""
        how = wanted or Wanted()
        with self._lock:
            vae = self._vaes.choose(how.vae, Path(ref.location))
            found = self._loaded.get(ref.identity)
            if found is None:
                found = self._read(ref, how)
                self._loaded.put(ref.identity, found, found.model.weight_bytes, how.needed, how.limit)
            dressed = found if vae is None else self._dressed(found, vae, how)
            return self._with_loras(dressed, how.loras) if how.loras else dressed

    @property
    def text_calls(self) -> int:
        with self._lock:
            return sum(one.encoder.calls for one in self._loaded.all())

    def clear(self) -> None:
        with self._lock:
            self._loaded.drop()
        self._give_back()

    def _read(self, ref: ModelRef, wanted: Wanted) -> Checkpoint:
        try:
            return self._load(ref)
        except torch.OutOfMemoryError:
            # The others go now, which would have gone behind it.
            self._loaded.drop(wanted.needed)
            self._give_back()
        try:
            return self._load(ref)
        except torch.OutOfMemoryError:
            raise BackendError(
                f"out of memory while loading {ref.identity.title}; nothing else is kept that could make room"
            ) from None

    def _load(self, ref: ModelRef) -> Checkpoint:
        model = self._load_model(ref, self._device, self._dtype)
        return Checkpoint(model, prompts_of(model))

    def _dressed(self, checkpoint: Checkpoint, path: Path, wanted: Wanted) -> Checkpoint:
        try:
            return self._with_vae(checkpoint, path)
        except ModelError as error:
            raise blamed(wanted.overrides, error) from None

    def _with_vae(self, checkpoint: Checkpoint, path: Path) -> Checkpoint:
        key = _key(path)
        found = checkpoint.with_vae.get(key)
        if found is None:
            model = checkpoint.model
            vae = read_vae(path, model.vae.config, model.device, model.dtype)
            found = Checkpoint(replace(model, vae=vae, wide=WideCopies()), checkpoint.encoder)
            checkpoint.with_vae.clear()
            checkpoint.with_vae[key] = found
        return found

    def _with_loras(self, checkpoint: Checkpoint, loras: tuple[LoraChoice, ...]) -> Checkpoint:
        """Runs with the same set get the same networks, and so share their passes."""
        root = self._models or Path()
        uses = [LoraUse(root / one.filename, one.unet, one.text_encoder) for one in loras]
        try:
            key = tuple((*_key(use.path, "LoRA"), use.unet, use.text_encoder) for use in uses)
            if key not in checkpoint.with_loras:
                model = with_loras(checkpoint.model, uses)
                checkpoint.with_loras[key] = Checkpoint(model, prompts_of(model))
        except ModelError as error:
            raise InvalidValue("prompt", f"<lora:{loras[0].name}>", str(error)) from None
        checkpoint.with_loras.move_to_end(key)
        while len(checkpoint.with_loras) > LORA_SETS:
            checkpoint.with_loras.popitem(last=False)
        return checkpoint.with_loras[key]

    def _give_back(self) -> None:
        if self._device.type == "cuda":
            SPARE.give_back()


def _key(path: Path, kind: str = "VAE") -> _VaeKey:
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError(f"the {kind} {path.name} cannot be read: {error.strerror}") from error
    return path, status.st_size, status.st_mtime_ns
