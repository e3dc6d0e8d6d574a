"""An old web UI's config.json: read where it fits, and left as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.bootstrap import bootstrap
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.options.store_disk import OPTIONS_FILE
from adapters.options.store_memory import MemoryOptionStore
from adapters.options.webui_config import CONFIG_FILE, read_webui_config
from adapters.settings import load_settings
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.ports.driving import EditOptions
from core.services.options import OptionEditor
from tests.unit.core.workshop import MODEL, OTHER_MODEL, through_json

MODELS = FakeModelCatalog((MODEL, OTHER_MODEL))


def read(folder: Path, content: Any) -> dict[str, Any]:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / CONFIG_FILE).write_bytes(text)
    return read_webui_config(folder, OptionRegistry(OPTIONS), MODELS)


def application_options(folder: Path) -> EditOptions:
    return bootstrap(load_settings(data_dir=folder, backend={"name": "fake"})).options


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert read_webui_config(tmp_path, OptionRegistry(OPTIONS), MODELS) == {}


def test_known_options_are_taken_in_their_types(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = {
        "samples_format": "jpg", "n_rows": "2", "hide_samplers": ["LMS"], "of_an_extension": {"deep": 1},
        "sd_model_checkpoint": OTHER_MODEL.identity.stem, "sd_checkpoint_hash": "x",
        "outdir_txt2img_samples": "mine/txt", "api_enable_requests": True,
    }  # fmt: skip
    assert read(tmp_path, content) == {
        "samples_format": "jpg", "n_rows": 2, "hide_samplers": ("LMS",),
        "sd_model_checkpoint": OTHER_MODEL.identity.title, "outdir_txt2img_samples": "mine/txt",
    }  # fmt: skip
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("samples_format", "gif"),
        ("jpeg_quality", 1000),
        ("return_grid", None),
        ("outdir_txt2img_samples", "/srv/pictures"),
        ("outdir_img2img_grids", "C:\\pictures"),
        ("outdir_init_images", "a/../../b"),
        ("sd_model_checkpoint", "gone.safetensors [0123456789]"),
    ],
)
def test_a_value_that_does_not_fit_is_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, value: Any
) -> None:
    assert read(tmp_path, {name: value, "n_rows": 3}) == {"n_rows": 3}
    assert [name in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_broken_file_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    assert read(tmp_path, content) == {}
    assert len(caplog.records) == 1


def test_a_folder_in_the_way_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / CONFIG_FILE).mkdir()
    assert read_webui_config(tmp_path, OptionRegistry(OPTIONS), MODELS) == {}
    assert len(caplog.records) == 1


def test_a_server_starts_over_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(b"{broken")
    assert application_options(tmp_path).get()["n_rows"] == -1
    assert (tmp_path / CONFIG_FILE).read_bytes() == b"{broken"


def test_defaults_then_config_then_own_changes(tmp_path: Path) -> None:
    old = json.dumps({"n_rows": 2, "jpeg_quality": 50, "grid_save": False}).encode()
    (tmp_path / CONFIG_FILE).write_bytes(old)
    (tmp_path / OPTIONS_FILE).write_text('{"jpeg_quality": 60}')
    options = application_options(tmp_path)
    shown = options.get()
    assert (shown["n_rows"], shown["jpeg_quality"], shown["samples_save"]) == (2, 60, True)
    options.set({"n_rows": -1, "jpeg_quality": 50, "grid_save": False})
    assert json.loads((tmp_path / OPTIONS_FILE).read_text()) == {"n_rows": -1}
    assert application_options(tmp_path).get()["n_rows"] == -1
    assert (tmp_path / CONFIG_FILE).read_bytes() == old


def test_what_is_shown_may_be_sent_back_and_stores_nothing() -> None:
    store = MemoryOptionStore()
    base = {"n_rows": 2, "sd_model_checkpoint": OTHER_MODEL.identity.title, "hide_samplers": ("LMS",)}
    options = OptionEditor(OptionRegistry(OPTIONS), store, MODELS, base=base)
    shown = through_json(dict(options.get()))
    options.set(shown)
    assert store.load() == {}
    assert through_json(dict(options.get())) == shown
    assert options.values().text("sd_model_checkpoint") == OTHER_MODEL.identity.title
