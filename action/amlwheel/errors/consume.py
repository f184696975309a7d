"""Errors of the companion that checks a release before a job uses it."""

from .base import StepError


class BadReceipt(StepError):
    """The receipt can't be used: it is missing, damaged, of a dry run, or in a newer format."""

    status = 83
    title = "receipt not usable"
    cause = "The file isn't the aml-release.json of a release, or the artifact with it wasn't downloaded."
    fix = "Download the release's artifact before this step, and point `receipt` at its aml-release.json."


class EnvironmentGone(StepError):
    """The released environment isn't registered on the workspace, or was archived."""

    status = 84
    title = "environment not there"
    cause = "It was never released to this workspace, or somebody archived or deleted it."
    fix = (
        "Run the release again for this workspace. If dependencies have newer versions by now, that registers another "
        "version: train by the new receipt then."
    )


class EnvironmentChanged(StepError):
    """What is registered isn't what the receipt describes."""

    status = 85
    title = "environment is another"
    cause = "Somebody registered another definition under the same version, or the receipt was altered."
    fix = "Don't train on it. Compare both in the studio, and release again under a new package version."


class ConnectionGone(StepError):
    """The workspace has no connection by which images of the release can be built."""

    status = 86
    title = "connection not there"
    cause = "It was deleted, or now leads elsewhere. Images that are built already go on working, new ones won't."
    fix = "Run the release again: it stores the connection anew."


class TokenEnds(StepError):
    """The token that the workspace keeps for the feed or repository has expired, or will before long."""

    status = 87
    title = "stored token expires"
    cause = "Personal access tokens have an end, and images can't be built after it."
    fix = (
        "Make a new token with the same rights (for a feed organisation-scoped, with Packaging (read)), store it under "
        "the same secret with its date, and run the release again."
    )
