"""The files of a new plugin: a hook, a test of it, and what is needed to install it."""

from __future__ import annotations

import re
from pathlib import Path

from core.domain.errors import InvalidValue, StorageError

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "serena-{name}"
version = "0.1.0"
description = "A plugin for Serena"
requires-python = ">=3.11"

[project.entry-points.serena]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

_PLUGIN = '''\
"""Adds words to every prompt. Change it into what you need."""

from serena import RequestDraft, hookimpl

WORDS = ", {name}"


@hookimpl
def serena_prepare(draft: RequestDraft) -> None:
    draft.prompt += WORDS
'''

_CONFTEST = """\
pytest_plugins = ["serena.testing"]
"""

_TEST = """\
import {module}
from serena.testing import PluginContract, SerenaApp


class TestContract(PluginContract):
    plugin = {module}


def test_the_words_reach_the_picture(serena_app: SerenaApp) -> None:
    pictures = serena_app({module}).txt2img("a cat", width=64, height=64, steps=1)
    assert pictures.infotext.startswith("a cat" + {module}.WORDS)
"""

_README = """\
# serena-{name}

A plugin for Serena.

- `{module}.py` is the plugin. The hooks it may have are in `docs/reference/hooks.md` of Serena.
- `python -m pytest` runs its tests, without a model and without a GPU.
- `python -m pip install -e .`, in the environment of Serena, installs it; `serena plugins` then lists it.
"""


def files_of(name: str) -> dict[str, str]:
    """By their paths below the plugin's folder. Raises ``InvalidValue`` for a name that is none."""
    if not NAME.fullmatch(name):
        raise InvalidValue("NAME", name, "it must be small letters and digits, with - or _ between them")
    words = {"name": name, "module": f"serena_{name.replace('-', '_')}"}
    return {
        "pyproject.toml": _PYPROJECT.format(**words),
        f"{words['module']}.py": _PLUGIN.format(**words),
        "conftest.py": _CONFTEST,
        f"test_{words['module']}.py": _TEST.format(**words),
        "README.md": _README.format(**words),
    }


def write_plugin(name: str, into: Path) -> Path:
    """Make the folder ``serena-NAME`` and give its path. Raises ``InvalidValue``, or ``StorageError``."""
    files, folder = files_of(name), into / f"serena-{name}"
    try:
        folder.mkdir(parents=True)
        for path, text in files.items():
            (folder / path).write_text(text, "utf-8")
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}") from None
    return folder
