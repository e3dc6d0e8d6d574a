"""The tokenizer: byte-level CLIP BPE whose merges make one token of every word of the vocabulary.

Any other word falls apart into byte tokens, so unknown words cost a few meaningless tokens and do no harm.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from transformers import CLIPTokenizer

from .vocabulary import words

Merge = tuple[str, str]
START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77


def byte_symbols() -> list[str]:
    """The printable stand-ins for the 256 bytes, in the order of the CLIP vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(hidden))]


def merges_for(vocabulary: list[str]) -> list[Merge]:
    """Merges in order of rank, left to right within each word, sharing common beginnings."""
    ranks: dict[Merge, int] = {}
    for word in vocabulary:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            known = [pair for pair in pairs if pair in ranks]
            best = min(known, key=lambda pair: ranks[pair]) if known else pairs[0]
            ranks.setdefault(best, len(ranks))
            parts = _merged(parts, best)
    return list(ranks)


def _merged(parts: list[str], pair: Merge) -> list[str]:
    result: list[str] = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result


def write(folder: Path) -> CLIPTokenizer:
    """Build the tokenizer and save it."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = merges_for(words())
    symbols = byte_symbols()
    tokens = [*symbols, *(f"{symbol}</w>" for symbol in symbols)]
    tokens += list(dict.fromkeys("".join(merge) for merge in merges if "".join(merge) not in set(tokens)))
    tokens += [START, END]
    (folder / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False), encoding="utf-8"
    )
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH)
    tokenizer.save_pretrained(folder)
    return tokenizer


def load(folder: Path) -> CLIPTokenizer:
    """The tokenizer that `write` saved."""
    return CLIPTokenizer.from_pretrained(folder)
