"""What is derived from the declared inputs, outputs and errors. `scripts/manifests` is the way in."""
