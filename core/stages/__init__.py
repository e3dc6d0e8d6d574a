"""The parts of the runner's three stages. Only ``core.runner`` calls them."""
