"""The families of models: what they are made of, and how each layout of files is read."""
