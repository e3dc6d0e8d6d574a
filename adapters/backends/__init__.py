"""What draws. Each backend is a folder with a ``spec`` that an entry point of ``serena.backends`` names."""
