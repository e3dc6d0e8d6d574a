"""Prompts: what their brackets, tags and words mean. Parsing only, in linear time, no recursion."""
