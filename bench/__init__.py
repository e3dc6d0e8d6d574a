"""Measurements: ``make bench`` runs all of them and prints one table."""
