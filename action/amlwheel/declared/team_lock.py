"""A team's own lock, of whichever kind its file is."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors.team_lock import LockHoldsCredential, LockUnreadable
from ..model.secret import looks_secret
from ..model.team_lock import LockFile, TeamLock
from . import hashed, pylock, uv_lock
from .pip_lines import decode, masked
from .surroundings import Surroundings
from .uv_lock import Asked

# The locks of other tools, and the command that writes them as a lock that is taken.
OTHERS = {
    "poetry.lock": "poetry export --output requirements.lock",
    "pdm.lock": "pdm export --output requirements.lock",
    "Pipfile.lock": "pipenv requirements --hash > requirements.lock",
}
_MADE_BY = {"uv": "uv export --format pylock.toml", "pdm": "pdm export --format pylock", "pip": "pip lock"}
# Compilers write their command into the file. It is foreign text, so only a plain one is repeated.
_COMMAND = re.compile(
    r"^#\s+((?:uv pip compile|uv export|pip-compile)(?: [\w./=:,+-]+){0,30})$", re.MULTILINE | re.ASCII
)


def read(path: Path, label: str, around: Surroundings, asked: Sequence[Asked], *, whole: bool) -> TeamLock:
    """Read the lock at `path`, which people know as `label`, for what is `asked` of our packages.

    With `whole` what it has beside that is kept as well. Raises LockUnreadable, LockNotForImage, LockStale,
    LockHoldsCredential, LockIncomplete, NotTaken.
    """
    if path.name in OTHERS:
        raise LockUnreadable(
            f"{label} is the lock of another tool, which the step doesn't read.",
            cause="`lock` takes a uv.lock, a pylock.toml, and a requirements file with hashes.",
            fix=f"Run `{OTHERS[path.name]}`, commit requirements.lock, and set `lock` to it.",
        )
    text = _text(path, label)
    _refuse_credentials(text, label)
    if path.name == "uv.lock":
        return uv_lock.read(path, LockFile(label, "uv lock"), asked, around.python, whole=whole)
    if path.suffix == ".toml":
        chosen = frozenset(name for each in asked for name in each.extras | each.groups)
        maker = re.search(r'^created-by = "(\w+)"', text, re.MULTILINE)
        file = LockFile(label, _command(text) or _MADE_BY.get(maker[1] if maker else "", ""))
        return TeamLock(label, file.command, pylock.read(text, file, around.python, chosen, path.parent))
    file = LockFile(label, _command(text) or "pip-compile --generate-hashes")
    return TeamLock(label, file.command, hashed.read(path, file, around))


def _command(text: str) -> str:
    """Return the command that made the lock; uv export would take a stale uv.lock with --frozen, none with --locked."""
    found = _COMMAND.search(text[:2000])
    return re.sub(r" --(frozen|locked)(?= |$)", "", found[1]) if found else ""


def _text(path: Path, label: str) -> str:
    try:
        content = path.read_bytes()
        return decode(content, label) if path.suffix not in (".toml", ".lock") else content.decode()
    except (OSError, UnicodeDecodeError) as problem:
        raise LockUnreadable(f"{label} isn't a text in UTF-8.", details=str(problem)) from None


def _refuse_credentials(text: str, label: str) -> None:
    """Raise LockHoldsCredential for an address with a password or a token; a variable in its place is none."""
    for address in re.findall(r"[\w+.-]+://[^\s\"'<>]*[@?][^\s\"'<>]*", text):
        if looks_secret(address) and "$" not in address:
            raise LockHoldsCredential(f"{label} has a credential in the address {masked(address)}.")
