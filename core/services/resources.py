"""What lies beside the checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.domain.resources import EmbeddingRef, LoraRef, NamedFile, ScriptInfo, UpscalerRef
from core.domain.styles import Style
from core.domain.upscaling import LATENT_UPSCALERS
from core.ports.driven import FaceRestorers, ResourceFiles, StyleLibrary, Upscalers


class ResourceBrowser:
    """``BrowseResources``. What nothing here offers yet is an empty list."""

    def __init__(
        self,
        *,
        upscalers: Upscalers,
        faces: FaceRestorers,
        styles: StyleLibrary,
        files: ResourceFiles,
        scripts: Callable[[], Sequence[ScriptInfo]] = tuple,
    ) -> None:
        self._files = files
        self._upscalers = upscalers
        self._faces = faces
        self._styles = styles
        self._scripts = scripts

    def upscalers(self) -> Sequence[UpscalerRef]:
        return self._upscalers.all()

    def latent_upscalers(self) -> Sequence[str]:
        return LATENT_UPSCALERS

    def face_restorers(self) -> Sequence[str]:
        return self._faces.names()

    def vaes(self) -> Sequence[NamedFile]:
        return self._files.vaes()

    def text_encoders(self) -> Sequence[NamedFile]:
        return ()

    def hypernetworks(self) -> Sequence[NamedFile]:
        return ()

    def loras(self) -> Sequence[LoraRef]:
        return self._files.loras()

    def embeddings(self) -> Sequence[EmbeddingRef]:
        return self._files.embeddings()

    def styles(self) -> Sequence[Style]:
        return self._styles.all()

    def scripts(self) -> Sequence[ScriptInfo]:
        return [self._filled(script) for script in self._scripts()]

    def refresh(self) -> None:
        self._upscalers.refresh()

    def _filled(self, script: ScriptInfo) -> ScriptInfo:
        """With the names of the upscalers in the fields that choose one."""
        if not any(field.filled_with == "upscalers" for field in script.args):
            return script
        names = tuple(upscaler.name for upscaler in self._upscalers.all())
        fields = (
            replace(field, choices=names) if field.filled_with == "upscalers" else field
            for field in script.args
        )
        return replace(script, args=tuple(fields))
