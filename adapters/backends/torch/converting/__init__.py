"""Checkpoints from one layout or number format to another."""
