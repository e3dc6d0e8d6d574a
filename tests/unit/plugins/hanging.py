"""What a module of a plugin that hangs waits for."""

from __future__ import annotations

from threading import Event

GO = Event()
