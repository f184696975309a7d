"""The repository's own supply chain: what its locks pin, the known flaws of that, and what the step is made of."""
