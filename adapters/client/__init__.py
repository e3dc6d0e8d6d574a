"""The typed client of ``/api/v1``. Its models are those that the server reads and writes."""
