"""Where the golden values lie and how a test gets at them.

The folder: ``--golden-dir DIR``, else ``../shared/golden`` beside the repository, else the copy in
``data/``. A folder must hold every file; a key that it does not hold is simply no case.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FLOAT32_SCHEDULE = 1e-6
"""Relative tolerance where the reference computed its schedule in float32."""

EXACT = 1e-9
"""Relative tolerance elsewhere."""

FILES = ("prompts.json", "samplers.json", "samplers.npz", "masking.json", "masking_fill.npz")

_HERE = Path(__file__).resolve().parent
_SHARED = _HERE.parents[2] / "shared"
_COPY = _HERE / "data"


def default_golden_dir() -> Path:
    """The shared recordings where they are, else the copy of a clean clone."""
    shared = _SHARED / "golden"
    return shared if shared.is_dir() else _COPY


def oracle_dir() -> Path:
    """The folder of numbers straight from the reference's functions (sigmas, prompts, infotext-parse)."""
    shared = _SHARED / "recorded" / "oracle"
    return shared if shared.is_dir() else _COPY / "oracle"


class Golden:
    """One folder of golden values. Reading a file that is not there raises FileNotFoundError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._json = cache(self._read_json)
        self._arrays = cache(self._read_arrays)

    def _read_json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def _read_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        with np.load(self.folder / name) as archive:
            return {key: archive[key] for key in archive.files}

    def json(self, name: str) -> Any:
        """The parsed file, read once."""
        return self._json(name)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Every array of an .npz file, read once."""
        return self._arrays(name)

    def keys(self, name: str, prefix: str = "") -> list[str]:
        """The keys of an .npz file that start with ``prefix``; none when the file is missing.

        For parametrizing: a missing file must fail a test, not the collection.
        """
        try:
            return [key for key in self.arrays(name) if key.startswith(prefix)]
        except FileNotFoundError:
            return []

    def items(self, name: str) -> list[Any]:
        """The entries of a .json file that is a list; none when the file is missing."""
        try:
            return list(self.json(name))
        except FileNotFoundError:
            return []


_GOLDENS = pytest.StashKey[Golden]()


def golden_of(config: pytest.Config) -> Golden:
    """The folder this run was told to use."""
    if _GOLDENS not in config.stash:
        chosen = config.getoption("--golden-dir")
        config.stash[_GOLDENS] = Golden(Path(chosen) if chosen else default_golden_dir())
    return config.stash[_GOLDENS]


def parametrize_keys(metafunc: pytest.Metafunc, fixture: str, file: str, prefix: str) -> None:
    """One test per key of an .npz file: call from ``pytest_generate_tests`` of a test module."""
    if fixture in metafunc.fixturenames:
        metafunc.parametrize(fixture, golden_of(metafunc.config).keys(file, prefix))


def parametrize_items(metafunc: pytest.Metafunc, fixture: str, file: str) -> None:
    """One test per entry of a .json file that is a list, named by its position."""
    if fixture in metafunc.fixturenames:
        items = golden_of(metafunc.config).items(file)
        metafunc.parametrize(fixture, items, ids=[str(i) for i in range(len(items))])


def assert_close(actual: Any, expected: Any, relative: float) -> None:
    """Every number within ``relative`` of the expected one; zero and values near it measured against the
    largest."""
    expected = np.asarray(expected, dtype=np.float64)
    scale = float(np.max(np.abs(expected), initial=0.0))
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=relative, atol=relative * scale)
