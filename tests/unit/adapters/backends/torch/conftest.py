"""The built-in model and a stub, loaded once; and an application around each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.application import Application
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.bootstrap import bootstrap
from adapters.models.catalog_disk import BUILTIN_FOLDER
from adapters.settings import load_settings
from core.domain.flow_families import FLOW_FAMILIES
from serena import Serena
from tests.unit.adapters.backends.torch.rig import CPU, reference, stub_folder

BACKEND: dict[str, Any] = {"name": "torch", "device": "cpu", "threads": 1, "max_runs": 2}


@pytest.fixture(scope="session")
def demo_app(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """What ``demo`` opens."""
    return bootstrap(load_settings(data_dir=tmp_path_factory.mktemp("demo"), backend=BACKEND))


@pytest.fixture(scope="session")
def demo(demo_app: Application) -> Iterator[Serena]:
    """Draws with the built-in model, two runs at once."""
    with Serena(application=demo_app) as serena:
        yield serena


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of random weights. Do not change it."""
    return stub_folder(tmp_path_factory.mktemp("stub"))


@pytest.fixture(scope="session")
def stub_model(stub: Path) -> LoadedModel:
    return load_model(reference(stub), CPU, torch.float32)


@pytest.fixture(scope="session")
def demo_model() -> LoadedModel:
    return load_model(reference(BUILTIN_FOLDER), CPU, torch.float32)


@pytest.fixture(scope="session")
def flow_stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with every flow family in both layouts. Do not change it."""
    out = tmp_path_factory.mktemp("flows")
    for family in FLOW_FAMILIES:
        stub_folder(out, family)
    return out
