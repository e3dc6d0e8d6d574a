"""The words of the picture world. Every list is part of the public vocabulary of the built-in model."""

from __future__ import annotations

from typing import Final

Color = tuple[int, int, int]

COLORS: Final[dict[str, Color]] = {
    "red": (222, 36, 36),
    "green": (34, 160, 60),
    "blue": (36, 76, 222),
    "yellow": (252, 218, 40),
    "orange": (248, 132, 22),
    "purple": (132, 48, 182),
    "pink": (250, 150, 196),
    "cyan": (58, 208, 224),
    "white": (246, 246, 246),
    "black": (22, 22, 26),
    "gray": (128, 128, 132),
    "brown": (118, 70, 34),
}
SHAPES: Final = (
    "circle",
    "square",
    "triangle",
    "star",
    "heart",
    "diamond",
    "hexagon",
    "ring",
    "cross",
    "moon",
)
STYLES: Final = ("striped", "dotted")
SIZES: Final = ("small", "large")
RELATIONS: Final = ("above", "below", "to the left of", "to the right of")
TIMES: Final = ("sunrise", "day", "sunset", "night")
EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "mountains": ("house", "pine trees", "lake"),
    "snowy mountains": ("house", "pine trees", "lake"),
    "hills": ("house", "tree", "pine trees"),
    "desert": ("cactus", "pyramid"),
    "sea": ("sailboat", "island"),
    "forest": ("house",),
    "city": (),
}
LANDS: Final = tuple(EXTRAS)
SKIES: Final = ("clouds", "birds")
QUALITY: Final = (
    "masterpiece",
    "best quality",
    "highly detailed",
    "detailed",
    "sharp focus",
    "high quality",
    "4k",
    "8k",
    "beautiful",
    "trending",
    "artstation",
    "digital art",
    "illustration",
    "professional",
    "cinematic lighting",
    "intricate",
    "a photo of",
    "a picture of",
    "a painting of",
)
GLUE: Final = [
    "a",
    "an",
    "the",
    "on",
    "at",
    "over",
    "with",
    "near",
    "in",
    "to",
    "of",
    "and",
    "left",
    "right",
    "above",
    "below",
    "under",
    "behind",
    "background",
    ",",
    ".",
    "sun",
    "stars",
    "sky",
    "trees",
    "picture",
    "photo",
    "painting",
    "boat",
    "ocean",
    "ship",
    "big",
    "tiny",
    "grey",
    "scene",
    "landscape",
]


def words() -> list[str]:
    """Every single word of the vocabulary, sorted: the tokenizer makes one token of each."""
    phrases = [*COLORS, *SHAPES, *STYLES, *SIZES, *RELATIONS, *TIMES, *LANDS, *SKIES, *QUALITY]
    phrases += [extra for extras in EXTRAS.values() for extra in extras]
    return sorted({word for phrase in phrases for word in phrase.split()} | set(GLUE))
