"""``--help`` loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from adapters.cli.app import create_cli
from adapters.cli.errors import run
assert run(create_cli(None), sys.argv[1:]) == 0
names = {"torch", "fastapi", "prometheus_client", "diffusers", "transformers"}
names |= {"pydantic_settings", "numpy", "PIL"}
heavy = names & set(sys.modules)
sys.exit(f"loaded: {sorted(heavy)}" if heavy else 0)
"""


def test_help_loads_nothing_heavy() -> None:
    for argv in (["--help"], ["txt2img", "--help"], ["version"]):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *argv], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
