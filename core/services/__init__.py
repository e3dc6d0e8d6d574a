"""Driving ports other than jobs: models, options, health, and reading pictures."""
