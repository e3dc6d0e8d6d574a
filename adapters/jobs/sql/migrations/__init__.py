"""How a database of an earlier release becomes one of this release: the files of ``versions``, in order."""

from __future__ import annotations

from typing import Final

HEAD: Final = "0004"
"""The newest of them. A database that is there already needs none, and Alembic is not imported then."""
