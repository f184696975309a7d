"""Errors of the git repository that images are built from."""

from .base import StepError


class BadRepository(StepError):
    """With `route` git: the repository's address isn't valid, or the image builder can't use it."""

    status = 110
    title = "repository not understood"
    cause = "The image builder fetches from one https address, with a token; it has no ssh key."
    fix = (
        "Write `git-repository` as https://github.com/OWNER/REPO or https://dev.azure.com/ORG/PROJECT/_git/REPO, "
        "optionally followed by @ and the full commit id."
    )


class NoRepository(StepError):
    """With `route` git: the repository or the commit that images are built from isn't known."""

    status = 111
    title = "no repository"
    cause = "`package-dir` isn't a git checkout, it has no commit or no remote called origin, or git isn't installed."
    fix = "Check the code out before this step, or give repository and commit in `git-repository`."


class NotACommit(StepError):
    """`git-repository` names a branch, a tag or a shortened commit id; only a full commit id never changes."""

    status = 112
    title = "not a full commit id"
    cause = "A branch or a tag may mean another commit tomorrow, and a shortened id may become ambiguous."
    fix = "Leave @… out to release the commit that is checked out, or write the full id (git rev-parse NAME)."


class UncommittedChanges(StepError):
    """With `route` git: tracked files of the project differ from the commit that images would be built from."""

    status = 113
    title = "uncommitted changes"
    cause = "An earlier step changed files, such as the one with the version, but images are built from the commit."
    fix = "Commit and push the changes, or stop the earlier step from making them (git status shows them)."


class RepositoryRefused(StepError):
    """The repository couldn't be read with the token that will be stored in the workspace."""

    status = 114
    title = "repository refused the token"
    cause = "The token has expired, was revoked, or may not read this repository's code."
    fix = "Make a token that may read the repository's code, store it as a secret, and pass it as `connection-token`."


class RepositoryNotFound(StepError):
    """The repository doesn't exist (404) for the token that will be stored in the workspace, or it has moved."""

    status = 115
    title = "repository not found (404)"
    cause = "The address is misspelt, or the token may not read the repository: GitHub then answers 404, too."
    fix = "Correct `git-repository`, or give the token of `connection-token` access to this repository."


class CommitNotPushed(StepError):
    """The repository doesn't have the commit."""

    status = 116
    title = "commit not in the repository"
    cause = "The commit wasn't pushed, a rebase removed it, or it belongs to another repository."
    fix = "Push the commit (git push), and run the step again."


class CommitDiffers(StepError):
    """The commit in `git-repository` has another version of the package than the checkout."""

    status = 117
    title = "commit has another version"
    cause = "The commit in `git-repository` is older than the one that is checked out, or of another project."
    fix = "Check out the commit to release, and leave its id out of `git-repository`."


class CommitIncomplete(StepError):
    """The package can't be built from the commit alone: it lacks the folder, or needs submodules or Git LFS."""

    status = 118
    title = "commit isn't enough"
    cause = "The image builder has a token for one repository, and reads it with git alone."
    fix = "Put all files of the package into the repository itself, or set `route` to feed: its wheels hold all files."


class NotForBuilder(StepError):
    """With `route` git: a file in the lock has an address that only this machine can use."""

    status = 119
    title = "address not usable for the image builder"
    cause = (
        "This machine gets public packages from an index that needs a credential, or from its own disk. The image "
        "builder has no such credential, and none is ever written into an environment."
    )
    fix = "Lock against an index that is open to the workspace's network, or set `route` to feed and `index` to only."
