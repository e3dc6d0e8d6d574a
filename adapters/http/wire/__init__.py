"""What travels over HTTP: the reference's request and response bodies, field by field."""
