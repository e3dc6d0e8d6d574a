from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.models.catalog_disk import BUILTIN_FOLDER, BUILTIN_NAME, DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.check import check_diffusers_folder
from core.domain.errors import ModelError
from core.domain.model import ModelIdentity, ModelRef

UNET = "unet/diffusion_pytorch_model.safetensors"


def tensor_file(path: Path, header: bytes | None = None, data: bytes = b"12345678") -> None:
    entry = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    text = json.dumps(entry).encode() if header is None else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make_model(folder: Path) -> Path:
    """The smallest folder that passes the check."""
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (folder / name).mkdir(parents=True)
    index: dict[str, object] = {"_class_name": "StableDiffusionPipeline"}
    index |= {name: ["diffusers", "X"] for name in ("unet", "vae", "scheduler")}
    index |= {name: ["transformers", "X"] for name in ("text_encoder", "tokenizer")}
    (folder / "model_index.json").write_text(json.dumps(index))
    for name in ("unet", "vae", "text_encoder"):
        (folder / name / "config.json").write_text("{}")
        tensor_file(folder / name / "diffusion_pytorch_model.safetensors")
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    return folder


def names(catalog: DiskModelCatalog) -> list[str]:
    return [model.identity.name for model in catalog.all()]


def test_the_builtin_model_is_there_and_whole(tmp_path: Path) -> None:
    catalog = DiskModelCatalog(tmp_path / "none")
    assert names(catalog) == [BUILTIN_NAME]
    assert catalog.problems() == ()
    assert catalog.all()[0].location == str(BUILTIN_FOLDER)
    assert DiskModelCatalog(tmp_path, builtin=False).all() == ()


def test_builtin_files_can_be_read_by_everybody() -> None:
    for path in BUILTIN_FOLDER.rglob("*"):
        assert path.stat().st_mode & 0o444 == 0o444


def test_folders_are_found_in_both_layouts_and_the_builtin_comes_last(tmp_path: Path) -> None:
    make_model(tmp_path / "Stable-diffusion" / "sub" / "b")
    make_model(tmp_path / "Stable-diffusion" / "A")
    make_model(tmp_path / "c")
    (tmp_path / "VAE").mkdir()
    catalog = DiskModelCatalog(tmp_path)
    assert names(catalog) == ["A", "sub/b", "c", BUILTIN_NAME]
    assert catalog.problems() == ()


def test_the_hash_of_a_folder_is_that_of_its_lines(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    files = sorted(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()
    )
    lines = b"".join(f"{n}\0{hashlib.sha256(p.read_bytes()).hexdigest()}\n".encode() for n, p in files)
    assert DiskModelCatalog(tmp_path).all()[0].identity.sha256 == hashlib.sha256(lines).hexdigest()


def test_every_name_finds_the_model(tmp_path: Path) -> None:
    make_model(tmp_path / "Stable-diffusion" / "sub" / "b")
    catalog = DiskModelCatalog(tmp_path)
    model = catalog.all()[0]
    known = model.identity
    for name in (known.title, "sub/b", "sub_b", "b", known.short_hash, known.sha256):
        assert catalog.find(name) == model
    for name in ("", "B", "sub", known.sha256[:9], known.title.upper(), "../b"):
        assert catalog.find(name) is None


def test_the_list_changes_with_refresh(tmp_path: Path) -> None:
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    assert names(catalog) == []
    make_model(tmp_path / "m")
    assert names(catalog) == []
    catalog.refresh()
    assert names(catalog) == ["m"]
    before = catalog.all()[0].identity.sha256
    tensor_file(tmp_path / "m" / UNET, data=b"87654321")
    catalog.refresh()
    assert catalog.all()[0].identity.sha256 != before


def test_a_users_model_hides_the_builtin_of_its_name(tmp_path: Path) -> None:
    make_model(tmp_path / BUILTIN_NAME)
    (model,) = DiskModelCatalog(tmp_path).all()
    assert model.location == str(tmp_path / BUILTIN_NAME)


def drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def tensors(header: bytes) -> Callable[[Path], object]:
    return lambda folder: tensor_file(folder / UNET, header)


def pickle_only(folder: Path) -> None:
    (folder / UNET).rename(folder / "unet" / "diffusion_pytorch_model.bin")


def change_index(**entries: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "model_index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    return change


OVERLAP = json.dumps(
    {
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    }
).encode()
BROKEN = [
    (write("model_index.json", b"{"), "model_index.json is broken"),
    (write("model_index.json", b"[]"), "model_index.json is broken"),
    (write("model_index.json", b"[" * 200_000), "model_index.json is broken"),
    (write("model_index.json", b" " * 5_000_000), "too large"),
    (change_index(_class_name="Custom"), "'Custom'"),
    (change_index(_class_name=["StableDiffusionPipeline"]), "names a ['StableDiffusionPipeline']"),
    (write("unet/config.json", b'{"in_channels": "four"}'), "in_channels is 'four' and no number"),
    (change_index(unet=["my_code", "X"]), "never run"),
    (change_index(unet=[["diffusers"], "X"]), "never run"),
    (change_index(vae=[None, None]), "names no vae"),
    (change_index(vae=3), "names no vae"),
    (drop(UNET), "unet has no .safetensors file"),
    (drop("vae/config.json"), "vae/config.json is missing"),
    (drop("tokenizer/tokenizer.json"), "vocab.json is missing"),
    (drop("scheduler/scheduler_config.json"), "scheduler_config.json is missing"),
    (pickle_only, "diffusion_pytorch_model.bin is a pickle"),
    (
        write("unet/x.safetensors.index.json", b'{"weight_map": {"w": "gone.safetensors"}}'),
        "gone.safetensors is missing",
    ),
    (write("unet/x.safetensors.index.json", b'{"weight_map": {"w": "../x"}}'), "not a file beside it"),
    (write("unet/x.safetensors.index.json", b"{}"), "no weight_map"),
    (write(UNET, b""), "cut off"),
    (write(UNET, struct.pack("<Q", 2**63) + b"{}"), "is no safetensors file"),
    (write(UNET, b"\x80\x04\x95cos\nsystem" * 3), "is no safetensors file"),
    (write(UNET, struct.pack("<Q", 5000) + b"{}"), "cut off"),
    (tensors(b"{"), "broken header"),
    (tensors(b"[]"), "broken header"),
    (tensors(b"[" * 200_000), "broken header"),
    (tensors(b'{"w": 3}'), "broken header"),
    (tensors(b'{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}'), "broken header"),
    (tensors(b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}'), "broken header"),
    (tensors(b'{"w":{"dtype":"F32","shape":[-2],"data_offsets":[8,0]}}'), "broken header"),
    (tensors(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'), "cut off"),
    (tensors(OVERLAP), "overlap"),
]


@pytest.mark.parametrize(("damage", "sentence"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_folder_is_told_and_not_listed(
    tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    damage(make_model(tmp_path / "m"))
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    assert catalog.all() == ()
    (problem,) = catalog.problems()
    assert problem.name == "m"
    assert sentence in problem.message
    assert "\n" not in problem.message


def test_metadata_and_half_precision_are_fine(tmp_path: Path) -> None:
    header = b'{"__metadata__":{"a":"b"},"w":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}'
    tensors(header)(make_model(tmp_path / "m"))
    assert names(DiskModelCatalog(tmp_path, builtin=False)) == ["m"]


def test_links_out_of_the_models_folder_are_refused(tmp_path: Path) -> None:
    outside = make_model(tmp_path / "outside")
    models = tmp_path / "models"
    models.mkdir()
    (models / "linked").symlink_to(outside)
    inner = make_model(models / "inner")
    (inner / "vae" / "config.json").unlink()
    (inner / "vae" / "config.json").symlink_to(outside / "vae" / "config.json")
    catalog = DiskModelCatalog(models, builtin=False)
    assert catalog.all() == ()
    assert [problem.name for problem in catalog.problems()] == ["inner", "linked"]
    assert all("leads out of the models folder" in problem.message for problem in catalog.problems())
    assert not any(str(tmp_path) in problem.message for problem in catalog.problems())


def test_links_inside_and_circles_are_fine(tmp_path: Path) -> None:
    make_model(tmp_path / "a" / "m")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert names(DiskModelCatalog(tmp_path, builtin=False)) == ["a/m"]


def test_a_copy_of_the_builtin_passes(tmp_path: Path) -> None:
    shutil.copytree(BUILTIN_FOLDER, tmp_path / "copy")
    check_diffusers_folder(tmp_path / "copy", tmp_path)
    (tmp_path / "copy" / UNET).unlink()
    with pytest.raises(ModelError, match="unet"):
        check_diffusers_folder(tmp_path / "copy", tmp_path)


def test_an_inpainting_model_is_known_by_what_its_network_takes(tmp_path: Path) -> None:
    plain, other = make_model(tmp_path / "plain"), make_model(tmp_path / "with-mask")
    (plain / "unet" / "config.json").write_text('{"in_channels": 4}')
    (other / "unet" / "config.json").write_text('{"in_channels": 9}')
    models = DiskModelCatalog(tmp_path, builtin=False).all()
    assert [(ref.identity.name, ref.inpainting) for ref in models] == [("plain", False), ("with-mask", True)]


def test_a_catalog_of_fixed_models() -> None:
    catalog = FakeModelCatalog([ModelRef(ModelIdentity("fake-model", "ab" * 32), "nowhere")])
    assert catalog.problem("other") is None
    assert catalog.problems() == ()
    assert catalog.report(catalog.all()[0]).path == "fake-model"
    (model,) = catalog.all()
    catalog.refresh()
    assert len(model.identity.sha256) == 64
    assert catalog.find("fake-model") == model
    assert catalog.find(model.identity.title) == model
    assert catalog.find("other") is None


def test_the_family_of_a_folder(tmp_path: Path) -> None:
    for name in ("sd1", "sd2", "sdxl", "sdxl-refiner"):
        folder = make_model(tmp_path / name)
        for second in ("text_encoder_2", "tokenizer_2"):
            shutil.copytree(folder / second.removesuffix("_2"), folder / second)
    (tmp_path / "sd2" / "text_encoder" / "config.json").write_text('{"hidden_act": "gelu"}')
    second = {name: ["transformers", "X"] for name in ("text_encoder_2", "tokenizer_2")}
    change_index(_class_name="StableDiffusionXLPipeline", **second)(tmp_path / "sdxl")
    none = {name: [None, None] for name in ("text_encoder", "tokenizer")}
    change_index(_class_name="StableDiffusionXLImg2ImgPipeline", **second, **none)(tmp_path / "sdxl-refiner")
    models = DiskModelCatalog(tmp_path, builtin=False).all()
    assert [ref.family for ref in models] == [ref.identity.name for ref in models]
    (tmp_path / "sdxl-refiner" / "tokenizer_2" / "tokenizer.json").unlink()
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    assert "vocab.json is missing" in str(catalog.problem("sdxl-refiner"))
    assert catalog.problem("sdxl") is None


def test_a_tokenizer_in_its_original_files(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).write_text("")
    assert names(DiskModelCatalog(tmp_path, builtin=False)) == ["m"]


def test_what_the_headers_of_a_model_say_without_where_it_lies(tmp_path: Path) -> None:
    make_model(tmp_path / "sub" / "m")
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    [model] = catalog.all()
    report = catalog.report(model)
    assert (report.path, report.layout, report.family) == ("sub/m", "folder", "Stable Diffusion 1.x")
    assert catalog.report(model) is report
    (tmp_path / "sub" / "m" / "vae" / "config.json").unlink()
    catalog.refresh()
    assert catalog.report(model).problem == "sub/m/vae/config.json is missing; get the whole folder again"
    assert [problem.message for problem in catalog.problems()] == [catalog.report(model).problem]
