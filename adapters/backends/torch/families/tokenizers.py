"""Tokenizers: from a folder; that of CLIP from the merges that come with Serena too."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters.backends.torch.importing import IMPORTING
from core.domain.errors import ModelError

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
_MERGES = Path(__file__).parent / "clip" / "merges.txt.gz"
_LENGTH = 77


def read_tokenizer(folder: Path) -> Any:
    with IMPORTING:
        from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def read_long_tokenizer(folder: Path) -> Any:
    """That of T5 or of a language model. Raises ``ModelError`` that says which files are missing."""
    with IMPORTING:
        from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").is_file() and not (folder / "merges.txt").is_file():
        raise ModelError(
            f"{folder.parent.name} has no tokenizer for long texts: put tokenizer_config.json with "
            f"tokenizer.json (or vocab.json and merges.txt) into {folder.parent.name}/{folder.name}"
        )
    with IMPORTING:  # it finds its class now
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def clip_tokenizer() -> Any:
    """That of every CLIP and OpenCLIP text encoder. Each caller gets its own."""
    with IMPORTING:
        from transformers import CLIPTokenizer

    merges = _merges()
    return CLIPTokenizer(
        vocab=_vocabulary(merges),
        merges=[tuple(merge.split(" ")) for merge in merges],
        model_max_length=_LENGTH,
    )


@lru_cache(maxsize=1)
def _merges() -> tuple[str, ...]:
    return tuple(gzip.decompress(_MERGES.read_bytes()).decode("utf-8").splitlines())


def _vocabulary(merges: tuple[str, ...]) -> dict[str, int]:
    """Every byte alone and at the end of a word, then the merges, then the two marks."""
    letters = _byte_letters()
    pieces = [*letters, *(letter + END_OF_WORD for letter in letters)]
    pieces += [merge.replace(" ", "") for merge in merges]
    return {piece: number for number, piece in enumerate([*pieces, BOS, EOS])}


def _byte_letters() -> list[str]:
    """A visible letter for each byte, in the order of CLIP's vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(code) for code in visible] + [chr(256 + number) for number in range(256 - len(visible))]
