"""What lies beside the checkpoints: upscalers, LoRAs, embeddings, VAEs, styles and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EMBEDDING_KEYS = ("emb_params", "clip_l")
"""Where a textual inversion has its vectors; a file with one tensor of any other name has them there."""
SECOND_EMBEDDING_KEY = "clip_g"
"""Where one for SDXL has those of the second text encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscalerRef:
    """Something that enlarges pictures.

    :param model_name: name of its weights; None for a plain filter (None, Lanczos, Nearest).
    :param path: of its weights below the models folder.
    """

    name: str
    model_name: str | None = None
    path: str | None = None
    scale: float = 4.0


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A VAE, a text encoder or a hypernetwork: its name, and its file below the models folder."""

    name: str
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraRef:
    """A LoRA. ``alias`` is the name that its file gives itself, or ``name``."""

    name: str
    alias: str
    filename: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraChoice:
    """A LoRA that a batch is drawn with.

    :param filename: of its file below the models folder.
    :param unet: multiplier for the UNet; ``text_encoder``: for the text encoder.
    """

    name: str
    filename: str
    unet: float = 1.0
    text_encoder: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRef:
    """A textual inversion. ``loaded``: it fits the model in use; ``shape``: numbers in a vector.

    :param second: numbers in a vector for the second text encoder; None: it has none for that.
    :param filename: of its file below the folder of textual inversions.
    """

    name: str
    shape: int
    vectors: int
    second: int | None = None
    filename: str = ""
    loaded: bool = True
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers in a vector, for each text encoder."""
        return (self.shape,) if self.second is None else (self.shape, self.second)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptArg:
    """One argument of a script, as a form would show it.

    :param name: what requests call it that name their arguments; they may send them by position as well.
    :param value: the default. Its type is that of the argument; None takes anything.
    :param choices: the texts it may be, or their indices; empty for a list that is filled elsewhere. With a
        list for a default: the texts that may be in its list.
    :param filled_with: ``upscalers``: where it is shown, its choices are the upscalers that there are. The
        script checks what is sent.
    """

    name: str = ""
    label: str | None = None
    value: Any = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    filled_with: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptInfo:
    """A script on one of the two endpoints; one that is on both stands in the list twice.

    :param always_on: it runs beside others; otherwise a request selects it by ``script_name``.
    :param name: the lower-case title that requests use.
    :param documented: it has arguments to tell of; ``GET /script-info`` lists only those.
    """

    name: str
    always_on: bool
    img2img: bool
    args: tuple[ScriptArg, ...] = ()
    documented: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse:
    """Bytes of the host and of the device. ``device`` is None where there is none.

    :param device: the reference's ``cuda`` object: system, active, allocated, reserved, inactive, events.
    """

    total: float
    used: float
    device: Mapping[str, Any] | None = None
