"""Where jobs wait."""
