"""What makes a pass of the UNet cheaper. Each part is a setting, and off unless it is asked for."""
