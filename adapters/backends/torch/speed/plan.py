"""What the settings ask for, checked before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from adapters.settings import BackendSettings
from core.domain.errors import SettingsError

STEP_CACHE, FP8 = "Step cache", "FP8 weight"
"""Keys of the infotext, written where that made a picture differ from what the plain weights draw."""


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """How passes are made cheaper.

    :ivar compiled: repeated blocks are compiled behind the first passes.
    :ivar graphs: passes of the fixed row counts are replayed from CUDA graphs.
    :ivar channels_last: convolutions keep the channels innermost.
    :ivar fused: queries, keys and values come from one product.
    :ivar decode_stream: pictures are decoded on a CUDA stream of their own.
    :ivar pinned: noise and masks go to a CUDA device by way of pinned memory.
    :ivar ahead: passes that the host may be ahead of a CUDA device; 0: as many as it likes.
    :ivar decode_rows: the most pictures of one call of the VAE.
    :ivar encode_rows: the most chunks of prompts of one call of a text encoder.
    :ivar step_cache: the deep blocks are computed at one of so many evaluations; 1: at each.
    :ivar fp8: products of the transformer blocks in fp8.
    """

    compiled: bool = False
    graphs: bool = False
    channels_last: bool = False
    fused: bool = False
    decode_stream: bool = False
    pinned: bool = False
    ahead: int = 0
    decode_rows: int = 1
    encode_rows: int = 1
    step_cache: int = 1
    fp8: bool = False

    @classmethod
    def of(cls, settings: BackendSettings) -> SpeedPlan:
        """Raises :class:`SettingsError` for what cannot be had here."""
        if settings.fp8 and find_spec("torchao") is None:
            raise SettingsError(
                "backend.fp8 is true, but the package torchao is not installed: pip install torchao, "
                "or leave backend.fp8 false"
            )
        return cls(
            compiled=settings.compile == "regional",
            graphs=settings.cuda_graphs,
            channels_last=settings.channels_last,
            fused=settings.fused_qkv,
            decode_stream=settings.decode_stream,
            pinned=settings.pinned_copies,
            ahead=settings.passes_ahead,
            decode_rows=settings.decode_rows,
            encode_rows=settings.encode_rows,
            step_cache=settings.step_cache,
            fp8=settings.fp8,
        )
