"""What an installed package may bring: a plugin that kills, and a backend that keeps its ledger in files."""
