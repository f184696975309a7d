"""Errors of the bootstrap, before or beside the step itself."""

from .base import StepError


class PythonTooOld(StepError):
    """The runner's Python is older than the step needs. Raised by the bootstrap, before anything else."""

    status = 90
    title = "Python too old"
    cause = "The first python3 on PATH is older than 3.10."
    fix = "Put actions/setup-python (GitHub) or UsePythonVersion@0 (Azure Pipelines) before this step."


class BootstrapFailed(StepError):
    """The step's own tools, or azureml-core where it is used, couldn't be installed."""

    status = 91
    title = "bootstrap failed"
    cause = "The package index can't be reached from the runner."
    fix = "Set the index (UV_DEFAULT_INDEX or PIP_INDEX_URL), the proxy and the CA for the runner."
