"""Errors about what code of others did while the step ran it: in a build, or when a package was imported."""

from .base import StepError

_APART = (
    "Find out which package wrote there before you run the step again, and build in a job of its own that has no "
    "secret, as templates/github/build-then-release.yml and templates/azure-pipelines/build-then-release.yml do."
)


class FileChanged(StepError):
    """A file isn't the one any more that was inspected, locked and proven, so it isn't sent or copied."""

    status = 183
    title = "file changed during the run"
    cause = "Code that ran meanwhile has replaced the file: a build, an imported package, or another job in the folder."
    fix = _APART


class ToolsChanged(StepError):
    """Files that the step itself runs from were changed while code of others ran."""

    status = 184
    title = "the step's own files changed"
    cause = "A build, a build requirement or an imported package wrote there, where only the step's own installer does."
    fix = _APART


class HostFilesChanged(StepError):
    """Files through which a step hands values to the host were written while code of others ran."""

    status = 185
    title = "the host's files changed"
    cause = "A build, a build requirement or an imported package wrote there, and so speaks for the step to later ones."
    fix = _APART
