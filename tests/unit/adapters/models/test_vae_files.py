"""Which file the option ``sd_vae`` means, and what the infotext says of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.handed import HandedModels
from adapters.models.vae_files import check_vae
from adapters.options.styles_memory import MemoryStyleLibrary
from core.domain.errors import InvalidValue, ModelError
from core.domain.limits import RequestLimits
from core.domain.model import ModelIdentity, ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import GenerationRequest, Kind
from core.jobs.acceptance import Acceptance
from core.stages.lookup import chosen_vae
from tests.unit.adapters.models.test_single_files import SD1, write


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with one checkpoint and two VAEs."""
    write(tmp_path / "Stable-diffusion" / "one.safetensors", SD1)
    for name in ("good.safetensors", "sub/other.safetensors"):
        write(tmp_path / "VAE" / name, {"encoder.x": (len(name),)})
    (tmp_path / "VAE" / "old.pt").write_bytes(b"\x80\x04")
    return tmp_path


def named(models: Path, option: str) -> str | None:
    catalog = DiskModelCatalog(models, builtin=False)
    [model] = catalog.all()
    found = HandedModels(catalog).vae(model, option)
    return None if found is None else found.name


def test_by_its_name_with_or_without_extension_and_with_its_hash(models: Path) -> None:
    assert named(models, "good") == named(models, "good.safetensors") == "good.safetensors"
    assert named(models, "other") == "other.safetensors"
    catalog = DiskModelCatalog(models, builtin=False)
    found = catalog.vae(catalog.all()[0], "good")
    assert found is not None
    sha256 = hashlib.sha256((models / "VAE" / "good.safetensors").read_bytes()).hexdigest()
    assert (found.sha256, found.short_hash) == (sha256, sha256[:10])


def test_none_and_automatic_without_one_that_is_named_so_are_the_checkpoints_own(models: Path) -> None:
    assert [named(models, option) for option in ("None", "Automatic", "")] == [None] * 3


def test_automatic_takes_what_is_named_after_the_checkpoint(models: Path) -> None:
    write(models / "VAE" / "one.best.safetensors", {"encoder.x": (1,)})
    assert named(models, "Automatic") == "one.best.safetensors"
    write(models / "Stable-diffusion" / "one.vae.safetensors", {"encoder.x": (2,)})
    assert named(models, "Automatic") == named(models, "one.vae") == "one.vae.safetensors"


@pytest.mark.parametrize("name", ["old.pt", "gone", "sub/other.safetensors", "../good"])
def test_an_unknown_name_is_told_with_those_that_there_are(models: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match=r"one of Automatic, None, good\.safetensors, other\.safetensors"):
        named(models, name)


def header(**shapes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {name.replace("__", "."): shape for name, shape in shapes.items()}


@pytest.mark.parametrize("name", ["decoder__conv_in__weight", "first_stage_model__decoder__conv_in__weight"])
def test_one_with_as_many_channels_as_the_model_fits(models: Path, name: str) -> None:
    write(models / "VAE" / "good.safetensors", header(**{name: (8, 4, 1, 1)}))
    assert named(models, "good") == "good.safetensors"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header(decoder__conv_in__weight=(8, 16, 1, 1)), "makes pictures of 16 channels; .* 1.x draws 4"),
        (header(lora_unet_x=(1,)), "is none: it has no weights of an encoder or a decoder"),
        (None, "is cut off: it has 7 bytes; get the file again"),
    ],
)
def test_one_whose_header_does_not_fit_is_refused_with_its_name_alone(
    models: Path, content: dict[str, tuple[int, ...]] | None, said: str
) -> None:
    if content is None:
        (models / "VAE" / "good.safetensors").write_bytes(b"nothing")
    else:
        write(models / "VAE" / "good.safetensors", content)
    with pytest.raises(ModelError, match=f"^the VAE good.safetensors {said}$"):
        named(models, "good")


def test_whose_mistake_it_is_depends_on_who_names_it(models: Path) -> None:
    """A request's own is refused before it is queued; the server's stands until a job draws with it."""
    write(models / "VAE" / "good.safetensors", header(lora_unet_x=(1,)))
    catalog, registry = DiskModelCatalog(models, builtin=False), OptionRegistry(OPTIONS)
    options = registry.values({"sd_vae": "good"})
    acceptance = Acceptance(
        options=lambda: options,
        models=catalog,
        styles=MemoryStyleLibrary(()),
        limits=RequestLimits(),
        random_seed=lambda: 1,
    )
    plain = GenerationRequest(kind=Kind.TXT2IMG, prompt="a")
    with pytest.raises(InvalidValue, match=r"^sd_vae is 'good'; the VAE good\.safetensors is none"):
        acceptance.freeze(replace(plain, override_settings={"sd_vae": "good"}))
    for option in ("None", "Automatic"):
        asked = replace(plain, override_settings={"sd_vae": option})
        assert dict(acceptance.freeze(asked).options).get("sd_vae", "Automatic") == option
    assert acceptance.freeze(plain).options == {"sd_vae": "good"}
    with pytest.raises(ModelError, match=r"^the VAE good\.safetensors is none"):
        chosen_vae(catalog, catalog.all()[0], plain, options)


def test_nothing_is_known_of_the_channels_of_an_unknown_family(tmp_path: Path) -> None:
    write(tmp_path / "x.safetensors", header(decoder__conv_in__weight=(8, 5, 1, 1)))
    check_vae(tmp_path / "x.safetensors", "of-a-plugin")
    with pytest.raises(ModelError, match=r"Flux\.2 klein draws 32$"):
        check_vae(tmp_path / "x.safetensors", "flux2-klein")


def test_a_backend_with_models_of_its_own_has_none_in_files() -> None:
    model = ModelRef(ModelIdentity("one", "ab" * 32), "nowhere")
    assert FakeModelCatalog((model,)).vae(model, "good") is None
