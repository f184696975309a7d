"""The Azure Pipelines extension: checked, staged and packed. `scripts/package-task` is the way in."""
