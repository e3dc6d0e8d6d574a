"""Pictures: bytes to pixels and back, pixel work, where both are kept. Pillow loads on first use."""
