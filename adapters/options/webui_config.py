"""The ``config.json`` that an older web UI left in the data folder: read once, never written."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from core.domain.errors import InvalidValue
from core.domain.folders import folder_parts
from core.domain.options import HASH_OPTION, MODEL_OPTION, OptionRegistry, OptionSpec, OptionValue
from core.ports.driven import ModelCatalog

log = logging.getLogger("serena.options")

CONFIG_FILE = "config.json"
MAX_BYTES = 8 * 1024 * 1024


def read_webui_config(folder: Path, registry: OptionRegistry, models: ModelCatalog) -> dict[str, OptionValue]:
    """The options of the file that fit, by name; each that does not is left out with a warning.

    Options that the API may not change keep Serena's safe defaults. A file that cannot be understood counts
    as empty.
    """
    path = folder / CONFIG_FILE
    found: dict[str, OptionValue] = {}
    for name, value in _read(path).items():
        if name not in registry or name == HASH_OPTION or registry.spec(name).restricted:
            continue
        try:
            found[name] = _fitting(registry.spec(name), value, models)
        except InvalidValue as error:
            log.warning("%s is left out of %s: %s", name, path, error)
    return found


def _fitting(spec: OptionSpec, value: OptionValue, models: ModelCatalog) -> OptionValue:
    accepted = spec.accept(value)
    if spec.name.startswith("outdir_"):
        folder_parts(spec.name, accepted)
    if spec.name == MODEL_OPTION and accepted:
        model = models.find(accepted)
        if model is None:
            raise InvalidValue(f"option {spec.name}", accepted, "no model of that name is here")
        return model.identity.title
    return accepted


def _read(path: Path) -> dict[str, OptionValue]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        content = json.loads(data) if len(data) <= MAX_BYTES else None
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.warning("%s is not used: %s", path, error.strerror)
        return {}
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        return content
    log.warning("%s is not used: it must hold one JSON object", path)
    return {}
