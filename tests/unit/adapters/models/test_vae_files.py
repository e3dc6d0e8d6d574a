"""Which file the option ``sd_vae`` means, and what the infotext says of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.handed import HandedModels
from core.domain.errors import InvalidValue
from core.domain.model import ModelIdentity, ModelRef
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


def test_a_backend_with_models_of_its_own_has_none_in_files() -> None:
    model = ModelRef(ModelIdentity("one", "ab" * 32), "nowhere")
    assert FakeModelCatalog((model,)).vae(model, "good") is None
