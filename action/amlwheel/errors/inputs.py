"""Errors of inputs: a value that can't be read, is missing, or doesn't belong to the others."""

from .base import StepError


class BadInput(StepError):
    """An input has a value that the step doesn't know, or a required input is missing."""

    status = 10
    title = "bad input"
    cause = "A value is misspelt, missing, or the text of a variable that was never set."
    fix = "Correct the input; docs/inputs.md lists all inputs and their values."


class BadFeed(StepError):
    """`feed` can't be read as an Azure Artifacts feed or as the URL of a PEP 503 repository."""

    status = 11
    title = "feed not understood"
    cause = "The feed isn't written in a way that Azure Artifacts or PEP 503 uses."
    fix = (
        "Write `feed` as ORG/PROJECT/FEED (or ORG/FEED for an organisation's feed), as the URL that Artifacts shows "
        "under Connect to feed > pip, or as the https URL of another repository's simple index."
    )


class BadWorkspace(StepError):
    """`workspace` can't be read as a workspace of Azure Machine Learning."""

    status = 12
    title = "workspace not understood"
    cause = "A workspace is named by subscription, resource group and name; at least one is missing or misspelt."
    fix = (
        "Write `workspace` as SUBSCRIPTION-ID/RESOURCE-GROUP/NAME, or paste the workspace's resource id "
        "(az ml workspace show --query id)."
    )


class MissingToken(StepError):
    """A token that the step needs is missing."""

    status = 13
    title = "missing token"
    cause = "The secret isn't set, is empty here (a fork's pull request gets none), or isn't passed to the step."
    fix = "Store the token as a secret of the pipeline and pass it to the step."


class SecretInTable(StepError):
    """`[tool.amlwheel]` in pyproject.toml holds a secret, or a value that looks like one."""

    status = 14
    title = "secret in pyproject.toml"
    cause = "A token was put where the project's other inputs stand; everybody who can read the repository can use it."
    fix = (
        "Revoke the token: it is in the repository's history. Remove it from the file, store a new one as a secret of "
        "the pipeline, and pass it to the step there."
    )


class OutputNotWritable(StepError):
    """The step can't write to the folder for the emitted files."""

    status = 15
    title = "output folder not writable"
    cause = "The folder belongs to another user, is a file, or lies on a read-only or full disk."
    fix = "Set `output-dir` to a folder that the job may write to."


class TokenExpired(StepError):
    """The token for the workspace has expired, according to the date that is given with it."""

    status = 48
    title = "connection's token has expired"
    cause = "Its last day (in UTC) is over, so no image could be built with it."
    fix = (
        "Make a new organisation-scoped personal access token with Packaging (read), pass it as `connection-token`, "
        "and its date as `connection-token-expires`. If the old one was extended, give its new date."
    )


class ShortLivedToken(StepError):
    """The token for the workspace expires before images are built with it."""

    status = 49
    title = "connection's token is short-lived"
    cause = (
        "Access tokens of Entra and of CI jobs are valid for about an hour, and images are built later: for the first "
        "job that uses the environment, and again after an image was deleted."
    )
    fix = (
        "Make an organisation-scoped personal access token with Packaging (read), store it as a secret, and pass it as "
        "`connection-token`."
    )


class BadImage(StepError):
    """`base-image` isn't the name of a container image."""

    status = 60
    title = "image name not understood"
    cause = "The name isn't of the form REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST."
    fix = "Write `base-image` with its registry, for example mcr.microsoft.com/azureml/NAME:TAG."
