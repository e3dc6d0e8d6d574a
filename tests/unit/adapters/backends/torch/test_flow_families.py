"""Every flow family in both layouts: loaded with the same weights, and drawn as diffusers' pipeline does."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.families.flow_configs import shape_of
from adapters.backends.torch.families.flow_parts import check_inputs
from adapters.backends.torch.families.flux_names import flux_names
from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.flow.long_text import MOST_TOKENS, LongTextEncoder
from adapters.backends.torch.flow.prompts import prompts_of
from adapters.backends.torch.flow.transformers import packed, transformer_network, unpacked
from adapters.backends.torch.hook_drafts import TorchResiduals
from adapters.backends.torch.lora.applying import with_loras
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.same_latents import check_latents
from adapters.backends.torch.text import TextOptions
from adapters.backends.torch.vaes import read_vae
from adapters.models.catalog_disk import DiskModelCatalog
from core.domain.errors import InvalidValue, ModelError
from core.domain.flow_families import FLOW_FAMILIES
from core.domain.model import ModelIdentity, ModelRef
from core.prompt.emphasis import Emphasis
from tests.unit.adapters.backends.torch.against_flow import PROMPT, asking, ours, theirs
from tests.unit.adapters.backends.torch.rig import CPU, reference
from tests.unit.adapters.backends.torch.test_families import CLOSE, told_difference

FAMILIES_DRAWN = tuple(FLOW_FAMILIES)
SAME = {"axes_dims_rope", "sample_size", "attention_head_dim", "num_attention_heads", "axes_lens"}
OPTIONS = TextOptions(Emphasis.NO_NORM, 1, 20, t5=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # diffusers' own


@pytest.fixture(scope="module")
def stubs(flow_stubs: Path) -> Path:
    return flow_stubs


@functools.cache
def folder_model(folder: Path) -> LoadedModel:
    return load_model(reference(folder), CPU, torch.float32)


def file_model(path: Path) -> LoadedModel:
    return load_model(ModelRef(ModelIdentity(path.name, "0" * 64), str(path)), CPU, torch.float32)


def networks(model: LoadedModel) -> list[Any]:
    long = None if model.long is None else model.long[1]
    return [model.unet, model.vae, model.text_encoder, model.text_encoder_2, long]


def difference(model: LoadedModel, folder: Path, negative: str, *, t5: bool = True) -> float:
    """Between the two latents, in spreads of one."""
    mine, other = ours(model, negative, t5=t5), theirs(model, folder, negative, t5=t5)
    return float((mine - other).abs().max() / other.std())


@pytest.mark.parametrize("family", FAMILIES_DRAWN)
def test_it_draws_as_the_pipeline_of_diffusers_does(stubs: Path, family: str) -> None:
    folder = stubs / f"{family}-stub"
    found = difference(folder_model(folder), folder, "blue")
    assert found <= CLOSE
    assert found <= told_difference(FLOW_FAMILIES[family].title)


@pytest.mark.parametrize("family", FAMILIES_DRAWN)
def test_a_single_file_is_the_same_model_as_its_folder(stubs: Path, family: str) -> None:
    folder = stubs / f"{family}-stub"
    catalog = DiskModelCatalog(stubs, builtin=False)
    found = catalog.find(f"{family}-stub.safetensors")
    assert found is not None
    assert (found.family, found.prediction) == (family, "flow")
    model, file = folder_model(folder), load_model(found, CPU, torch.float32)
    for one, other in zip(networks(model), networks(file), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            weights, same = one.state_dict(), other.state_dict()
            assert weights.keys() == same.keys()
            assert all(torch.equal(weights[key], same[key]) for key in weights)
    assert (file.family, file.shift, file.prediction) == (model.family, model.shift, model.prediction)
    assert file.vae.config.scaling_factor == model.vae.config.scaling_factor
    assert file.weight_bytes == model.weight_bytes


def test_without_guidance_and_without_t5(stubs: Path) -> None:
    folder = stubs / "sd3-stub"
    assert difference(folder_model(folder), folder, "", t5=False) <= CLOSE
    assert difference(folder_model(stubs / "flux-stub"), stubs / "flux-stub", "") <= CLOSE


@pytest.mark.parametrize("family", FAMILIES_DRAWN)
def test_rows_do_not_depend_on_their_neighbours(stubs: Path, family: str) -> None:
    """Whatever the length of their texts, and with an odd side."""
    model = folder_model(stubs / f"{family}-stub")
    texts = prompts_of(model).encode(("a dog", "a dog and a much longer cat"), OPTIONS)
    x = torch.randn((2, model.latent_channels, 7, 6), generator=torch.Generator().manual_seed(1))
    longest = max(text.context.shape[0] for text in texts)
    contexts = [
        torch.nn.functional.pad(text.context, (0, 0, 0, longest - text.context.shape[0])) for text in texts
    ]
    vectors = [
        None
        if text.pooled is None
        else torch.cat([text.pooled, torch.full((model.family.sizes.count,), 3.5)])
        for text in texts
    ]
    told = None if vectors[0] is None else torch.stack([one for one in vectors if one is not None])
    with asking() as member, torch.inference_mode():
        network = transformer_network(model, member, 0.0)
        together = network(x, 500.0, torch.stack(contexts), told)
        for i, text in enumerate(texts):
            own = None if told is None else told[i : i + 1]
            alone = network(x[i : i + 1], 500.0, text.context[None], own)
            assert (together[i : i + 1] - alone).abs().max() <= 1e-5 * alone.std()
        with pytest.raises(InvalidValue, match="residuals"):
            network(x, 500.0, torch.stack(contexts), told, TorchResiduals(down=(), mid=x))
    assert together.shape == x.shape


def test_patches_are_packed_and_unpacked() -> None:
    x = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    assert packed(x).shape == (2, 6, 12)
    assert torch.equal(unpacked(packed(x), 4, 6), x)


@pytest.mark.parametrize("family", ["qwen-image", "flux2-klein"])
def test_latents_of_other_vaes_are_brought_to_the_same_measure(stubs: Path, family: str) -> None:
    """Also with an odd side; one picture beside another is what it is alone."""
    vae = folder_model(stubs / f"{family}-stub").vae
    pixels = torch.rand((2, 3, 56, 48), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        latent = vae.encode(pixels).latent_dist.mean
        assert latent.shape == (2, vae.config.latent_channels, 7, 6)
        alone = vae.encode(pixels[1:]).latent_dist.mean
        assert torch.allclose(latent[1:], alone, atol=1e-4)
        assert vae.decode(latent).sample.shape == pixels.shape


def test_emphasis_weighs_t5_and_is_only_read_by_a_language_model(stubs: Path) -> None:
    model = folder_model(stubs / "flux-stub")
    assert model.long is not None
    t5 = LongTextEncoder(FAMILIES["flux"].flow.long, *model.long, CPU)  # type: ignore[union-attr]
    plain, heavy = t5.encode("red", Emphasis.ORIGINAL), t5.encode("(red:2)", Emphasis.ORIGINAL)
    assert torch.allclose(plain[:1] * 2, heavy[:1])
    assert torch.equal(plain[-1], heavy[-1])
    assert not torch.allclose(t5.encode("(red:2)", Emphasis.NONE)[:1], heavy[:1])
    assert t5.calls == 3
    assert torch.equal(t5.encode("red", Emphasis.ORIGINAL), plain)
    assert t5.calls == 3
    prompts = prompts_of(folder_model(stubs / "z-image-stub"))
    one, other, third = prompts.encode(("red", "(red:2)", "red BREAK"), OPTIONS)
    assert torch.equal(one.context, other.context)
    assert third.context.shape[0] > one.context.shape[0]
    assert prompts.calls == 3
    assert all(prompts_of(folder_model(stubs / f"{name}-stub")).calls == 0 for name in ("sd3", "flux"))


def test_only_the_last_texts_are_remembered(stubs: Path) -> None:
    model = folder_model(stubs / "z-image-stub")
    assert model.long is not None
    encoder = LongTextEncoder(FAMILIES["z-image"].flow.long, *model.long, CPU, kept=1)  # type: ignore[union-attr]
    for text in ("red", "red", "blue", "red"):
        encoder.encode(text, Emphasis.NONE)
    assert encoder.calls == 3


def test_a_text_beyond_all_measure_is_refused(stubs: Path) -> None:
    prompts = prompts_of(folder_model(stubs / "z-image-stub"))
    with pytest.raises(InvalidValue, match=f"at most {MOST_TOKENS}"):
        prompts.encode(("x" * MOST_TOKENS,), OPTIONS)


def test_what_only_unets_do_is_refused(stubs: Path, tmp_path: Path) -> None:
    model = folder_model(stubs / "flux-stub")
    with asking() as member, pytest.raises(InvalidValue, match="only UNets merge tokens"):
        transformer_network(model, member, 0.5)
    with pytest.raises(ModelError, match=r"over the transformer of Flux\.1 dev none can be laid yet"):
        with_loras(model, [])
    with pytest.raises(ModelError, match="of a kind of its own"):
        read_vae(tmp_path / "any", folder_model(stubs / "qwen-image-stub").vae.config, CPU, torch.float32)


def test_weights_that_no_rule_knows_keep_their_names() -> None:
    """They are told as unknown where they are read."""
    odd = torch.zeros(1)
    assert flux_names({"odd.weight": odd}) == {"odd.weight": odd}
    with pytest.raises(ModelError, match="odd takes 5 channels; drawn with are those that take 4"):
        check_inputs(SimpleNamespace(config=SimpleNamespace(in_channels=5)), 4, "odd")


def test_latents_of_one_family_are_not_those_of_another(stubs: Path, stub_model: LoadedModel) -> None:
    check_latents(stub_model, stub_model, "refiner_checkpoint")
    flux, schnell, sd3 = (folder_model(stubs / f"{name}-stub") for name in ("flux", "flux-schnell", "sd3"))
    check_latents(flux, schnell, "refiner_checkpoint")
    with pytest.raises(InvalidValue, match=r"the latents of Flux\.1 dev are not those of Stable Diffusion 3"):
        check_latents(flux, sd3, "refiner_checkpoint")


def test_sd3_has_a_largest_side(stubs: Path) -> None:
    model = folder_model(stubs / "sd3-stub")
    [text] = prompts_of(model).encode((PROMPT,), OPTIONS)
    assert text.pooled is not None
    with asking() as member:
        network = transformer_network(model, member, 0.0)
        with pytest.raises(InvalidValue, match=r"width is 160; .* at most 128 pixels"):
            network(torch.zeros(1, 16, 8, 20), 500.0, text.context[None], text.pooled[None])


def alone(stubs: Path, family: str, out: Path, *without: str) -> Path:
    """The single file, with the configurations and tokenizers of its folder beside it."""
    path = Path(shutil.copy(stubs / f"{family}-stub.safetensors", out / "alone.safetensors"))
    for part in (stubs / f"{family}-stub").iterdir():
        if part.is_dir() and part.name not in without:
            shutil.copytree(part, out / "alone" / part.name, ignore=shutil.ignore_patterns("*.safetensors"))
    return path


def drop(path: Path, *prefixes: str) -> None:
    save_file({name: x for name, x in load_file(path).items() if not name.startswith(prefixes)}, path)


@pytest.mark.parametrize("family", FAMILIES_DRAWN)
def test_the_weights_of_a_file_tell_its_shape(stubs: Path, family: str) -> None:
    """Of what is the same in every model of a family, these have less."""
    prefix, weights = "model.diffusion_model.", load_file(stubs / f"{family}-stub.safetensors")
    own = {name.removeprefix(prefix): x for name, x in weights.items() if name.startswith(prefix)}
    config = folder_model(stubs / f"{family}-stub").unet.config
    told = shape_of(family, own)
    assert {key: told[key] for key in told.keys() - SAME} == {
        key: list(config[key]) if isinstance(config[key], tuple) else config[key]
        for key in told.keys() - SAME
    }


def test_long_texts_need_a_tokenizer_and_an_encoder(stubs: Path, tmp_path: Path) -> None:
    path = alone(stubs, "flux", tmp_path, "tokenizer_2", "text_encoder_2")
    [problem] = DiskModelCatalog(tmp_path, builtin=False).problems()
    assert "whose text_encoder_2 needs a tokenizer: put tokenizer.json" in problem.message
    with pytest.raises(ModelError, match=r"into alone/tokenizer_2$"):
        file_model(path)
    shutil.copytree(stubs / "flux-stub" / "tokenizer_2", tmp_path / "tokenizer_2")
    with pytest.raises(ModelError, match=r"text_encoder_2/config\.json beside it"):
        file_model(path)
    drop(path, "text_encoders.t5xxl")
    with pytest.raises(
        ModelError, match=r"put the T5 text encoder of a diffusers folder of Flux\.1 dev there"
    ):
        file_model(path)
    shutil.copytree(stubs / "flux-stub" / "text_encoder_2", tmp_path / "alone" / "text_encoder_2")
    assert file_model(path).long is not None


def test_sd3_does_without_t5(stubs: Path, tmp_path: Path) -> None:
    path = alone(stubs, "sd3", tmp_path, "tokenizer_3", "text_encoder_3")
    drop(path, "text_encoders.t5xxl", "first_stage_model.")
    shutil.copytree(stubs / "sd3-stub" / "vae", tmp_path / "alone" / "vae", dirs_exist_ok=True)
    model = file_model(path)
    assert model.long is None
    folder = stubs / "sd3-stub"
    mine, other = ours(model, "blue"), theirs(folder_model(folder), folder, "blue", t5=False)
    assert float((mine - other).abs().max() / other.std()) <= CLOSE


def test_a_folder_of_sd3_does_without_t5_too(stubs: Path, tmp_path: Path) -> None:
    without = shutil.ignore_patterns("*_3")
    folder = shutil.copytree(stubs / "sd3-stub", tmp_path / "without", ignore=without)
    index = json.loads((folder / "model_index.json").read_text())
    named = {name: [None, None] if name.endswith("_3") else entry for name, entry in index.items()}
    (folder / "model_index.json").write_text(json.dumps(named))
    [found] = DiskModelCatalog(tmp_path, builtin=False).all()
    assert load_model(found, CPU, torch.float32).long is None


def test_a_folder_of_another_scheduler_or_of_more_channels_is_refused(stubs: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(stubs / "flux-stub", tmp_path / "odd")
    scheduler = folder / "scheduler" / "scheduler_config.json"
    scheduler.write_text(json.dumps({"_class_name": "EulerDiscreteScheduler"}))
    with pytest.raises(ModelError, match="its scheduler is a EulerDiscreteScheduler"):
        load_model(reference(folder), CPU, torch.float32)
    shutil.rmtree(folder / "tokenizer_2")
    with pytest.raises(
        ModelError, match=r"put tokenizer_config\.json with tokenizer\.json .* into odd/tokenizer_2"
    ):
        load_model(reference(folder), CPU, torch.float32)


def test_half_precision_becomes_bfloat16(stubs: Path) -> None:
    model = load_model(reference(stubs / "flux-schnell-stub"), CPU, torch.float16)
    assert model.dtype is torch.bfloat16
    assert {x.dtype for network in networks(model) if network is not None for x in network.parameters()} == {
        torch.bfloat16
    }
