"""What plugs into the ports: doors, backends, stores. ``bootstrap`` wires them."""
