"""Errors of a repository of git that images are built from."""

from .base import StepError


class BadRepository(StepError):
    """With `route` git: the repository's address can't be read, or the image builder couldn't use it."""

    status = 110
    title = "repository not understood"
    cause = "The image builder fetches from one address by https, with a token and without a key."
    fix = (
        "Write `git-repository` as https://github.com/OWNER/REPO or https://dev.azure.com/ORG/PROJECT/_git/REPO, "
        "optionally with @ and the full commit id behind it."
    )


class NoRepository(StepError):
    """With `route` git: nothing tells from which repository and commit images shall be built."""

    status = 111
    title = "no repository"
    cause = "`package-dir` is no checkout of git, it has no commit or no remote called origin, or git isn't installed."
    fix = "Check the code out before this step, or name repository and commit in `git-repository`."


class NotACommit(StepError):
    """`git-repository` names a branch, a tag or a shortened commit id, and only a full one can't move."""

    status = 112
    title = "not a full commit id"
    cause = "A branch or a tag may be another commit tomorrow, and a shortened id may become ambiguous."
    fix = "Leave @… out to release the commit that is checked out, or give all digits (git rev-parse NAME)."


class UncommittedChanges(StepError):
    """With `route` git: tracked files of the project differ from the commit that images would be built from."""

    status = 113
    title = "uncommitted changes"
    cause = "An earlier step changed files, such as the one with the version, and images are built from the commit."
    fix = "Commit and push the changes, or keep the earlier step from making them (git status shows them)."


class RepositoryRefused(StepError):
    """The repository couldn't be read with the token that the workspace is to hold."""

    status = 114
    title = "repository refused the token"
    cause = "The token has expired, was revoked, or may not read this repository's code."
    fix = "Make a token that may read the repository's code, store it as a secret, and pass it as `connection-token`."


class RepositoryNotFound(StepError):
    """The repository doesn't exist for the token that the workspace is to hold (404), or has moved."""

    status = 115
    title = "repository not found (404)"
    cause = "The address is misspelt, or the token may not know of the repository: GitHub then says that there is none."
    fix = "Correct `git-repository`, or give the token of `connection-token` access to this repository."


class CommitNotPushed(StepError):
    """The repository doesn't have the commit."""

    status = 116
    title = "commit not in the repository"
    cause = "The commit wasn't pushed, a rebase took it away, or it was made in another repository."
    fix = "Push it first (git push), and run the step again."


class CommitDiffers(StepError):
    """The commit in `git-repository` doesn't hold the version that is checked out."""

    status = 117
    title = "commit holds another version"
    cause = "`git-repository` names an older commit than the one that is checked out, or one of another project."
    fix = "Check out the commit that shall be released, and leave its id out of `git-repository`."


class CommitIncomplete(StepError):
    """The commit alone isn't enough to build the package: it lacks the folder, or needs submodules or Git LFS."""

    status = 118
    title = "commit isn't enough"
    cause = "The image builder has a token for one repository, and nothing but git to read it with."
    fix = "Put what the package needs into the repository itself, or set `route` to feed, whose wheels hold everything."


class NotForBuilder(StepError):
    """With `route` git: a locked file has an address that only this machine can use."""

    status = 119
    title = "address not usable for the image builder"
    cause = (
        "This machine takes public packages from an index that needs a credential, or from its own disk. The image "
        "builder has no credential for it, and none is ever written into an environment."
    )
    fix = "Lock against an index that is open to the workspace's network, or set `route` to feed and `index` to only."
