"""Errors of where packages come from: sources that can't be followed, and indexes that can't be used."""

from .base import StepError


class SourceNotFollowed(StepError):
    """The project takes a package from a folder, a commit or a file, and no index has that very package."""

    status = 88
    title = "source can't be followed"
    cause = "An index knows nothing of folders and commits: it would give the public package of that name, or none."
    fix = "Publish the package to the feed, or name its folder in `package-dir`."


class TwoIndexes(StepError):
    """Two different indexes are named for one package, or one beside `index` only."""

    status = 89
    title = "two indexes for one package"
    cause = "An input and the project's own table, or the tables of two packages, don't agree."
    fix = "Name one index for the package, in one place."


class IndexUnusable(StepError):
    """An index that is named for a package can't serve it: its address is no good for images, or it lacks the package.

    The address of an index stands in the environment, so it holds no credential.
    """

    status = 97
    title = "index can't be used"
    cause = "The address has a credential in it, isn't an https address, or isn't that of an index with this package."
    fix = "Give the address of the index without a credential, or publish the package to the feed."
