"""Ports: ``driving`` is what doors call, ``driven`` is what the core calls."""
