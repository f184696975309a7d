"""Errors of what a team's own files declare: requirements as pip reads them, and conda packages."""

from .base import StepError


class NotTaken(StepError):
    """A line of `requirements` asks for something that the environment can't get in this way."""

    status = 107
    title = "requirement not taken"
    cause = (
        "pip on a laptop takes files beside the list and any index; an image gets the environment's text alone, and "
        "each package from one known source, by sha256."
    )
    fix = "Take the line out of `requirements`, and name the package by name and version."


class HashNotHeld(StepError):
    """No file that the image can take has the sha256 that `requirements` declares for it."""

    status = 108
    title = "declared sha256 not held"
    cause = "The index has another file under that version, or the hashes were made for another Python or platform."
    fix = "Compile the hashes again for the image's Python on Linux x86-64, and compare what has changed."


class CondaNotExact(StepError):
    """A conda package has no exact version, so an image of tomorrow could get another one."""

    status = 109
    title = "conda package not exact"
    cause = "Whenever an image is built, conda takes the newest version and build that fits the range at that time."
    fix = "Write its exact version in `conda`, as NAME=MAJOR.MINOR.PATCH, NAME==VERSION or NAME=VERSION=BUILD."
