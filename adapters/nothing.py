"""Ports of an installation that lacks what they tell of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from core.domain.resources import EmbeddingRef, LoraRef, MemoryUse, NamedFile, ScriptInfo, UpscalerRef
from core.domain.styles import Style


class NoResources:
    """``BrowseResources`` where there is nothing beside the checkpoints."""

    def upscalers(self) -> Sequence[UpscalerRef]:
        return ()

    def latent_upscalers(self) -> Sequence[str]:
        return ()

    def face_restorers(self) -> Sequence[str]:
        return ()

    def vaes(self) -> Sequence[NamedFile]:
        return ()

    def text_encoders(self) -> Sequence[NamedFile]:
        return ()

    def hypernetworks(self) -> Sequence[NamedFile]:
        return ()

    def loras(self) -> Sequence[LoraRef]:
        return ()

    def embeddings(self) -> Sequence[EmbeddingRef]:
        return ()

    def styles(self) -> Sequence[Style]:
        return ()

    def scripts(self) -> Sequence[ScriptInfo]:
        return ()

    def refresh(self) -> None:
        return None


def host_memory() -> MemoryUse:
    """Of this machine and process; zeros where the system does not tell."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        used = int(Path("/proc/self/statm").read_text().split()[1]) * page
        return MemoryUse(total=float(os.sysconf("SC_PHYS_PAGES") * page), used=float(used))
    except (OSError, ValueError, AttributeError):
        return MemoryUse(total=0.0, used=0.0)


class HostMemory:
    """``ManageMemory`` where no device holds a model: only the host's numbers, and nothing to unload."""

    def memory(self) -> MemoryUse:
        return host_memory()

    def unload(self) -> None:
        return None

    def reload(self) -> None:
        return None
