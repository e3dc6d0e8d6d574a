from __future__ import annotations

import subprocess
import sys

import pytest

import serena


def test_all_is_sorted_and_every_name_is_there() -> None:
    assert list(serena.__all__) == sorted(serena.__all__)
    for name in serena.__all__:
        assert getattr(serena, name) is not None
        assert name in dir(serena)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        serena.nothing  # noqa: B018


def test_every_error_of_the_tree_is_public() -> None:
    from core.domain import errors

    kinds = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, errors.SerenaError)}
    assert kinds <= set(serena.__all__)


def test_importing_it_loads_nothing() -> None:
    program = (
        "import sys, serena; serena.hookimpl; "
        "sys.exit(str({'torch', 'PIL', 'fastapi', 'pydantic', 'adapters'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
