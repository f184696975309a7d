"""A package at a commit of a git repository."""

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from .repository import Repository
from .wheel import File


@dataclass(frozen=True)
class Commit:
    """The package `name` (normalised), whose project lies in `folder` of a repository at one commit."""

    name: str
    repository: Repository
    folder: str = ""

    @classmethod
    def parse(cls, name: str, url: str) -> "Commit":
        """Read `git+https://HOST/OWNER/REPO@COMMIT[#subdirectory=FOLDER]`, as pip spells it ("VCS Support").

        Raises BadRepository, and NotACommit for a branch, a tag, a shortened id or none.
        """
        address, _, fragment = url.partition("#")
        folder = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
        repository = Repository.parse(address.removeprefix("git+").removesuffix("@"))
        return cls(canonicalize_name(name), repository.at(repository.commit), folder[1] if folder else "")

    @property
    def file(self) -> File:
        """The commit as what a wheel was built from; its id takes the place of a sha256."""
        url = self.repository.requirement(self.name, self.folder).partition(" @ ")[2]
        return File(f"{self.repository.path}@{self.repository.commit[:12]}", url, "")
