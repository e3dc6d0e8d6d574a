"""What backends have in common: arithmetic that is the same for tensors and arrays, without torch."""
