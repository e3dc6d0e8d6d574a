"""Every family in both layouts: loaded with the same weights, and drawn as the pipeline of diffusers does."""

from __future__ import annotations

import functools
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.model import LoadedModel, load_model
from adapters.models.catalog_disk import DiskModelCatalog
from core.domain.errors import ModelError
from core.domain.families import TITLES
from core.domain.model import ModelIdentity, ModelRef
from core.sampling.scalings import PredictionType
from serena import Serena
from tests.architecture.source_tree import ROOT
from tests.unit.adapters.backends.torch.against_diffusers import ours, theirs
from tests.unit.adapters.backends.torch.rig import CPU, distance, draw, reference, stub_folder

STUBS = ("sd15", "sd15-inpaint", "sd15-edit", "sd21", "sdxl", "sdxl-refiner")
DRAWN = ("sd15", "sd21", "sdxl", "sdxl-refiner")
CLOSE = 1e-4
NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
PAGE = ROOT / "docs" / "reference" / "models.md"

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with every family in both layouts. Do not change it."""
    out = tmp_path_factory.mktemp("families")
    for family in STUBS:
        stub_folder(out, family)
    return out


def single(folder: Path) -> ModelRef:
    """The single file beside a folder, as the catalog offers it."""
    found = DiskModelCatalog(folder.parent, builtin=False).find(f"{folder.name}.safetensors")
    assert found is not None
    return found


def load(ref: ModelRef) -> LoadedModel:
    return load_model(ref, CPU, torch.float32)


@pytest.mark.parametrize("family", STUBS)
def test_a_single_file_is_the_same_model_as_its_folder(stubs: Path, family: str) -> None:
    folder, file = load(reference(stubs / f"{family}-stub")), load(single(stubs / f"{family}-stub"))
    for name in NETWORKS:
        one, other = getattr(folder, name), getattr(file, name)
        assert (one is None) == (other is None)
        if one is not None:
            weights, same = one.state_dict(), other.state_dict()
            assert weights.keys() == same.keys()
            assert all(torch.equal(weights[key], same[key]) for key in weights)
    assert (file.family, file.prediction) == (folder.family, folder.prediction)
    assert file.vae.config.scaling_factor == folder.vae.config.scaling_factor
    assert file.input_channels == folder.input_channels


_theirs = functools.cache(theirs)


def difference(model: LoadedModel, folder: Path, negative: str) -> float:
    """Between the two latents, in spreads of one."""
    mine, other = ours(model, negative), _theirs(folder, negative or None)
    return float((mine - other).abs().max() / other.std())


@pytest.mark.parametrize("layout", ["folder", "single file"])
@pytest.mark.parametrize("family", DRAWN)
def test_it_draws_as_the_pipeline_of_diffusers_does(stubs: Path, family: str, layout: str) -> None:
    folder = stubs / f"{family}-stub"
    ref = reference(folder) if layout == "folder" else single(folder)
    found = difference(load(ref), folder, "blue")
    assert found <= CLOSE
    assert found <= told_difference(list(TITLES.values())[DRAWN.index(family)])


def test_an_empty_negative_prompt_of_sdxl_is_all_zeros(stubs: Path) -> None:
    folder = stubs / "sdxl-stub"
    model = load(reference(folder))
    assert difference(model, folder, "") <= CLOSE
    assert not torch.allclose(ours(model, ""), ours(model, "blue"), atol=1e-3)


def told_difference(title: str) -> float:
    """What the page says of the family: at most so much."""
    row = next(line for line in PAGE.read_text("utf-8").splitlines() if f"| {title} |" in line)
    found = re.search(r"([0-9.]+e-[0-9]+)", row)
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("family", ["sd21", "sdxl", "sdxl-refiner"])
def test_both_layouts_draw_one_picture_at_the_door(stubs: Path, tmp_path: Path, family: str) -> None:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    models = {"builtin": False, "dir": stubs}
    with Serena(backend=backend, data_dir=tmp_path, models=models) as serena:
        [folder], [file] = (
            draw(serena, "the red cat", steps=2, override_settings={"sd_model_checkpoint": name})
            for name in (f"{family}-stub", f"{family}-stub.safetensors")
        )
    assert distance(folder, file) <= 1


def test_a_refiner_takes_over_from_sdxl(stubs: Path, tmp_path: Path) -> None:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    models = {"builtin": False, "dir": stubs, "default": "sdxl-stub"}
    with Serena(backend=backend, data_dir=tmp_path, models=models) as serena:
        [plain] = draw(serena, "the red cat")
        [refined] = draw(serena, "the red cat", refiner_checkpoint="sdxl-refiner-stub", refiner_switch_at=0.5)
    assert distance(plain, refined) > 0


def file_alone(stubs: Path, family: str, out: Path) -> Path:
    """The single file with nothing beside it."""
    return Path(shutil.copy(stubs / f"{family}-stub.safetensors", out / "alone.safetensors"))


def test_what_does_not_have_the_shape_of_its_family_is_told(stubs: Path, tmp_path: Path) -> None:
    path = file_alone(stubs, "sd15", tmp_path)
    with pytest.raises(ModelError) as caught:
        load(single(path.with_suffix("")))
    told = str(caught.value)
    assert "the UNet of alone.safetensors, taken for that of Stable Diffusion 1.x" in told
    assert "alone/unet/config.json" in told


def beside(stubs: Path, family: str, path: Path, *leave_out: str) -> None:
    """The configurations and tokenizers of the folder, beside the file."""
    for part in (stubs / f"{family}-stub").iterdir():
        if part.is_dir() and part.name not in leave_out:
            target, weights = path.with_suffix("") / part.name, shutil.ignore_patterns("*.safetensors")
            shutil.copytree(part, target, ignore=weights)


def test_a_tokenizer_of_other_words_has_to_lie_beside(stubs: Path, tmp_path: Path) -> None:
    path = file_alone(stubs, "sd15", tmp_path)
    beside(stubs, "sd15", path, "tokenizer")
    with pytest.raises(ModelError, match=r"put the files of its tokenizer .* into alone/tokenizer beside it"):
        load(single(path.with_suffix("")))
    shutil.copytree(stubs / "sd15-stub" / "tokenizer", tmp_path / "tokenizer")
    assert load(single(path.with_suffix(""))).tokenizer("red").input_ids[1] != 0


def test_parts_that_the_file_has_not_come_from_the_folder_beside(stubs: Path, tmp_path: Path) -> None:
    path = file_alone(stubs, "sd15", tmp_path)
    weights = load_file(path)
    save_file({name: x for name, x in weights.items() if not name.startswith("first_stage")}, path)
    ref = ModelRef(ModelIdentity(path.name, "0" * 64), str(path), prediction="epsilon")
    beside(stubs, "sd15", path, "vae")
    with pytest.raises(ModelError, match=r"has no vae, and there is no alone/vae beside it"):
        load(ref)
    shutil.copytree(stubs / "sd15-stub" / "vae", path.with_suffix("") / "vae")
    assert load(single(path.with_suffix(""))).latent_channels == 4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop("model.diffusion_model.out.2.bias"), "has no conv_out.bias"),
        (
            lambda w: w.update({"cond_stage_model.transformer.text_model.odd": torch.zeros(1)}),
            "has a odd that such a model has not",
        ),
        (
            lambda w: w.update({"model.diffusion_model.out.2.bias": torch.zeros(9)}),
            "the conv_out.bias of the UNet of alone.safetensors",
        ),
    ],
)
def test_weights_that_are_not_those_of_the_family_are_named(
    stubs: Path, tmp_path: Path, change: object, sentence: str
) -> None:
    path = file_alone(stubs, "sd15", tmp_path)
    beside(stubs, "sd15", path)
    weights = load_file(path)
    change(weights)  # type: ignore[operator]
    save_file(weights, path)
    with pytest.raises(ModelError, match=re.escape(sentence)):
        load(single(path.with_suffix("")))


def test_zero_terminal_snr_of_a_file_and_of_a_folder(stubs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stubs / "sd21-stub", tmp_path / "zero")
    scheduler = folder / "scheduler" / "scheduler_config.json"
    scheduler.write_text(json.dumps({**json.loads(scheduler.read_text()), "rescale_betas_zero_snr": True}))
    weights = load_file(stubs / "sd21-stub.safetensors") | {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    save_file(weights, tmp_path / "marked.safetensors")
    shutil.copytree(folder, tmp_path / "marked", ignore=shutil.ignore_patterns("*.safetensors", "scheduler"))
    (tmp_path / "marked" / "model_index.json").unlink()
    both = load(reference(folder)), load(single(tmp_path / "marked"))
    assert [model.prediction for model in both] == [PredictionType("v_prediction")] * 2
    assert both[0].sigmas.sigma_max == both[1].sigmas.sigma_max > 4000
