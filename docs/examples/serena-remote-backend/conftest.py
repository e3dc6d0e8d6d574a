# conftest.py
pytest_plugins = ["serena.testing"]
