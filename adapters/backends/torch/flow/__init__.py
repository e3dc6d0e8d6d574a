"""Flow-matching transformers: their prompts, networks and VAEs, in the shape that the loop knows."""
