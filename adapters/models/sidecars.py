"""What lies beside a single-file checkpoint and says more of it.

For ``name.safetensors``: ``name.yaml`` (its original configuration), and a folder ``name/`` in the layout of
diffusers, of which any part may be there: configurations, a tokenizer, parts that the file has not.
"""

from __future__ import annotations

import re
from pathlib import Path

from adapters.models.check import read_json
from core.domain.errors import ModelError
from core.domain.families import EPSILON, V_PREDICTION

PARTS = ("vae", "text_encoder", "text_encoder_2", "text_encoder_3")
_MAX_YAML = 256 * 1024
_PARAMETERIZATION = re.compile(r"^\s*parameterization\s*:\s*[\"']?(\w+)", re.MULTILINE)
_PREDICTIONS = {"v": V_PREDICTION, "eps": EPSILON, V_PREDICTION: V_PREDICTION, EPSILON: EPSILON}


def config_beside(path: Path) -> Path | None:
    """Its ``.yaml``, if there is one."""
    config = path.with_suffix(".yaml")
    return config if config.is_file() else None


def folder_beside(path: Path) -> Path:
    return path.with_suffix("")


def prediction_beside(path: Path) -> str | None:
    """What the files beside it say that its network answers. Raises ``ModelError`` for an unknown word."""
    scheduler = folder_beside(path) / "scheduler" / "scheduler_config.json"
    said = read_json(scheduler).get("prediction_type") if scheduler.is_file() else None
    config = config_beside(path)
    if said is None and config is not None:
        found = _PARAMETERIZATION.search(_text(config))
        said = found[1] if found else None
    if said is not None and said not in _PREDICTIONS:
        raise ModelError(f"the files beside {path} name the prediction {said!r}; it must be epsilon or v")
    return _PREDICTIONS.get(str(said))


def parts_beside(path: Path) -> frozenset[str]:
    """The parts of which the folder beside it has weights."""
    folder = folder_beside(path)
    return frozenset(name for name in PARTS if any((folder / name).glob("*.safetensors")))


def _text(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_YAML)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
