"""The OpenAI images API over the same jobs: what ``openai`` clients call below ``/v1``."""
