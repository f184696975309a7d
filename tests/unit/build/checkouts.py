"""Small git repositories."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

GIT = shutil.which("git") or ""


def repository(folder: Path, files: Mapping[str, str]) -> Path:
    """Return the new repository `folder` with one commit of `files`."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git there as somebody, and return what it says."""
    settings = ("user.email=me@mail.example", "user.name=me", "commit.gpgsign=false", "protocol.file.allow=always")
    command = [GIT, *(part for each in settings for part in ("-c", each)), *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
