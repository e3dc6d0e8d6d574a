"""``{red|green} __animals__``: one of several texts for each picture, by its seed."""

from __future__ import annotations

from pathlib import Path
from random import Random

from core.drafts import BatchDraft
from plugins.builtin.wildcards.expanding import Expander
from plugins.builtin.wildcards.files import WildcardFiles
from plugins.hookspecs import AppInfo, hookimpl

FOLDER = "wildcards"


class WildcardsPlugin:
    """Reads ``wildcards/<name>.txt`` of the data folder, a choice a line."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self._folder = app.data_dir / FOLDER

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        expander = Expander(WildcardFiles(self._folder))
        templates = list(draft.prompts)
        for index, seed in enumerate(draft.seeds):
            # The hires prompt is mostly the same text, and must come out the same.
            made: dict[str, str] = {}
            for texts in (
                draft.prompts,
                draft.negative_prompts,
                draft.hires_prompts,
                draft.hires_negative_prompts,
            ):
                text = texts[index]
                if text not in made:
                    rng = Random(f"{seed} {draft.subseeds[index]} {len(made)}")  # noqa: S311
                    made[text] = expander.expand(text, rng)
                texts[index] = made[text]
        if draft.prompts != templates:
            draft.infotext_params["Template"] = templates[0]
        draft.comments += [f"There is no file {FOLDER}/{name}.txt." for name in expander.missing]
