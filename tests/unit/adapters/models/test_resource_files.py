"""LoRAs, VAEs and textual inversions on disk, told from their headers."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from adapters.models.resource_files import DiskResourceFiles
from adapters.models.safetensors_header import SafetensorsHeader, describe_file
from adapters.models.weights import find_weights
from core.domain.errors import ModelError


def write(path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> None:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


@pytest.fixture
def files(tmp_path: Path) -> DiskResourceFiles:
    return DiskResourceFiles(tmp_path / "models", tmp_path / "embeddings")


def test_an_empty_disk_has_nothing(files: DiskResourceFiles) -> None:
    assert (files.loras(), files.vaes(), files.embeddings()) == ((), (), ())


def test_loras_have_the_name_their_file_gives_them(tmp_path: Path, files: DiskResourceFiles) -> None:
    write(tmp_path / "models" / "Lora" / "deep" / "ink.safetensors", {"a": (2,)}, {"ss_output_name": "Ink 2"})
    write(tmp_path / "models" / "LyCORIS" / "wash.safetensors", {"a": (2,)})
    ink, wash = files.loras()
    assert (ink.name, ink.alias, ink.filename) == ("ink", "Ink 2", "Lora/deep/ink.safetensors")
    assert ink.metadata == {"ss_output_name": "Ink 2"}
    assert (wash.name, wash.alias) == ("wash", "wash")


def test_vaes(tmp_path: Path, files: DiskResourceFiles) -> None:
    write(tmp_path / "models" / "VAE" / "soft.safetensors", {"a": (2,)})
    assert [(vae.name, vae.filename) for vae in files.vaes()] == [
        ("soft.safetensors", "VAE/soft.safetensors")
    ]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"emb_params": (3, 768)}, (768, 3)),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, (768, 2)),
        ({"<cat>": (768,)}, (768, 1)),
        ({"a": (2, 2, 2)}, None),
        ({"a": (2,), "b": (2,)}, None),
    ],
)
def test_inversions(
    tmp_path: Path,
    files: DiskResourceFiles,
    shapes: dict[str, tuple[int, ...]],
    expected: tuple[int, int] | None,
) -> None:
    write(tmp_path / "embeddings" / "cat.safetensors", shapes)
    found = [(one.shape, one.vectors) for one in files.embeddings()]
    assert found == ([] if expected is None else [expected])


def test_what_is_no_safetensors_file_or_lies_elsewhere_is_left_out(
    tmp_path: Path, files: DiskResourceFiles
) -> None:
    folder = tmp_path / "models" / "Lora"
    folder.mkdir(parents=True)
    (folder / "pickle.safetensors").write_bytes(b"\x80\x04not a header")
    (folder / "old.pt").write_bytes(b"\x80\x04")
    write(tmp_path / "outside.safetensors", {"a": (2,)})
    (folder / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    assert files.loras() == ()


def test_what_cannot_be_told_in_utf_8_is_left_out_or_shown_otherwise(
    tmp_path: Path, files: DiskResourceFiles
) -> None:
    for name in (b"n\xff.safetensors", b"plain.safetensors"):
        path = os.fsencode(tmp_path) + b"/models/Lora/" + name
        write(Path(os.fsdecode(path)), {"a": (2,)}, {"ss_tag": "x\ud800"})
    (lora,) = files.loras()
    assert (lora.name, dict(lora.metadata)) == ("plain", {"ss_tag": "x?"})
    assert [path.name for path in find_weights(tmp_path / "models" / "Lora", tmp_path)] == [
        "plain.safetensors"
    ]


def named(files: DiskResourceFiles) -> list[tuple[str, int]]:
    return [(one.name, one.vectors) for one in files.embeddings()]


def test_inversions_are_read_again_when_they_have_changed(tmp_path: Path, files: DiskResourceFiles) -> None:
    folder = tmp_path / "embeddings"
    write(folder / "calm.safetensors", {"emb_params": (2, 4)})
    known = files.embeddings()
    (folder / "notes.txt").write_text("of no account")
    assert files.embeddings() is known
    write(folder / "calm.safetensors", {"emb_params": (3, 4)})
    write(folder / "deep" / "storm.safetensors", {"emb_params": (1, 4)})
    assert named(files) == [("calm", 3), ("storm", 1)]
    (folder / "deep" / "storm.safetensors").rename(tmp_path / "storm.safetensors")
    (folder / "fog.safetensors").symlink_to(folder / "calm.safetensors")
    assert named(files) == [("calm", 3), ("fog", 3)]
    (folder / "fog.safetensors").unlink()
    (folder / "fog.safetensors").symlink_to(tmp_path / "storm.safetensors")
    assert named(files) == [("calm", 3)]


def test_links_that_lead_nowhere_are_left_out(tmp_path: Path, files: DiskResourceFiles) -> None:
    folder = tmp_path / "embeddings"
    write(folder / "calm.safetensors", {"emb_params": (2, 4)})
    (folder / "circle.safetensors").symlink_to("circle.safetensors")
    (folder / "gone.safetensors").symlink_to("nothing.safetensors")
    assert named(files) == [("calm", 2)]
    assert files.embeddings() is files.embeddings()


def test_a_disk_that_fails_once_is_asked_again(tmp_path: Path) -> None:
    write(tmp_path / "calm.safetensors", {"emb_params": (2, 4)})
    failures = [OSError(5, "Input/output error")]

    def describe(path: Path) -> SafetensorsHeader:
        if failures:
            raise ModelError(f"{path} cannot be read") from failures.pop()
        return describe_file(path)

    files = DiskResourceFiles(tmp_path / "models", tmp_path, describe)
    assert named(files) == []
    assert named(files) == [("calm", 2)]
