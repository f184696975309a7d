"""Errors of the lock, the image and the proof."""

from .base import StepError


class Unsatisfiable(StepError):
    """No set of versions satisfies the requirements for the image's Python and platform."""

    status = 50
    title = "requirements can't be satisfied"
    cause = "Requirements contradict each other, or a package has no wheel for the image's Python and platform."
    fix = "Relax the requirement that the resolver names, or choose another `python-version`."


class LockIncomplete(StepError):
    """The lock has a requirement without a hash; the step never writes such a lock."""

    status = 51
    title = "lock without hashes"
    cause = "An index lists files without their sha256, so a file that is replaced later couldn't be detected."
    fix = "Publish that package to the feed, or use an index that lists sha256."


class IndexFailed(StepError):
    """A package index answered with an error while the lock was resolved."""

    status = 52
    title = "index failed"
    cause = "The public index, its mirror or the feed is failing, or the mirror's credential has expired."
    fix = "The lines above name the index: renew the mirror's credential, or run the step again."


class ImageNotFound(StepError):
    """The registry doesn't know the image or its tag."""

    status = 61
    title = "image tag unknown"
    cause = "The tag is misspelt, or the registry has removed it."
    fix = "Choose an existing tag for `base-image`, preferably one with a date."


class ImageRefused(StepError):
    """The registry didn't return the image's manifest."""

    status = 62
    title = "registry refused"
    cause = "The image is private, or the registry is failing or limits the rate of requests."
    fix = "Use a public image, or write `base-image` with its digest (@sha256:…): then the registry isn't asked."


class ProofFailed(StepError):
    """The environment's lock can't be installed as the image builder will install it."""

    status = 80
    title = "environment doesn't install"
    cause = "The read-only token can't fetch a file, or a file's bytes differ from its sha256."
    fix = "Check that `connection-token` may read the feed; nothing was registered, so run the step again."


class ImportFailed(StepError):
    """The installed package can't be imported."""

    status = 81
    title = "package doesn't import"
    cause = "A dependency is missing from the package's metadata, or the module fails when imported."
    fix = "Fix the package (the traceback says where), raise its version, and release again."
