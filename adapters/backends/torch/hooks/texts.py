"""Calls the hook on the texts of a pass, and checks what plugins left."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from adapters.backends.spec import ShippedHooks
from adapters.backends.torch.hook_drafts import TorchPass, TorchTextDraft, TorchWord
from adapters.backends.torch.text import Prompts
from adapters.backends.torch.word_checks import check_word
from adapters.backends.torch.words import Words
from core.prompt.emphasis import Emphasis

HOOK = "serena_torch_text"


class TextHooks:
    """The words that plugins give to the passes of one batch.

    A plugin that leaves what cannot be used ends the run with an error that names it.

    :param marks: for each picture, what its infotext is told.
    """

    def __init__(self, hooks: ShippedHooks, marks: Sequence[dict[str, str]]) -> None:
        self._hooks = hooks
        self._marks = marks

    @classmethod
    def of(cls, hooks: ShippedHooks | None, marks: Sequence[dict[str, str]]) -> TextHooks | None:
        """None where nobody implements it."""
        return cls(hooks, marks) if hooks is not None and hooks.implemented(HOOK) else None

    def words(
        self, run: TorchPass, prompts: Prompts, emphasis: Emphasis, texts: Sequence[tuple[str, ...]]
    ) -> Words:
        """What stands for words in the texts of a pass. ``texts``: those of each picture."""
        draft = TorchTextDraft(
            run=run,
            texts=tuple(texts),
            widths=prompts.widths,
            find=partial(prompts.find, emphasis=emphasis),
            infotext_params=tuple(map(dict, self._marks)),
        )
        self._hooks.call(HOOK, draft=draft)
        try:
            _check_words(draft.words, prompts.widths)
            _check_params(draft.infotext_params, len(self._marks))
        except (TypeError, ValueError) as error:
            raise self._hooks.error(HOOK, error) from None
        for mark, params in zip(self._marks, draft.infotext_params, strict=True):
            mark.update(params)
        return Words(
            frozenset((name, word.key) for name, word in draft.words.items()),
            {name: word.vectors for name, word in draft.words.items()},
        )


def _check_words(words: Any, widths: tuple[int, ...]) -> None:
    if not isinstance(words, dict):
        raise TypeError(f"draft.words is {type(words).__name__}; it must be a dict")
    for name, word in words.items():
        if not isinstance(word, TorchWord):
            raise TypeError(f"draft.words[{name!r}] is {type(word).__name__}; it must be a TorchWord")
        check_word(name, word.vectors, word.key, widths)


def _check_params(found: Any, pictures: int) -> None:
    if not isinstance(found, tuple) or [type(one) for one in found] != [dict] * pictures:
        raise TypeError(f"draft.infotext_params is no tuple of {pictures} dicts, one for each picture")
    for params in found:
        for key, value in params.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError(f"draft.infotext_params has {key!r}: {value!r}; there may be texts only")
