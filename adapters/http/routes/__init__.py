"""Routers, each made by a function that takes the ports it needs."""
