"""A project that gives its own inputs."""
