"""What tools of this machine are asked: git about a checkout, uv about a Python; and what their failures mean."""

import re
from pathlib import Path

from . import process, variables


def unreachable(output: str) -> str:
    """Return the host that a tool couldn't reach, by what it printed; empty when it failed for another reason."""
    pattern = r"error sending request|dns error|connection refused|tunnel error|timed out|network is unreachable"
    if not re.search(pattern, output, re.IGNORECASE):
        return ""
    host = re.search(r"https?://(?:[^/\s`@]*@)?([^/\s`:)]+)", output)
    return host[1] if host else "the package index"


def git(folder: Path, *arguments: str) -> str:
    """Return what git says of the repository around `folder`, empty when it says no or isn't there.

    A runner's checkout often belongs to another user, which git refuses; it is the user's own project all the same.
    """
    command: list[str | Path] = [
        "git",
        "-c",
        "safe.directory=*",
        "-c",
        "log.showSignature=false",
        "-C",
        folder,
        *arguments,
    ]
    try:
        finished = process.run(command, env=variables.for_tool(build=True), seconds=60, errors=False)
    except OSError:
        return ""
    return finished.output.strip() if finished.status == 0 else ""


def find_python(wanted: str) -> str:
    """Return a Python of this machine that fits `wanted` (`3.12`, `>=3.10,<3.14`), as uv finds it; empty without."""
    command = ["uv", "python", "find", "--no-config", "--no-project", "--system", wanted]
    found = process.run(command, env=variables.for_tool(), seconds=60, errors=False).output.strip()
    return found if Path(found).is_file() else ""
