"""Checkpoints from one layout or number format to another: the same weights come out."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.converting.convert import convert
from adapters.backends.torch.converting.draft import Draft, save
from adapters.backends.torch.converting.other_layout import file_of_folder, folder_of_file
from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.families.parts import Parts
from adapters.backends.torch.model import load_model
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.report import report_on
from core.domain.errors import ModelError
from core.domain.families import REFINER, SD2
from core.domain.flow_families import FLUX
from tests.unit.adapters.backends.torch.rig import CPU, stub_folder

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


def quiet(done: int, total: int) -> None:
    """Nobody looks."""


def converted(source: Path, target: Path, precision: str | None = None, force: bool = False) -> Path:
    convert(report_on(source), target, precision, quiet, force=force)
    return target


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stubs in both layouts. Do not change them."""
    out = tmp_path_factory.mktemp("convert")
    for family in ("sd15-lcm", "sdxl"):
        stub_folder(out, family)
    return out


@pytest.mark.parametrize("family", ["sd15-lcm", "sdxl"])
def test_there_and_back_is_the_same_file(stubs: Path, tmp_path: Path, family: str) -> None:
    folder, file = stubs / f"{family}-stub", stubs / f"{family}-stub.safetensors"
    alone = converted(folder, tmp_path / "one.safetensors")
    weights, same = load_file(file), load_file(alone)
    assert weights.keys() == same.keys()
    assert all(torch.equal(same[name], x) for name, x in weights.items())
    back = converted(alone, tmp_path / "two")
    for path in sorted(folder.rglob("*.safetensors")):
        mine, theirs = load_file(back / path.relative_to(folder)), load_file(path)
        assert all(torch.equal(mine[name], x) for name, x in theirs.items())
    index, before = (json.loads((one / "model_index.json").read_text()) for one in (back, folder))
    assert index["_class_name"] == before["_class_name"]
    catalog = DiskModelCatalog(tmp_path, builtin=False)
    assert catalog.problems() == ()
    first, second = (load_model(ref, CPU, torch.float32) for ref in catalog.all())
    assert first.family == second.family
    assert (first.prediction, first.sigmas) == (second.prediction, second.sigmas)
    assert first.tokenizer("red cat").input_ids == second.tokenizer("red cat").input_ids


def test_a_number_format_is_changed_in_either_layout(stubs: Path, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    target = tmp_path / "half.safetensors"
    source = stubs / "sdxl-stub.safetensors"
    convert(report_on(source), target, "fp16", lambda done, total: heard.append((done, total)))
    assert report_on(target).precision == ("F16",)
    assert report_on(target).bytes < report_on(source).bytes * 0.55
    assert heard[-1][0] == heard[-1][1]
    folder = converted(stubs / "sdxl-stub", tmp_path / "narrow", "bf16")
    report = report_on(folder)
    assert (report.precision, report.problem) == (("BF16",), None)
    names = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        p.relative_to(stubs / "sdxl-stub") for p in (stubs / "sdxl-stub").rglob("*") if p.is_file()
    }


def test_numbers_that_do_not_fit_are_told_and_nothing_is_left_behind(tmp_path: Path) -> None:
    save_file({"big": torch.tensor([1e6]), "count": torch.tensor([3])}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="big has numbers that do not fit fp16"):
        converted(tmp_path / "a.safetensors", tmp_path / "b.safetensors", "fp16")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    wide = load_file(converted(tmp_path / "a.safetensors", tmp_path / "b.safetensors", "bf16"))
    assert (wide["big"].dtype, wide["count"].dtype) == (torch.bfloat16, torch.int64)


def test_what_is_there_already_stays_unless_it_may_go(tmp_path: Path) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_file({"x": torch.ones(2)}, source)
    target.write_bytes(b"mine")
    with pytest.raises(ModelError, match=r"b\.safetensors is there already; .* --force"):
        converted(source, target)
    assert target.read_bytes() == b"mine"
    assert load_file(converted(source, target, force=True))["x"].tolist() == [1.0, 1.0]
    for place in (source, source / "within", tmp_path):
        with pytest.raises(ModelError, match="what it would be made from"):
            converted(source, place, force=True)
    other = tmp_path / "pictures"
    other.mkdir()
    (other / "cat.png").write_bytes(b"mine")
    with pytest.raises(ModelError, match="a folder of other things"):
        save({other: Draft(texts={"model_index.json": b"{}"})}, None, quiet, force=True)
    with pytest.raises(ModelError, match="a folder of other things"):
        save({other: Draft()}, None, quiet, force=True)
    assert (other / "cat.png").read_bytes() == b"mine"


def test_a_folder_is_not_replaced_by_what_goes_beside_the_file_made_of_it(
    stubs: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(stubs / "sd15-lcm-stub", tmp_path / "mine")
    with pytest.raises(ModelError, match=r"mine, which would be written, is what it would be made from"):
        converted(source, tmp_path / "mine.safetensors", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert report_on(source).problem is None


def test_what_lies_beside_a_file_goes_with_it(tmp_path: Path) -> None:
    source = tmp_path / "a.safetensors"
    save_file({"x": torch.ones(2)}, source)
    (tmp_path / "a.yaml").write_text("parameterization: v")
    for place in ("scheduler/scheduler_config.json", "vae/config.json", "notes/x.txt", "model_index.json"):
        (tmp_path / "a" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / place).write_text("{}")
    for part in ("vae", "unet"):
        (tmp_path / "a" / part).mkdir(exist_ok=True)
        save_file({"y": torch.ones(2)}, tmp_path / "a" / part / "model.safetensors")
    report = replace(report_on(source), missing=("vae",))
    convert(report, tmp_path / "b.safetensors", "fp16", quiet)
    assert (tmp_path / "b.yaml").read_text() == "parameterization: v"
    names = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "b").rglob("*.*"))
    assert names == ["b/scheduler/scheduler_config.json", "b/vae/config.json", "b/vae/model.safetensors"]


@pytest.mark.parametrize(("precision", "wanted"), [("fp16", "F32"), (None, "F16")])
def test_what_does_not_fit_is_told_in_another_layout_too(
    stubs: Path, tmp_path: Path, precision: str | None, wanted: str
) -> None:
    source = shutil.copytree(stubs / "sd15-lcm-stub", tmp_path / "mine")
    path = source / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["decoder.conv_in.bias"][0] = 1e6
    save_file(weights, path)
    report = replace(report_on(source), precision=(wanted, "F32"))
    with pytest.raises(ModelError, match="has numbers that do not fit fp16"):
        convert(report, tmp_path / "half.safetensors", precision, quiet)


def test_a_folder_of_pieces_and_variants_is_replaced_as_a_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "model", tmp_path / "target"
    for part in ("unet", "vae", "tokenizer"):
        (source / part).mkdir(parents=True)
    (source / "model_index.json").write_text("{}")
    (source / "tokenizer" / "merges.txt").write_text("a b")
    for number in (1, 2):
        save_file({f"x{number}": torch.ones(1)}, source / "unet" / f"model-0000{number}-of-00002.safetensors")
    places = {"weight_map": {f"x{n}": f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}}
    (source / "unet" / "model.safetensors.index.json").write_text(json.dumps(places))
    save_file({"y": torch.ones(1)}, source / "vae" / "model.fp16.safetensors")
    (source / "vae" / "model.bin").write_bytes(b"\\x80")
    (target / "old").mkdir(parents=True)
    (target / "model_index.json").write_text("{}")
    converted(source, target, "bf16", force=True)
    names = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert names == [
        "model_index.json",
        "tokenizer/merges.txt",
        "unet/model-00001-of-00002.safetensors",
        "unet/model-00002-of-00002.safetensors",
        "unet/model.safetensors.index.json",
        "vae/model.safetensors",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "target"]


@dataclass(frozen=True)
class Bare:
    """A network without weights."""

    config: dict[str, Any]

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {}


def bare(family: str, **scheduler: Any) -> Parts:
    blocks = {"down_block_types": [], "up_block_types": [], "layers_per_block": 1, "in_channels": 4}
    text = Bare({"vocab_size": 49408})
    networks = {"unet": Bare(blocks), "vae": Bare({"block_out_channels": [], "layers_per_block": 1})}
    texts = {one.part: text for one in FAMILIES[family].encoders}
    return Parts(FAMILIES[family], {**networks, **texts}, {}, scheduler)


def test_a_refiner_has_no_first_text_encoder() -> None:
    index = json.loads(folder_of_file(bare(REFINER)).texts["model_index.json"])
    assert index["_class_name"] == "StableDiffusionXLImg2ImgPipeline"
    assert index["text_encoder"] == index["tokenizer"] == [None, None]
    assert index["force_zeros_for_empty_prompt"] is False


def test_a_single_file_says_what_it_predicts_and_where_its_noise_ends() -> None:
    whole, beside = file_of_folder(bare(SD2, prediction_type="v_prediction", rescale_betas_zero_snr=True))
    assert [one.name for one in whole.weights[""].weights] == ["ztsnr"]
    assert whole.weights[""].metadata == {"modelspec.prediction_type": "v"}
    assert "scheduler/scheduler_config.json" not in beside.texts
    taught = file_of_folder(bare(SD2, timestep_spacing="trailing"))[1]
    assert "scheduler/scheduler_config.json" in taught.texts


def test_a_transformer_keeps_its_layout() -> None:
    with pytest.raises(
        ModelError, match=r"a Flux\.1 dev model can change its number format and not its layout"
    ):
        folder_of_file(bare(FLUX))
