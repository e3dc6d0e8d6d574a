"""The pictures of a run, drawn once and kept in files: one bucket per picture size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from .specs import ObjectsSpec, SceneSpec, Spec, Thing
from .world import Kind, drawing

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size, perhaps of one kind only: how many are drawn, how often training picks them.

    `share` counts while shapes are learned, at small sizes, where a step shows most pictures; `late` counts
    afterwards, when what is known has to hold at the sizes that people ask for.
    """

    width: int
    height: int
    count: int
    share: float
    late: float
    kind: Kind | None = None

    @property
    def name(self) -> str:
        size = f"{self.width}x{self.height}"
        return f"{size}-{self.kind}" if self.kind else size


BUCKETS = (
    Bucket(128, 128, 24_000, 0.50, 0.13),
    Bucket(64, 64, 3_000, 0.04, 0.02),
    Bucket(192, 192, 1_500, 0.03, 0.02),
    Bucket(256, 256, 6_000, 0.04, 0.17),
    Bucket(192, 128, 1_500, 0.02, 0.02),
    Bucket(128, 192, 1_500, 0.02, 0.02),
    Bucket(512, 512, 2_400, 0.02, 0.54),
    Bucket(128, 128, 16_000, 0.33, 0.08, "two"),  # two objects are the hardest to learn
)


def spec_to_json(spec: Spec) -> dict[str, object]:
    """A specification as plain JSON."""
    return asdict(spec)


def spec_from_json(value: dict[str, object]) -> Spec:
    """The specification written by `spec_to_json`."""
    if "land" in value:
        return SceneSpec(**{key: str(text) for key, text in value.items()})
    things = value["things"]
    assert isinstance(things, list)
    return ObjectsSpec(
        background=str(value["background"]),
        things=tuple(Thing(**thing) for thing in things),
        relation=str(value["relation"]),
    )


def write_bucket(folder: Path, bucket: Bucket, first: int, seed: int, progress: Progress) -> None:
    """Draw a bucket unless it is there already. The picture file appears only when it is complete."""
    target = folder / f"{bucket.name}.npy"
    if target.exists():
        return
    partial = folder / f"{bucket.name}.partial.npy"
    shape = (bucket.count, bucket.height, bucket.width, 3)
    pixels = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
    specs = []
    for i in range(bucket.count):
        picture = drawing(first + i, seed, bucket.width, bucket.height, kind=bucket.kind)
        pixels[i] = picture.pixels
        specs.append(spec_to_json(picture.spec))
        progress(bucket.name, i + 1, bucket.count)
    pixels.flush()
    (folder / f"{bucket.name}.json").write_text(json.dumps(specs), encoding="utf-8")
    partial.rename(target)


def write_world(
    folder: Path, seed: int, progress: Progress, share: float = 1.0, buckets: Sequence[Bucket] = BUCKETS
) -> None:
    """Draw every bucket; each has its own range of picture numbers."""
    first = 0
    for bucket in buckets:
        scaled = replace(bucket, count=max(64, int(bucket.count * share)))
        write_bucket(folder, scaled, first, seed, progress)
        first += bucket.count


def pixels_of(folder: Path, name: str) -> np.ndarray:
    """The pictures of a bucket, read from disk as they are needed."""
    return np.load(folder / f"{name}.npy", mmap_mode="r")


def specs_of(folder: Path, name: str) -> list[Spec]:
    """The specifications of a bucket, in the order of its pictures."""
    return [spec_from_json(value) for value in json.loads((folder / f"{name}.json").read_text("utf-8"))]


def ready_buckets(folder: Path) -> Iterator[Bucket]:
    """The buckets that are drawn already."""
    for bucket in BUCKETS:
        if (folder / f"{bucket.name}.npy").exists():
            yield bucket
