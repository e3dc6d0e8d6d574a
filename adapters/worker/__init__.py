"""What runs jobs: threads of this process, which draw themselves or have a child process draw."""
