"""What users change and keep: options and styles."""
