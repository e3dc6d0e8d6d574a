"""The version of Serena, and the one that infotexts carry."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("serena")
REFERENCE_VERSION = "v1.10.1"
INFOTEXT_VERSION = f"{REFERENCE_VERSION}-serena-{VERSION}"
"""Begins with the reference's version whose pictures Serena draws: readers apply rules for older versions to
whatever looks older, and ours would look older to them."""
