"""One thread at a time finds things in diffusers and transformers.

Both libraries import their parts when they are first asked for, and parts of one ask the other. Two threads
that do so at once each meet modules that the other has half imported: "cannot import name".
"""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
"""Held around each import of the two. Once all is there it costs nothing."""
