"""A core with the built-in plugins, and a picture of a script's run by its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.domain.image import BlobRef, RasterImage
from core.domain.request import GenerationRequest
from core.domain.resources import EmbeddingRef, LoraRef
from plugins.builtin import builtin_plugins
from plugins.hookspecs import AppInfo
from tests.unit.core.workshop import Workshop, img2img, request


class Files:
    """What a data folder offers."""

    def __init__(self, *loras: LoraRef) -> None:
        self._loras = loras

    def loras(self) -> tuple[LoraRef, ...]:
        return self._loras

    def embeddings(self) -> tuple[EmbeddingRef, ...]:
        return ()


def shop_with(data_dir: Path | None = None, *loras: LoraRef, **fields: Any) -> Workshop:
    """``data_dir``: None for plugins that were never told where they are."""
    shop = Workshop(builtin=builtin_plugins(), **fields)
    if data_dir is not None:
        info = AppInfo("1", "1.1", "fake", data_dir, data_dir / "models", Files(*loras))
        shop.hooks.ready(info)  # type: ignore[attr-defined]
    return shop


def scripted(name: str, *args: Any, **fields: Any) -> GenerationRequest:
    return request(script_name=name, script_args=args, **fields)


def from_picture(shop: Workshop, **fields: Any) -> GenerationRequest:
    return img2img([picture(shop)], **fields)


def picture(shop: Workshop) -> BlobRef:
    flat = RasterImage(16, 16, "RGB", bytes(16 * 16 * 3))
    return shop.service.put_image(shop.codec.encode(flat, "png", None))


def prompts(shop: Workshop) -> list[str]:
    """What the backend was given, a batch after the other."""
    return [prompt for batch in shop.scripted.batches for prompt in batch.prompts]


def seeds(shop: Workshop) -> list[int]:
    return [seed for batch in shop.scripted.batches for seed in batch.seeds]
