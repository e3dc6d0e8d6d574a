"""The domain of Serena: requests, sampling, prompts, jobs and the one runner. Standard library only."""
