"""Hooks by pluggy: what replaces scripts, callbacks and extensions."""
