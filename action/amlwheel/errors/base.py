"""What every error has: code, exit status, likely cause and the one thing to do; and errors that any file may raise.

The code is `AW` and the exit status, so either leads to the other. `docs/errors.md` is generated from this package.
In all texts an input stands in backticks under its GitHub name; `inputs.reading.spell` replaces it by
the name that the user's host uses.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from .. import __version__

HOME = "https://github.com/OWNER/amlwheel"
PAGE = f"{HOME}/blob/v{__version__}/docs/errors.md"
"""What each code means, at this version."""


class StepError(Exception):
    """A failure that the user can act on. Subclasses are the catalogue; the docstring of each is its meaning.

    `what` says what happened this time, in one or two sentences; `details` is foreign text (a tool's last lines, a
    server's message) and is neutralised before it is shown. Neither ever holds a secret. Where a file
    of the checkout is at fault, `what` begins with it, as `requirements.txt:3: …`: `report.failure` reads that.
    """

    status: ClassVar[int]
    title: ClassVar[str]
    cause: str
    fix: str

    def __init__(self, what: str, *, cause: str = "", fix: str = "", details: str = "") -> None:
        """Describe this occurrence; `cause` and `fix` replace the catalogue's where more is known."""
        super().__init__(what)
        self.what = what
        self.cause = cause or type(self).cause
        self.fix = fix or type(self).fix
        self.details = details

    @property
    def code(self) -> str:
        """The stable code, such as `AW30`."""
        return f"AW{self.status}"

    @property
    def page(self) -> str:
        """The address of what is written about the code."""
        return f"{PAGE}#{self.code.lower()}"


class Several(StepError):
    """Several independent problems of one run. The exit status is that of the first."""

    title = "several problems"
    cause = "Each problem below has its own."
    fix = "Fix all of them: one run reports them together, so that the next run can succeed."

    def __init__(self, errors: Sequence[StepError]) -> None:
        """Hold `errors`, at least two, in the order in which they were found."""
        super().__init__(f"{len(errors)} problems were found.")
        self.errors = tuple(errors)
        self.status = errors[0].status  # type: ignore[misc]  # one exit status must stand for all


def together(errors: Sequence[StepError]) -> StepError:
    """Return one error for `errors` (at least one): itself, one for all unreachable hosts, or `Several`."""
    errors = [each for error in errors for each in (error.errors if isinstance(error, Several) else (error,))]
    hosts = list(dict.fromkeys(error.host for error in errors if isinstance(error, NoNetwork)))
    rest = [error for error in errors if not isinstance(error, NoNetwork)]
    if len(hosts) > 1:
        details = "\n".join(dict.fromkeys(error.details for error in errors if isinstance(error, NoNetwork)))
        rest.append(NoNetwork(", ".join(hosts), details))
    elif hosts:
        rest.append(next(error for error in errors if isinstance(error, NoNetwork)))
    unique = list({(error.code, error.what): error for error in rest}.values())
    return unique[0] if len(unique) == 1 else Several(unique)


def catalogue() -> Iterator[type[StepError]]:
    """Yield every error class of this package in the order of its status."""
    for room in pkgutil.iter_modules([str(Path(__file__).parent)], f"{__package__}."):
        importlib.import_module(room.name)
    yield from sorted(set(_kinds(StepError)) - {Several}, key=lambda kind: kind.status)


def _kinds(of: type[StepError]) -> Iterator[type[StepError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


class NoNetwork(StepError):
    """A host can't be reached: it doesn't answer, its name is unknown, or a proxy refuses the connection."""

    status = 70
    title = "no network"
    cause = "A firewall, a proxy setting, DNS or an outage keeps the runner from the host."
    fix = (
        "Let the runner connect to the named hosts, or set HTTPS_PROXY and REQUESTS_CA_BUNDLE. Name a mirror of the "
        "public index in PIP_INDEX_URL or UV_DEFAULT_INDEX; pip.conf isn't read."
    )

    def __init__(self, host: str, details: str = "") -> None:
        """Name the unreachable `host` (or several, comma separated)."""
        super().__init__(f"No connection to {host}.", details=details)
        self.host = host


class TooSlow(StepError):
    """A host or a tool gave no answer within its time limit."""

    status = 71
    title = "no answer in time"
    cause = "The service hangs or is overloaded, or a tool waits for something that never comes."
    fix = "Run the step again; what is done is kept."


class NoRoom(StepError):
    """The disk has no room for the packages of the environment, or became full during the run."""

    status = 96
    title = "disk full"
    cause = "The packages are larger than the free space where the step's own packages or uv's cache lie."
    fix = (
        "Make room, or name a folder that has it in UV_CACHE_DIR and (on a command line) XDG_CACHE_HOME; with `verify` "
        "files nothing is installed."
    )

    @classmethod
    def meanwhile(cls, what: str, details: str = "") -> "NoRoom":
        """Return the error of a disk that became full: `what` was going on then."""
        return cls(
            f"The disk became full {what}.",
            cause="Temporary files, uv's cache and the emitted files together are larger than the free space.",
            fix="Make room, or name a folder that has it in UV_CACHE_DIR and (on a command line) XDG_CACHE_HOME, and "
            "run the step again; what is done is kept.",
            details=details,
        )


class OutOfTime(StepError):
    """The step took longer than `timeout-minutes`, and ended itself with its tools."""

    status = 190
    title = "out of time"
    cause = "A server or a tool is slow in the stage that the message names, or the work takes that long."
    fix = "Run the step again: what is done is kept. If the stage needs more time, set `timeout-minutes` higher."


class Unexpected(StepError):
    """amlwheel itself failed."""

    status = 99
    title = "unexpected error"
    cause = "A bug in amlwheel, or a response that it doesn't know."
    fix = (
        "Run the step again with debug lines (GitHub: re-run with 'Enable debug logging'; Azure Pipelines: run with "
        "'Enable system diagnostics'; a terminal: AMLWHEEL_DEBUG=1). If it fails again, report it with the log, which "
        "contains no secret."
    )
