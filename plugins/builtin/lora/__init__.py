"""``<lora:name:0.8>``: which LoRAs a batch is drawn with. Their weights are the backend's business."""

from __future__ import annotations

from core.domain.resources import LoraChoice
from core.drafts import BatchDraft, RequestDraft
from core.prompt.extra_networks import ExtraNetwork, strip_extra_networks
from plugins.builtin.lora.hashes import Hashes
from plugins.builtin.lora.names import find_lora
from plugins.builtin.lora.tags import multipliers
from plugins.hookspecs import AppInfo, hookimpl

KINDS = frozenset(("lora", "lyco"))
LORAS, HIRES_LORAS = "loras", "hires_loras"
"""What the backend finds them by."""
HASHES = "Lora hashes"


class LoraPlugin:
    """Hands a tuple of ``LoraChoice`` to the backend. The tags of a batch's first prompt act on all of it."""

    def __init__(self) -> None:
        self._app: AppInfo | None = None
        self._hashes = Hashes()

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self._app = app

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.applied_networks |= KINDS

    @hookimpl
    def serena_before_batch(self, draft: BatchDraft) -> None:
        if draft.networks_disabled or not draft.prompts:
            return
        chosen = self._chosen(draft.prompts[0], draft)
        hires = self._chosen(draft.hires_prompts[0], draft)
        if chosen:
            draft.extras[LORAS] = chosen
        if hires != chosen:
            draft.extras[HIRES_LORAS] = hires
        self._write_hashes(draft, chosen)

    def _chosen(self, prompt: str, draft: BatchDraft) -> tuple[LoraChoice, ...]:
        tags = [tag for tag in strip_extra_networks(prompt)[1] if tag.kind in KINDS]
        if not tags:
            return ()
        known = self._app.resources.loras() if self._app else ()
        found: list[LoraChoice] = []
        for tag in tags:
            lora = find_lora(tag.name, known)
            strengths = multipliers(tag)
            if lora is None:
                draft.comments.append(f"There is no LoRA {tag.name[:100]!r} here; it was left out.")
            elif strengths is None:
                draft.comments.append(
                    f"The LoRA {tag.name[:100]!r} was left out: {_written(tag)} are no strengths."
                )
            else:
                unet, text_encoder = strengths
                found.append(
                    LoraChoice(name=lora.name, filename=lora.filename, unet=unet, text_encoder=text_encoder)
                )
        return tuple(found)

    def _write_hashes(self, draft: BatchDraft, chosen: tuple[LoraChoice, ...]) -> None:
        app, options = self._app, draft.options
        if not chosen or app is None or (options and not options.flag("lora_add_hashes_to_infotext")):
            return
        known = {lora.name: lora for lora in app.resources.loras()}
        hashes = {
            choice.name: self._hashes.of(known[choice.name], app.models_dir)
            for choice in chosen
            if choice.name in known
        }
        texts = [f"{_plain(name)}: {found}" for name, found in hashes.items() if found]
        if texts:
            draft.infotext_params[HASHES] = ", ".join(texts)


def _plain(name: str) -> str:
    return name.replace(":", "").replace(",", "")


def _written(tag: ExtraNetwork) -> str:
    named = [f"{key}={value}" for key, value in tag.named]
    return repr(":".join([*tag.positional[1:], *named])[:100])
