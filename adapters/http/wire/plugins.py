"""Bodies of ``/api/v1/plugins``."""

from __future__ import annotations

from pydantic import BaseModel, Field


class HookView(BaseModel):
    """What calls of one hook have cost since the server started."""

    hook: str
    calls: int = Field(description="those that came back")
    seconds: float = Field(description="what they took together")
    failures: int = Field(
        description="calls that raised what is no refusal, took too long, or in which the process died"
    )
    late: int = Field(
        description="of the failures those that took too long, or were not made since an earlier one hung"
    )


class PluginView(BaseModel):
    """A plugin, in use or not."""

    name: str
    distribution: str = Field(description="the package that it is from")
    version: str
    builtin: bool
    error: str | None = Field(description="why it is not in use; null when it is")
    warnings: list[str] = Field(description="what it will have to change before a later version")
    hooks: list[str] = Field(description="those that it implements")
    scripts: list[str] = Field(description="those that it offers, by their names")
    settings: list[str] = Field(description="the options that it brings")
    called: list[HookView] = Field(description="its hooks that were called so far")


class PluginList(BaseModel):
    plugins: list[PluginView]
