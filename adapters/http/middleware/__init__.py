"""Plain ASGI layers around the routes. None keeps a body back, so a disconnect is seen below."""
