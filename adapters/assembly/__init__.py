"""What the container is made of: its first providers, and the functions that make what takes more than a call
of a class. Seen by the container only."""
