"""The built-in demo model: a small picture world, the networks trained on it, and the scorer that judges them."""
