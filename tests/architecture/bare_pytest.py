"""pytest in a process of its own, without the plugins that happen to be installed.

Importing those takes longer than most gates take, and nothing here asks for them. Coverage is not measured in
such a process: it looks at copies of the tree, or collects and runs nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NEEDED: Final = "pytest_timeout"
"""The setting ``timeout`` is this plugin's, and an unknown setting is an error."""


def pytest_in(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run pytest with ``arguments`` in ``folder``. What it ended with is for the caller to judge."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", NEEDED, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
