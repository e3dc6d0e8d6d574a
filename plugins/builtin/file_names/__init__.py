"""The patterns of the options in the names of files and folders: ``[seed]-[prompt_spaces]``."""

from __future__ import annotations

from collections.abc import Iterator

from core.domain.filenames import ROOM_FOR_NUMBER, fit
from core.drafts import SaveDraft
from plugins.builtin.file_names.context import context_of
from plugins.builtin.file_names.naming import default_pattern, directory_parts, file_decoration
from plugins.hookspecs import hookimpl

IMAGE_HASH = "image_hash"
MOST_PATTERN = 4096
"""Characters of a pattern that are read: no path can be longer, and every token takes its time."""


class FileNamesPlugin:
    """A wrapper, so that the other plugins see the name, those too that want to be the first."""

    @hookimpl(wrapper=True, tryfirst=True)
    def serena_before_save(self, draft: SaveDraft) -> Iterator[None]:
        _name(draft)
        yield


def _name(draft: SaveDraft) -> None:
    name, folders = _patterns(draft)
    context = context_of(draft, hashed=IMAGE_HASH in f"{name} {folders}".lower())
    draft.folder += directory_parts(folders, context)
    draft.stem = fit(file_decoration(name, context), draft.suffix, spare=ROOM_FOR_NUMBER)


def _patterns(draft: SaveDraft) -> tuple[str, str]:
    """Of the name and of the folders below the one that is configured; empty where there are to be none."""
    options = draft.options
    name = options.text("samples_filename_pattern") or default_pattern(options.flag("save_to_dirs"))
    folders = options.text("directories_filename_pattern") or "[prompt_words]"
    named = options.flag("grid_extended_filename") if draft.grid else True
    parted = options.flag("grid_save_to_dirs") if draft.grid else options.flag("save_to_dirs")
    return name[:MOST_PATTERN] if named else "", folders[:MOST_PATTERN] if parted else ""
