"""The built-in demo model: a small picture world, networks trained on it, and the scorer of them."""
