"""Hooks on tensors: the specs, what they are handed, and how a pass calls them."""
