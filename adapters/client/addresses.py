"""URLs as they may be told."""

from __future__ import annotations

import re


def without_userinfo(url: str) -> str:
    """``url`` without the name and the password that may stand in it: nobody's password belongs into a
    message, whatever else is wrong with the URL."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, rest = "", url
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return scheme + slashes + authority.rpartition("@")[2] + rest[len(authority) :]
