"""Entries of the lists that say what there is to choose from, with the reference's keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Item(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class SamplerItem(_Item):
    name: str
    aliases: list[str]
    options: dict[str, str]


class SchedulerItem(_Item):
    name: str
    label: str
    aliases: list[str] | None = None
    default_rho: float | None = None
    need_inner_model: bool | None = None


class SDModelItem(_Item):
    """``hash`` and ``sha256`` are empty, never null, while a large file is being hashed; ``filename`` is the
    name below the models folder."""

    title: str
    model_name: str
    hash: str
    sha256: str
    filename: str
    config: str | None = None


class UpscalerItem(_Item):
    name: str
    model_name: str | None = None
    model_path: str | None = None
    model_url: str | None = None
    scale: float | None = None


class NamedItem(_Item):
    name: str


class SDVaeItem(_Item):
    model_name: str
    filename: str


class HypernetworkItem(_Item):
    name: str
    path: str | None = None


class FaceRestorerItem(_Item):
    name: str
    cmd_dir: str | None = None


class RealesrganItem(_Item):
    name: str
    path: str | None = None
    scale: int | None = None


class PromptStyleItem(_Item):
    name: str
    prompt: str | None = None
    negative_prompt: str | None = None


class EmbeddingItem(_Item):
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None
    shape: int
    vectors: int


class EmbeddingsResponse(_Item):
    loaded: dict[str, EmbeddingItem]
    skipped: dict[str, EmbeddingItem]


class LoraItem(_Item):
    name: str
    alias: str
    path: str
    metadata: dict[str, Any]


class ExtensionItem(_Item):
    name: str
    remote: str
    branch: str
    commit_hash: str
    version: str
    commit_date: str
    enabled: bool


class ScriptsList(_Item):
    txt2img: list[str] | None = None
    img2img: list[str] | None = None


class ScriptArgItem(_Item):
    label: str | None = None
    value: Any = None
    minimum: Any = None
    maximum: Any = None
    step: Any = None
    choices: list[str] | None = None


class ScriptInfoItem(_Item):
    name: str | None = None
    is_alwayson: bool | None = None
    is_img2img: bool | None = None
    args: list[ScriptArgItem]


class MemoryResponse(_Item):
    """``cuda`` is ``{"error": "unavailable"}`` where there is no device."""

    ram: dict[str, Any]
    cuda: dict[str, Any]


class InfoResponse(_Item):
    info: str
