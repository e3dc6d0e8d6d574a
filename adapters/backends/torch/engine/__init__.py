"""Several runs in one forward pass: what each asks for is merged, row by row, and given back apart."""
