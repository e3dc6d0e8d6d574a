"""What runs jobs: threads of this process."""
