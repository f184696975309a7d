"""Where the step runs."""

import os
from collections.abc import Mapping

from .azure_pipelines import AzurePipelines
from .github import GitHub
from .terminal import Terminal


def detect(environ: Mapping[str, str] = os.environ) -> Terminal:
    """Return the host that `environ` tells of."""
    if environ.get("TF_BUILD"):
        return AzurePipelines(environ)
    return GitHub(environ) if environ.get("GITHUB_ACTIONS") == "true" else Terminal()
