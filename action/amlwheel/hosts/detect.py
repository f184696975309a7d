"""Where the step runs."""

import os
from collections.abc import Mapping

from . import azure_variables, github
from .azure_pipelines import AzurePipelines
from .github import GitHub
from .host import Host
from .terminal import Terminal


def detect(environ: Mapping[str, str] = os.environ) -> Host:
    """Return the host that has set the variables in `environ`."""
    if azure_variables.is_job(environ):
        return AzurePipelines(environ)
    return GitHub(environ) if github.is_job(environ) else Terminal(environ)
