"""Readers of inputs: each turns the text of one input into its value, or raises BadInput."""

import re
from collections.abc import Callable

from packaging.utils import canonicalize_name

from ..errors.base import StepError, together
from ..errors.build import SecretForBuild
from ..errors.inputs import BadInput
from ..model import advisory, connection_token, limit, package_index, variable
from ..model.azure import Container, Target, target
from ..model.conda import Package, exact
from ..model.environment import Python
from ..model.feed import Feed
from ..model.feed_spelling import parse_feed, parse_upload_url
from ..model.limit import Newer
from ..model.package_index import PackageIndex
from ..model.repository import Repository
from ..model.secret import Secret
from ..model.shard import Shard

DAY = 1440  # minutes
# `scripts/locks` refreshes both: the image's newest dated tag, which doesn't move, and the newest patches of Python
# in uv's own list, which conda-forge builds within days; conda needs one exact version. Their ages aren't noted here
# but read from the tag and from that list: a test refuses a release in which they are old.
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20260715.v1"
PYTHONS = {"3.10": "3.10.22", "3.11": "3.11.18", "3.12": "3.12.16", "3.13": "3.13.18", "3.14": "3.14.10"}


def lines(text: str) -> tuple[str, ...]:
    """Read the lines that aren't empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def names(text: str) -> frozenset[str]:
    """Read names of packages, on lines or with commas between them, as normalised names (PEP 503)."""
    found = [each for each in re.split(r"[\s,]+", text) if each]
    for each in found:
        matching(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "names of packages, one a line, without versions")(each)
    return frozenset(map(canonicalize_name, found))


def variables(text: str) -> tuple[str, ...]:
    """Read a name of an environment variable a line; raise SecretForBuild for one that is named like a secret's."""
    names = tuple(dict.fromkeys(lines(text)))
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            shown = name.partition("=")[0]  # a value may be a secret
            raise BadInput(
                f"{shown!r} isn't the name of an environment variable.",
                fix="Write names alone in `build-env`, one a line, as the environment spells them: PACKAGE_VERSION.",
            )
        if variable.secretive(name):
            raise SecretForBuild(f"{name} is named like a secret, or belongs to the host.")
    return names


def accepted(text: str) -> dict[str, str]:
    """Read ids of advisories, on lines or with commas between them, each with the reason behind a `#` on its line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        ids, _, reason = line.partition("#")
        for each in filter(None, re.split(r"[\s,]+", ids)):
            found[matching(rf"(?a:{advisory.ID})", "the id of an advisory, such as CVE-2025-8869")(each)] = (
                reason.strip()
            )
    return found


def conda(text: str) -> tuple[Package, ...]:
    """Read a conda package a line, each once and in an exact version; raises all problems together."""
    found: dict[Package, None] = {}
    problems: list[StepError] = []
    for line in lines(re.sub(r"(?m)^\s*#.*$", "", text)):
        try:
            found[exact(re.sub(r"\s#.*|^- ", "", line))] = None
        except StepError as problem:
            problems.append(problem)
    if problems:
        raise together(problems)
    return tuple(found)


def boolean(text: str) -> bool:
    """Read `true` or `false`, in any case of letters."""
    if text.lower() not in ("true", "false"):
        raise BadInput(f"{text!r} is neither true nor false.")
    return text.lower() == "true"


def targets(text: str) -> tuple[Target, ...]:
    """Read a workspace or a registry a line, each once, as it is spelled first: Azure's names have no case.

    Raises BadWorkspace.
    """
    found: dict[str, Target] = {}
    for each in map(target, lines(text)):
        found.setdefault(each.id.lower(), each)
    return tuple(found.values())


def python(text: str) -> Python:
    """Read `3.11` or `3.11.9`. YAML reads an unquoted 3.10 as the number `3.1`."""
    minor = ".".join(text.split(".")[:2])
    if minor not in PYTHONS or not re.fullmatch(r"\d+\.\d+(\.\d+)?", text, re.ASCII):
        message = f"{text!r} is not one of {', '.join(PYTHONS)} (or one of their patch versions)."
        quotes = "Quote it in YAML: python-version: '3.10'." if text == "3.1" else ""
        raise BadInput(message, fix=quotes)
    return Python(text if text.count(".") == 2 else PYTHONS[minor])  # noqa: PLR2004  # major.minor.patch


def matching(pattern: str, rule: str) -> Callable[[str], str]:
    """Return a reader of texts that match `pattern` or are empty; `rule` describes for users what is allowed."""

    def read(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            raise BadInput(f"{text!r} isn't valid: {rule}.")
        return text

    return read


def feed(text: str) -> Feed | None:
    """Read a feed in any spelling; raise BadFeed."""
    return parse_feed(text) if text else None


def repository(text: str) -> Repository | None:
    """Read the address of a git repository; raise BadRepository."""
    return Repository.parse(text) if text else None


def container(text: str) -> Container | None:
    """Read the address of a container of blobs."""
    return Container.parse(text) if text else None


def environment_name(text: str) -> str:
    """Read an environment's name; the rule is the service's (azure-rest-api-specs, mfe.json 2024-04-01)."""
    plain = matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", "up to 255 letters, digits, - and _; no dots")(text)
    refuse_reserved(plain)
    return plain


def refuse_reserved(name: str) -> None:
    """Raise BadInput for a name that Azure reserves for Microsoft's own environments, in any case.

    Source: Learn, how-to-troubleshoot-environments (2026-07-02); azure-docs#65770.
    """
    begins = re.match("azureml|microsoft", name, re.IGNORECASE)
    if begins:
        raise BadInput(
            f"the environment's name {name!r} begins with {begins[0]}, and Azure reserves such names.",
            fix="Set `environment-name` to a name that begins with something else.",
        )


def package_indexes(text: str) -> tuple[PackageIndex, ...]:
    """Read `URL NAME NAME...` lines; an address with a credential is refused without being shown."""
    found: dict[str, str] = {}
    for line in lines(text):
        address, *names = line.replace(",", " ").split()
        wrong = [each for each in names if not re.fullmatch(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", each, re.ASCII)]
        if package_index.unfit(address):
            raise BadInput(
                f"the address {package_index.shown(address)!r} {package_index.unfit(address)}.", fix=_INDEXES
            )
        if wrong or not names:
            what = f"{wrong[0]!r}, which is no package's name" if wrong else "no package"
            raise BadInput(f"the line of {address} names {what}.", fix=_INDEXES)
        for name in map(canonicalize_name, names):
            if not package_index.same_address(found.setdefault(name, address), address):
                raise BadInput(
                    f"{name} is named for two indexes.", fix=f"Name {name} in one line of `package-indexes`."
                )
    places = dict.fromkeys(found.values())
    return tuple(PackageIndex(each, frozenset(name for name in found if found[name] == each)) for each in places)


_INDEXES = "Write a line as https://HOST/PATH NAME NAME..., without a credential."


def torch_backend(text: str) -> PackageIndex | None:
    """Read a backend of PyTorch, and return its index; `auto` would look for a GPU where none has to be."""
    if text and not re.fullmatch(package_index.BACKEND, text):
        raise BadInput(
            f"{text!r} isn't a backend of PyTorch that the step knows.",
            fix="Write `torch-backend` as cpu, xpu, or with the version of CUDA or ROCm of the image: cu126, rocm6.3.",
        )
    return package_index.torch(text) if text else None


def newer(text: str) -> Newer:
    """Read what `exclude-newer` says."""
    try:
        return limit.parse(text)
    except ValueError:
        raise BadInput(
            f"{text!r} is neither commit nor none, a time with a zone, or a number of hours, days or weeks.",
            cause="A month or a year has no fixed length, and a day without a time and a zone is two days long.",
            fix="Write `exclude-newer` as commit, none, 2026-03-01T12:00:00Z, or 7 days.",
        ) from None


def token(text: str) -> Secret:
    """Read a token: printable ASCII, since an HTTP header can't carry anything else."""
    if not re.fullmatch(r"[!-~]*", text):
        raise BadInput(
            "it has a space, a line break, or another character that no token has.",
            fix="Store the token again, alone and on one line.",
        )
    return Secret(text)


# RFC 7617: no colon, since the password begins behind the first one.
user = matching(r"[!-9;-~]([ -9;-~]*[!-9;-~])?", "printable ASCII without a colon")


def upload_url(text: str) -> str:
    """Read an address for uploads; raise BadFeed."""
    return parse_upload_url(text) if text else ""


def guid(text: str) -> str:
    """Read an id of Entra."""
    return matching(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a GUID, as Entra shows it")(text).lower()


def days(text: str) -> int | None:
    """Read a number of days."""
    return int(matching(r"[0-9]{1,4}", "a number of days")(text)) if text else None


def minutes(text: str) -> int:
    """Read a number of minutes: at least one, since no run may go on for ever, and at most a day."""
    number = int(matching(r"[0-9]{1,4}", "a whole number of minutes")(text))
    if not 0 < number <= DAY:
        raise BadInput(f"{text!r} isn't between 1 and {DAY}: there is no run without a limit.")
    return number


def shard(text: str) -> Shard | None:
    """Read a part such as `2/3`, counted from 1; empty: all of it."""
    if not text:
        return None
    part, of = map(
        int, matching(r"[0-9]{1,4}/[0-9]{1,4}", "a part and the number of parts, such as 2/3")(text).split("/")
    )
    if not 0 < part <= of:
        raise BadInput(f"{text!r}: parts count from 1/{of} to {of}/{of}." if of else f"{text!r} has no parts.")
    return Shard(part, of)


def day(text: str) -> str:
    """Read a date as Azure DevOps shows it, or a time in UTC as its REST interface returns it; empty stays empty."""
    try:
        return connection_token.day(text) if text else ""
    except ValueError:
        raise BadInput(f"{text!r} isn't a date of the form YYYY-MM-DD.") from None
