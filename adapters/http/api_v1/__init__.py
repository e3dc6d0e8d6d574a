"""Serena's own API: jobs with an identity."""
