"""The way to a server that is named with ``--server``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.client.addresses import without_userinfo
from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from adapters.client.sync import Client

KEY_VARIABLE = "SERENA_API_KEY"


def connect(url: str) -> Client:
    """A client of that server, with the key in ``SERENA_API_KEY`` if there is one. A password may stand in
    the URL. Raises ``SettingsError``."""
    try:
        from httpx import InvalidURL

        from adapters.client.sync import Client
    except ModuleNotFoundError as error:
        raise SettingsError(f"--server needs {error.name}: pip install 'serena[client]'") from None
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"--server {without_userinfo(url)} is no URL; write it as http://127.0.0.1:7860")
    try:
        return Client(url, api_key=os.environ.get(KEY_VARIABLE))
    except InvalidURL:
        # Its sentence, and the URL, may hold a piece of a password.
        raise SettingsError(
            "--server is no URL that can be read; write it as http://127.0.0.1:7860, and signs of a password "
            "as %2F and the like"
        ) from None
