"""Errors of `consume`, which checks a release before a training job uses it."""

from .base import StepError


class BadReceipt(StepError):
    """The receipt can't be used: it is missing, damaged, from a dry run, or in a newer format."""

    status = 83
    title = "receipt not usable"
    cause = "The file isn't the aml-release.json of a release, or the artifact with it wasn't downloaded."
    fix = "Download the release's artifact before this step, and point `receipt` at its aml-release.json."


class EnvironmentGone(StepError):
    """The released environment isn't registered on the workspace or in the registry, or was archived."""

    status = 84
    title = "environment not found"
    cause = "It was never released there, or somebody archived or deleted it."
    fix = (
        "Run the release again with that workspace or registry in `workspace`. If dependencies have newer versions by "
        "now, that registers another version: then train with the new receipt."
    )


class EnvironmentChanged(StepError):
    """The registered environment isn't the one that the receipt describes."""

    status = 85
    title = "environment changed"
    cause = "Somebody registered another definition under the same version, or the receipt was altered."
    fix = "Don't train on it. Compare it with the receipt in the studio, and release again under a new package version."


class ConnectionGone(StepError):
    """The workspace doesn't have the connection that image builds of the release need."""

    status = 86
    title = "connection not found"
    cause = "It was deleted, or now has another target. Existing images still work, but new ones can't be built."
    fix = "Run the release again: it stores the connection again."


class TokenEnds(StepError):
    """The token that the workspace stores for the feed or repository has expired, or expires soon."""

    status = 87
    title = "stored token expires"
    cause = "Personal access tokens expire, and without a valid one images can't be built."
    fix = (
        "Create a new token with the same rights (for a feed: organisation-scoped, with Packaging (read)), store it in "
        "the same secret, correct its date, and run the step with `command` connect, as the template renew-token.yml "
        "does: it stores the token on every workspace, and releases nothing."
    )


class ReceiptAltered(StepError):
    """The receipt says something of the environment that what is registered doesn't bear out."""

    status = 193
    title = "receipt altered"
    cause = "The receipt was changed after the release, or put together from several: its environment is another one."
    fix = "Don't train with it. Download the artifact of the release again, and use the aml-release.json in it."
