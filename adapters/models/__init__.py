"""Which checkpoints there are: on disk, built in, or the one of the fake backend."""
