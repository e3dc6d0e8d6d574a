"""Jobs: acceptance, the service that doors call, and the loop that runs them."""
