"""Where the code of a release came from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Where the code came from; a part is empty where it isn't known. `dirty`: tracked files differ from the commit.

    `run` is the address of the CI run that released it.
    """

    repository: str = ""
    commit: str = ""
    tag: str = ""
    dirty: bool = False
    run: str = ""
