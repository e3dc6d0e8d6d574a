"""Checkpoints in one file: recognised by their headers, and every other file told what it is."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from pathlib import Path

import pytest

from adapters.cli.listing import cell
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.check import read_json
from adapters.models.hashing import ContentHashes
from adapters.models.report import report_on
from core.domain.errors import ModelError
from core.domain.model import ModelRef

FIRST = "model.diffusion_model.input_blocks.0.0.weight"
ATTENTION = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
LABEL = "model.diffusion_model.label_emb.0.0.weight"
VAE = "first_stage_model.decoder.conv_in.weight"
CLIP = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
OPEN_CLIP = "cond_stage_model.model.ln_final.weight"
XL_FIRST = "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
XL_SECOND = "conditioner.embedders.1.model.ln_final.weight"
REFINER_TEXT = "conditioner.embedders.0.model.ln_final.weight"

Shapes = dict[str, tuple[int, ...]]


def unet(channels: int = 4, width: int = 8) -> Shapes:
    return {FIRST: (2, channels, 3, 3), ATTENTION: (2, width)}


SD1: Shapes = {**unet(), VAE: (1,), CLIP: (1,)}
SD2: Shapes = {**unet(), VAE: (1,), OPEN_CLIP: (1,)}
SDXL: Shapes = {**unet(), LABEL: (1,), VAE: (1,), XL_FIRST: (1,), XL_SECOND: (1,)}
REFINER: Shapes = {**unet(), LABEL: (1,), VAE: (1,), REFINER_TEXT: (1,)}


def write(path: Path, shapes: Shapes, **metadata: str) -> Path:
    """A file with such tensors of zeros."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * 4
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * end)
    return path


def one(models: Path) -> ModelRef:
    catalog = DiskModelCatalog(models, builtin=False)
    assert catalog.problems() == ()
    [ref] = catalog.all()
    return ref


def problem(models: Path) -> str:
    catalog = DiskModelCatalog(models, builtin=False)
    assert catalog.all() == ()
    [found] = catalog.problems()
    assert "\n" not in found.message
    return found.message


@pytest.mark.parametrize(
    ("shapes", "family", "prediction", "inpainting"),
    [
        (SD1, "sd1", "epsilon", False),
        ({**SD1, **unet(9)}, "sd1", "epsilon", True),
        ({**SD1, **unet(8)}, "sd1", "epsilon", False),
        (SD2, "sd2", "v_prediction", False),
        ({**SD2, **unet(9)}, "sd2", "epsilon", True),
        (SDXL, "sdxl", "epsilon", False),
        ({**SDXL, "v_pred": (0,)}, "sdxl", "v_prediction", False),
        (REFINER, "sdxl-refiner", "epsilon", False),
    ],
)
def test_families(tmp_path: Path, shapes: Shapes, family: str, prediction: str, inpainting: bool) -> None:
    write(tmp_path / "Stable-diffusion" / "a.safetensors", shapes)
    ref = one(tmp_path)
    assert (ref.family, ref.prediction, ref.inpainting) == (family, prediction, inpainting)
    assert ref.editing == (shapes[FIRST][1] == 8)
    assert ref.config is None


def test_its_names_and_hash_are_the_references(tmp_path: Path) -> None:
    path = write(tmp_path / "Stable-diffusion" / "sub" / "a b.safetensors", SD1)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    ref = one(tmp_path)
    assert ref.identity.sha256 == sha256
    assert ref.identity.title == f"sub/a b.safetensors [{sha256[:10]}]"
    assert ref.identity.model_name == "sub_a b"
    catalog = DiskModelCatalog(tmp_path)
    for name in (ref.identity.title, "sub/a b.safetensors", "sub_a b", "a b", sha256[:10], sha256):
        assert catalog.find(name) == ref
    assert catalog.find("a b.safetensors") is None


def test_a_file_beside_it_says_what_it_predicts(tmp_path: Path) -> None:
    path = write(tmp_path / "Stable-diffusion" / "a.safetensors", SD2, **{"modelspec.prediction_type": "v"})
    path.with_suffix(".yaml").write_text("model:\n  params:\n    parameterization: 'eps'\n")
    assert one(tmp_path).prediction == "epsilon"
    assert one(tmp_path).config == "Stable-diffusion/a.yaml"
    path.with_suffix(".yaml").write_text("model: {}\n")
    assert one(tmp_path).prediction == "v_prediction"
    scheduler = path.with_suffix("") / "scheduler" / "scheduler_config.json"
    scheduler.parent.mkdir(parents=True)
    scheduler.write_text('{"prediction_type": "epsilon"}')
    assert one(tmp_path).prediction == "epsilon"
    scheduler.write_text('{"prediction_type": "flow"}')
    assert "name the prediction 'flow'" in problem(tmp_path)


def test_metadata_says_what_it_predicts(tmp_path: Path) -> None:
    write(tmp_path / "a.safetensors", SD2, **{"modelspec.prediction_type": "epsilon"})
    assert one(tmp_path).prediction == "epsilon"


def test_a_file_without_text_encoder_is_known_by_the_width_of_its_texts(tmp_path: Path) -> None:
    folder = tmp_path / "Stable-diffusion"
    for name, width, label in (("a", 768, False), ("b", 1024, False), ("c", 2048, True), ("d", 1280, True)):
        shapes = {**unet(4, width), VAE: (1,), **({LABEL: (1,)} if label else {})}
        write(folder / f"{name}.safetensors", shapes)
        write(folder / name / "text_encoder" / "model.safetensors", {"x": (1,)})
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    assert [ref.family for ref in catalog.all()] == ["sd1", "sd2", "sdxl", "sdxl-refiner"]


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ({**unet(), CLIP: (1,)}, "without a VAE; put one in the layout of diffusers into a/vae"),
        ({**unet(4, 768), VAE: (1,)}, "without a text encoder"),
        ({**unet(4, 99), VAE: (1,)}, "for texts of width 99, which is of no known family"),
        ({**SD1, **unet(5)}, "takes 5 channels; drawn with are 4, 8, 9"),
        ({"lora_unet_down.lora_down.weight": (1,)}, "it is a LoRA"),
        ({"model.diffusion_model.joint_blocks.0.x": (1,)}, "it is a Stable Diffusion 3 model"),
        ({"double_blocks.0.img_attn.qkv.weight": (1,)}, "it is a Flux model"),
        ({"control_model.x": (1,)}, "it is a ControlNet"),
        ({"decoder.conv_in.weight": (1,)}, "it is a VAE"),
        ({"q.w": (1,), "r": (1,), "s": (1,), "t": (1,)}, "unknown kind (4 tensors: q.w, r, s, …)"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, shapes: Shapes, sentence: str) -> None:
    write(tmp_path / "Stable-diffusion" / "a.safetensors", shapes)
    assert sentence in problem(tmp_path)


def test_pickles_are_named_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "Stable-diffusion").mkdir()
    (tmp_path / "Stable-diffusion" / "old.ckpt").write_bytes(b"\x80\x04cos\nsystem\n")
    assert "it is a pickle, which is never opened" in problem(tmp_path)


def test_a_pickle_under_the_name_of_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\x80\x04\x95cos\nsystem" * 3)
    assert "is no safetensors file" in problem(tmp_path)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.safetensors", SD1)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.safetensors").symlink_to(outside)
    assert "leads out of" in problem(tmp_path / "models")


def test_vaes_and_what_lies_in_other_folders_are_no_checkpoints(tmp_path: Path) -> None:
    write(tmp_path / "Stable-diffusion" / "a.safetensors", SD1)
    write(tmp_path / "Stable-diffusion" / "a.vae.safetensors", {"decoder.x": (1,)})
    write(tmp_path / "VAE" / "b.safetensors", {"decoder.x": (1,)})
    write(tmp_path / "Lora" / "c.safetensors", {"lora_unet_x": (1,)})
    assert one(tmp_path).identity.name == "a.safetensors"


def test_a_large_file_is_listed_before_it_is_hashed(tmp_path: Path) -> None:
    path = write(tmp_path / "models" / "a.safetensors", SD1)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    catalog = DiskModelCatalog(path.parent, builtin=False, quick=0)
    assert catalog.all()[0].identity.title in ("a.safetensors", f"a.safetensors [{sha256[:10]}]")
    found = catalog.find("a")
    assert found is not None
    assert found.identity.sha256 == sha256
    again = DiskModelCatalog(path.parent, builtin=False, quick=0)
    assert again.find(sha256[:10]) == found
    again.settle()
    assert again.all() == (found,)
    assert again.find("ab" * 5) is None


def test_a_file_that_goes_away_before_it_is_hashed_is_not_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", SD1)
    catalog = DiskModelCatalog(tmp_path, builtin=False, quick=0)
    catalog.settle()
    path.unlink()
    assert catalog.find("a") is None
    assert catalog.all() == ()


def test_a_replaced_file_is_another_model(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", SD1)
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    before = catalog.find("a")
    assert before is not None
    write(path, {**SD1, "more": (3,)})
    after = catalog.find("a")
    assert after is not None
    assert after.identity.sha256 != before.identity.sha256
    assert catalog.find(before.identity.sha256) is None
    path.write_bytes(b"")
    assert catalog.find("a") is None
    for name in ("a", "a.safetensors", after.identity.title):
        assert "a.safetensors is cut off" in str(catalog.problem(name))
    assert catalog.problem("b") is None


def test_hashes_of_large_files_last(tmp_path: Path) -> None:
    path = write(tmp_path / "models" / "a.safetensors", {**SD1, "big": (300_000,)})
    cache = tmp_path / "cache" / "hashes.json"
    [ref] = DiskModelCatalog(path.parent, builtin=False, cache=cache).all()
    kept = json.loads(cache.read_text())
    assert list(kept) == [str(path)]
    kept[str(path)][2] = "ef" * 32
    cache.write_text(json.dumps(kept))
    [same] = DiskModelCatalog(path.parent, builtin=False, cache=cache).all()
    assert same.identity.sha256 == "ef" * 32
    os.utime(path, (1, 1))
    [anew] = DiskModelCatalog(path.parent, builtin=False, cache=cache).all()
    assert anew == ref


@pytest.mark.parametrize("content", ["", "[]", '{"a": 3}', '{"a": [1, 2]}', '{"a": ["x", 2, "y"]}'])
def test_a_cache_that_is_none_of_ours_is_made_anew(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "models" / "a.safetensors", {**SD1, "big": (300_000,)})
    cache = tmp_path / "hashes.json"
    cache.write_text(content)
    [ref] = DiskModelCatalog(path.parent, builtin=False, cache=cache).all()
    assert ref.identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(json.loads(cache.read_text())) == [str(path)]


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "models" / "a.safetensors", {**SD1, "big": (300_000,)})
    (tmp_path / "file").write_text("")
    [ref] = DiskModelCatalog(path.parent, builtin=False, cache=tmp_path / "file" / "hashes.json").all()
    assert len(ref.identity.sha256) == 64


def test_a_cache_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "models" / "a.safetensors", {**SD1, "big": (300_000,)})
    cache = tmp_path / "hashes.json"
    with open(cache, "wb") as file:
        file.truncate(17 * 1024 * 1024)
    [ref] = DiskModelCatalog(path.parent, builtin=False, cache=cache).all()
    assert ref.identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    hashes = ContentHashes()
    with pytest.raises(ModelError, match="cannot be read"):
        hashes.of_file(tmp_path)
    assert hashes.to_hash(tmp_path / "gone") == 0
    path = write(tmp_path / "a.safetensors", SD1)
    path.with_suffix(".yaml").symlink_to(tmp_path / "b.yaml")
    assert one(tmp_path).config is None


def test_a_file_of_shapes_that_no_model_has_is_told(tmp_path: Path) -> None:
    write(tmp_path / "flat.safetensors", {**SD1, FIRST: (72,)})
    assert "the shapes of no known model" in problem(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert problem(tmp_path) == "pipe.safetensors is no file"
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(ModelError, match=r"pipe\.json is no file"):
        read_json(tmp_path / "pipe.json")


def test_what_is_no_text_is_told_in_text(tmp_path: Path) -> None:
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff.safetensors")), SD1)
    write(tmp_path / "other.safetensors", {"x\ud800": (1,)})
    named, other = DiskModelCatalog(tmp_path, builtin=False).problems()
    assert (named.name, named.message) == ("n?.safetensors", "its name is not in UTF-8; rename it")
    assert "(1 tensors: x?)" in other.message
    assert cell([report_on(tmp_path / "other.safetensors").problem]).endswith(
        "no checkpoint that is drawn with"
    )
