"""Errors of the lock, the image and the proof."""

from .base import StepError


class Unsatisfiable(StepError):
    """No set of versions satisfies the requirements for the image's Python and platform."""

    status = 50
    title = "requirements can't be satisfied"
    cause = "Requirements contradict each other."
    fix = "Change one of the requirements that the resolver names."


class NameUnknown(StepError):
    """No index has a package of a required name."""

    status = 59
    title = "package unknown"
    cause = "The name is misspelt, or the package is a private one that wasn't published to the feed."
    fix = "Correct the name where it is required, or publish the package to the feed first."


class NoWheel(StepError):
    """A required package was published without a wheel, as source code only (an sdist)."""

    status = 72
    title = "no wheel"
    cause = (
        "It was published as an sdist only, or with wheels for older Pythons; an sdist runs code that no hash covers."
    )
    fix = "Name the package in `from-source`: the step then builds a wheel from the sdist, by sha256."


class WheelForOtherPython(StepError):
    """A required package has wheels, but none for the Python of the environment."""

    status = 73
    title = "no wheel for this Python"
    cause = "That release is older than this Python, or newer than its support."
    fix = "Set `python-version` to one for which the package has a wheel."


class OlderVersion(StepError):
    """A required package would be locked at an older version than is allowed, for want of a wheel."""

    status = 74
    title = "older version for want of a wheel"
    cause = "The newest allowed version, or something that it requires, was published without a wheel that fits."
    fix = "Name the package without a wheel in `from-source`, or require the older version by an upper bound."


class LocalVersionElsewhere(StepError):
    """A required local version (`+cu118`) is on another index than those that were asked."""

    status = 75
    title = "local version of another index"
    cause = "Builds such as PyTorch's for one CUDA version are on an index of their own."
    fix = "Name that index in `package-indexes`."


class UploadedLater(StepError):
    """Only files that were uploaded after the limit of `exclude-newer` satisfy a requirement."""

    status = 69
    title = "uploaded after the limit"
    cause = "The requirement asks for more than there was at that time: by default, the time of the commit."
    fix = "Make a new commit, with `exclude-newer` at its default; or set `exclude-newer` to a later time, or to none."


class LimitsNothing(StepError):
    """`exclude-newer` gives a time or a duration, and the package index tells no upload times."""

    status = 78
    title = "index without upload times"
    cause = "The index is a mirror that leaves out what PEP 700 adds to its pages."
    fix = "Set `exclude-newer` to none, or give an index with upload times in UV_DEFAULT_INDEX."


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


class CacheInTheWay(StepError):
    """uv's cache holds the step's own folder, where it locks, and uv resolves nothing inside its cache."""

    status = 170
    title = "cache in the way"
    cause = "UV_CACHE_DIR names the folder of the step's packages, or one above it, such as ~/.cache."
    fix = "Set UV_CACHE_DIR to a folder that holds nothing of the step's, such as ~/.cache/uv."


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
    cause = "The registry is failing, or limits the rate of requests."
    fix = "Run the step again, or write `base-image` with its digest (@sha256:…): then the registry isn't asked."


class ProofFailed(StepError):
    """The environment's lock can't be installed, or a published file can't be read back as the image builder will."""

    status = 80
    title = "environment doesn't install"
    cause = "The read-only token can't fetch a file, or a file's bytes differ from its sha256."
    fix = "Check that `connection-token` may read the feed; nothing was registered, so run the step again."


class ImportFailed(StepError):
    """The installed package can't be imported. Nothing was published yet, so its version isn't spent."""

    status = 81
    title = "package doesn't import"
    cause = "The module fails when it is imported."
    fix = "Correct what the last lines name, and run the step again; nothing was published, so the version may stay."


class NotImportable(StepError):
    """With `verify: import` the package has to be imported, and this machine can't."""

    status = 98
    title = "package not imported"
    cause = "The job runs on another system, or without something that the image has."
    fix = "Set `verify` to install, which imports what can be imported here and warns of the rest."


class NoConda(StepError):
    """The base image has no conda, and Azure ML installs every environment in it with conda."""

    status = 171
    title = "image without conda"
    cause = "The image was made for something else; Azure ML's build would end with Conda command not found."
    fix = (
        "Set `base-image` to one with conda, such as those of mcr.microsoft.com/azureml. If this one has it all the "
        "same, write it with its digest (@sha256:…): then the registry isn't asked."
    )


class OtherPlatform(StepError):
    """The registry has the image for another platform only; Azure ML's computes, and the lock, are for linux/amd64."""

    status = 172
    title = "image for another platform"
    cause = "The image was built on a machine with an ARM processor, or on Windows, and for that machine alone."
    fix = "Build it with docker buildx build --platform linux/amd64, and push it under the same tag."


class ImageDenied(StepError):
    """The registry doesn't let the step read the image."""

    status = 173
    title = "image is private"
    cause = "The image is private, or doesn't exist: many registries say the same of both."
    fix = "Set `base-image-user` and `base-image-token` to a user who may pull the image."


class RealmElsewhere(StepError):
    """The registry asks for its user's token to be sent to a host that isn't its own."""

    status = 174
    title = "registry signs in elsewhere"
    cause = "The registry is set up to let another host give out its tokens, and that host would learn the secret."
    fix = "Write `base-image` with its digest (@sha256:…): then the registry isn't asked, and nothing is sent."
