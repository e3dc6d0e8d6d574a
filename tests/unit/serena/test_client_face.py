from __future__ import annotations

import subprocess
import sys

import serena.client

WITHOUT = """
import sys
sys.modules["httpx"] = None
try:
    import serena.client
except ImportError as error:
    sys.exit(str(error))
"""


def test_every_name_is_there() -> None:
    assert list(serena.client.__all__) == sorted(serena.client.__all__)
    for name in serena.client.__all__:
        assert getattr(serena.client, name) is not None


def test_without_httpx_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.strip() == "serena.client needs httpx: pip install 'serena[client]'"


def test_it_loads_no_web_framework() -> None:
    program = (
        "import sys, serena.client; "
        "sys.exit(str({'fastapi', 'torch', 'PIL', 'uvicorn'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
