"""Errors of the lock, the image and the proof."""

from .base import StepError


class Unsatisfiable(StepError):
    """No set of versions satisfies the requirements for the image's Python and platform."""

    status = 50
    title = "requirements can't be satisfied"
    cause = "Requirements contradict each other, or a package has no wheel for the image's Python and platform."
    fix = "Loosen the requirement that the resolver names, or choose another `python-version`."


class LockIncomplete(StepError):
    """The lock has a requirement without a hash, which the step never emits."""

    status = 51
    title = "lock without hashes"
    cause = "An index serves files without sha256, so nothing could prove later which file was meant."
    fix = "Publish that package to the feed, or use an index with hashes."


class IndexFailed(StepError):
    """A package index answered with an error while the lock was resolved."""

    status = 52
    title = "index failed"
    cause = "The public index, its mirror or the feed has a fault, or the mirror's credential has expired."
    fix = "See which index it is in the lines above; renew the mirror's credential, or run the step again."


class ImageNotFound(StepError):
    """The registry doesn't know the image or its tag."""

    status = 61
    title = "image tag unknown"
    cause = "The tag is misspelt, or the registry has removed it."
    fix = "Choose an existing tag for `base-image`, best a dated one."


class ImageRefused(StepError):
    """The registry didn't show the image's manifest."""

    status = 62
    title = "registry refused"
    cause = "The image is private, or the registry has a fault or a rate limit."
    fix = "Use a public image, or give `base-image` with its digest (@sha256:…), which needs no question."


class ProofFailed(StepError):
    """The environment's lock can't be installed the way the image builder will do it."""

    status = 80
    title = "environment doesn't install"
    cause = "The read-only token can't fetch a file, or a file's bytes differ from its sha256."
    fix = "Check that `connection-token` may read the feed; nothing was registered, so run the step again."


class ImportFailed(StepError):
    """The installed package can't be imported."""

    status = 81
    title = "package doesn't import"
    cause = "A dependency is missing from the package's metadata, or the module fails when imported."
    fix = "Mend the package (the traceback says where), bump its version, and release again."
