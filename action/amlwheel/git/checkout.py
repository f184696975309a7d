"""The files of a commit, as the image builder gets them."""

from pathlib import Path

from ..errors.git import CommitIncomplete
from ..model.repository import Repository
from ..model.secret import Secret
from .command import failure, fetch, git


def checkout(repository: Repository, token: Secret, into: Path) -> None:
    """Put the commit's files into the new folder `into` as pip will in the image, with history, tags and submodules.

    `token` isn't written into the folder, so code that runs there later can't read it. Submodules are fetched without
    it, because the image builder's credential is for one repository. Raises as `fetch` does, and CommitIncomplete.
    """
    into.mkdir(parents=True)
    # pip clones so (pip 25.1, `vcs/git.py`); tools that derive a version read tags and history.
    fetch(into, repository, token, "--tags", "--filter=blob:none")
    finished = git(into, token, repository, "checkout", "--quiet", repository.commit)
    if finished.status != 0:
        raise failure(finished, repository)
    if (into / ".gitmodules").is_file():
        finished = git(into, Secret(""), repository, "submodule", "update", "--init", "--recursive", "--quiet")
        if finished.status != 0:
            raise CommitIncomplete(
                f"Commit {repository.commit[:12]} has submodules that can't be fetched without a token.",
                details=finished.tail(),
            )
