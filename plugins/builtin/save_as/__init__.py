"""Files in another format than the answers, which stay as the option ``samples_format`` says."""

from __future__ import annotations

from core.drafts import SaveDraft
from plugins.builtin.save_as.settings import SaveAsSettings
from plugins.hookspecs import hookimpl
from plugins.settings import SettingsRegister


class SaveAsPlugin:
    """Does what its settings say; with their defaults, nothing. Other plugins see what it chose."""

    @hookimpl
    def serena_register_settings(self, register: SettingsRegister) -> None:
        register.add(SaveAsSettings)

    @hookimpl(tryfirst=True)
    def serena_before_save(self, draft: SaveDraft) -> None:
        wanted = draft.options.of(SaveAsSettings)
        if draft.grid and not wanted.grids:
            return
        if wanted.format:
            draft.format = wanted.format
        if wanted.quality:
            draft.quality = wanted.quality
        if wanted.lossless:
            draft.lossless = True
