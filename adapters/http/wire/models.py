"""Bodies of ``/api/v1/models``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Told(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class ModelView(_Told):
    """A checkpoint that is offered."""

    title: str = Field(description="name and short hash; the name alone while the file is being hashed")
    name: str = Field(description="below the models folder, with its extension")
    model_name: str
    hash: str | None = Field(description="short; null while the file is being hashed")
    sha256: str | None
    current: bool = Field(description="what a request without a model draws with")
    family: str | None = Field(description="sd1, sd2, sdxl, …; null where the backend alone knows it")
    family_title: str | None
    layout: str | None = Field(description="single file or folder")
    precision: list[str] = Field(description="number formats of its weights, the most used first")
    prediction: str | None = Field(description="what its network answers")
    prediction_assumed: bool = Field(description="nothing says so; it is what most of the family do")
    channels: int | None = Field(
        description="what its network takes: 9 of inpainting models, 8 of editing ones"
    )
    tensors: int
    bytes: int
    missing: list[str] = Field(description="parts that the file has not and that lie beside it")
    config: str | None = Field(description="the .yaml beside it")
    problem: str | None = Field(description="why it cannot be used, though it is offered")


class UnusableModel(_Told):
    """What looks like a checkpoint and is not offered."""

    name: str
    problem: str


class ModelList(_Told):
    models: list[ModelView]
    unusable: list[UnusableModel]
