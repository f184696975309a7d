"""Every spelling of a git repository that people paste → the https address that the image builder fetches from."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from ..errors.git import BadRepository, NotACommit
from .azure import Connection
from .feed import NO_SIGN_IN_PAGE

GITHUB, AZURE = "github.com", "dev.azure.com"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LEGACY = re.compile(r"([a-z0-9][a-z0-9-]*)\.visualstudio\.com")
_SSH = re.compile(
    r"(?:ssh://(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?/|(?:[\w.-]+@)?(?P<short>[\w.-]+):)(?P<path>[^/].*)"
)
_AZURE_SSH = re.compile(r"v3/([^/]+)/([^/]+)/([^/]+)")
_LONGEST = 33  # characters of a connection's name
_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Repository:
    """A repository that is read by https, and a commit in it; an empty commit is the one that is checked out."""

    url: str
    commit: str = ""

    @classmethod
    def parse(cls, text: str, *, remote: bool = False) -> "Repository":
        """Read `https://HOST/OWNER/REPO`, an ssh spelling of it, or either with `@COMMIT` behind.

        Legacy addresses of Azure Repos come out as dev.azure.com. A `remote` of a checkout may have a user name or a
        credential in it, which is dropped; an input may not. Raises BadRepository, NotACommit.
        """
        text = text.strip()
        if re.match(r"https?://", text, re.IGNORECASE):
            return cls._from_url(text, remote=remote)
        ssh = _SSH.fullmatch(text)
        if not ssh:
            raise BadRepository(f"{_shown(text)!r} isn't the address of a git repository.")
        path, at, commit = ssh["path"].partition("@")
        azure = _AZURE_SSH.fullmatch(path.rstrip("/"))
        if azure:  # git@ssh.dev.azure.com:v3/ORG/PROJECT/REPO, or vs-ssh.visualstudio.com
            owner, project, name = azure.groups()
            return cls._made(AZURE, f"{owner}/{project}/_git/{name}", at, commit)
        return cls._made((ssh["host"] or ssh["short"]).lower(), path, at, commit)

    @classmethod
    def _from_url(cls, text: str, *, remote: bool) -> "Repository":
        try:
            parts = urlsplit(text)
            user, host, port = parts.username, parts.hostname or "", parts.port
        except ValueError:  # not shown: a credential may be in it
            raise BadRepository("it is an address with an invalid host.") from None
        if parts.scheme.lower() != "https":
            raise BadRepository(f"{_shown(text)!r} isn't encrypted: a token sent to it could be read on the way.")
        # Azure Repos' own clone addresses name the organisation before the host.
        if not remote and user is not None and (parts.password is not None or host != AZURE):
            raise BadRepository(
                f"it is an address with a user name or token in it ({_shown(text)!r} without it).",
                fix="Take the credential out; the token is given as `connection-token`.",
            )
        path, at, commit = parts.path.partition("@")
        if parts.query or parts.fragment:
            raise BadRepository(f"{_shown(text)!r} is the address of a page, not of a repository.")
        return cls._made(f"{host}:{port}" if port else host, path, at, commit)

    @classmethod
    def _made(cls, host: str, path: str, at: str, commit: str) -> "Repository":
        """Return the repository at `path` (quoted or not) of `host`, in its one spelling."""
        parts = [unquote(part) for part in path.split("/") if part]
        legacy = _LEGACY.fullmatch(host)
        if legacy:
            host, parts = AZURE, [legacy[1], *(part for part in parts if part != "DefaultCollection")]
        if host == AZURE and len(parts) == 3 and parts[1] == "_git":  # noqa: PLR2004  # a project's repository of its name
            parts.insert(1, parts[2])
        if host in (f"www.{GITHUB}", f"ssh.{GITHUB}"):
            host = GITHUB
        if host in (GITHUB, AZURE) and parts:
            parts[-1] = parts[-1].removesuffix(".git")
        fits = {GITHUB: len(parts) == 2, AZURE: len(parts) == 4 and parts[2] == "_git"}  # noqa: PLR2004
        url = f"https://{host}/{'/'.join(quote(part, safe='') for part in parts)}"
        if not fits.get(host, bool(parts)) or not _HOST.fullmatch(host) or {".", ".."} & set(parts):
            raise BadRepository(f"{url} isn't the address of a git repository.")
        if at and not _COMMIT.fullmatch(commit.lower()):
            raise NotACommit(f"{commit!r} is a branch, a tag or a shortened id, not a commit's full id.")
        return cls(url, commit.lower())

    @property
    def host(self) -> str:
        """The host (with port)."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """The path without a slash in front, such as `OWNER/REPO`."""
        return urlsplit(self.url).path.strip("/")

    @property
    def permission(self) -> str:
        """The token that may read it, in the words of its host."""
        if self.host == GITHUB:
            return f"a fine-grained personal access token for {self.path} with the permission Contents (read-only)"
        if self.host == AZURE:
            return f"a personal access token of {self.path.partition('/')[0]} with the scope Code (read)"
        return f"a token that may read {self.url}"

    def at(self, commit: str) -> "Repository":
        """Return the repository with another commit."""
        return replace(self, commit=commit)

    def requirement(self, name: str, folder: str) -> str:
        """Return the requirement of the package `name` in `folder` as pip reads it (pip, "VCS Support")."""
        below = f"#subdirectory={folder}" if folder else ""
        return f"{name} @ git+{self.url}@{self.commit}{below}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that every request to it has."""
        return NO_SIGN_IN_PAGE if self.host == AZURE else {}

    def connection(self, name: str = "") -> Connection:
        """Return the connection whose token reads it; without a `name` the name is derived from the target.

        A token of Azure Repos is for the organisation, so all its repositories share one connection, as feeds do; a
        fine-grained one of GitHub is for chosen repositories, so each has its own.
        """
        owner = self.path.partition("/")[0]
        target = f"https://{AZURE}/{owner}" if self.host == AZURE else self.url
        subject = owner if self.host == AZURE else self.path if self.host == GITHUB else f"{self.host}/{self.path}"
        return Connection(name or _name(subject, target), target, "Git", self.url)


def _name(subject: str, target: str) -> str:
    """Return a connection's name that the service accepts (see `azure.connection_name`); two targets never share it."""
    name = f"git-{re.sub(r'[^a-zA-Z0-9_-]+', '-', unquote(subject))}".rstrip("-")
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 7].rstrip('-')}-{hashlib.sha256(target.lower().encode()).hexdigest()[:6]}"


def _shown(text: str) -> str:
    """Return an address without the part before its host, which may be a credential."""
    return re.sub(r"^(\w+://)?[^/@\s]*@", r"\1", text)
