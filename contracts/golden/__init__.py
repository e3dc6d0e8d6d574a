"""Golden values recorded from the reference, and the tests that compare them with Serena."""
