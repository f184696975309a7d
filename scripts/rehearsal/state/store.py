"""What the local Azure remembers, as JSON files that people and tests may read and edit."""

import contextlib
import json
import os
import pathlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import orjson

from . import images, names

_READABLE = 2**17  # characters; of larger documents, such as hundreds of workspaces, indenting takes a second


class Store:
    """The state folder's documents, a JSON file each: those of `_seeds`.

    A document is parsed again whenever its file is another one, so an edit made from outside counts at once. Inside the
    proxy a request and an image build may change one document: each waits for the other.
    """

    def __init__(self, root: pathlib.Path) -> None:
        """Use `root`, and put there the documents that it lacks."""
        self.root = root
        self._changing = threading.RLock()
        self._known: dict[str, tuple[tuple[int, ...], dict[str, Any], str]] = {}
        root.mkdir(parents=True, exist_ok=True)
        for name, content in _seeds().items():
            if not self.path(name).exists():
                self.write(name, content)

    def path(self, name: str) -> pathlib.Path:
        """Return the file of a document."""
        return self.root / f"{name}.json"

    def read(self, name: str) -> dict[str, Any]:
        """Return a copy of a document."""
        content: dict[str, Any] = json.loads(self.path(name).read_text("utf-8"))
        return content

    def peek(self, name: str) -> dict[str, Any]:
        """Return a document itself, which nobody may change: to copy hundreds of workspaces takes long."""
        return self._parsed(name)[1]

    def _parsed(self, name: str) -> tuple[tuple[int, ...], dict[str, Any], str]:
        """Return a document between the stamp of its file and its text, as `_text` writes it."""
        stamp, known = self._stamp(name), self._known.get(name)
        if not known or known[0] != stamp:
            content = json.loads(self.path(name).read_text("utf-8"))
            known = self._known[name] = stamp, content, _text(content)
        return known

    def _stamp(self, name: str) -> tuple[int, ...]:
        stat = self.path(name).stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a document, whole or not at all."""
        self._write(name, _text(content))

    def _write(self, name: str, text: str) -> None:
        part = self.path(name).with_suffix(f".{os.getpid()}.part")
        with self._changing:
            part.write_text(text, "utf-8")
            part.replace(self.path(name))

    @contextlib.contextmanager
    def edit(self, name: str) -> Iterator[dict[str, Any]]:
        """Give a document to change; it is written back if it was changed, and stays as it was if the block raises."""
        with self._changing:
            _, content, before = self._parsed(name)
            try:
                yield content
            except BaseException:
                self._known.pop(name, None)
                raise
            text = _text(content)
            if text != before:
                self._write(name, text)
                self._known[name] = self._stamp(name), content, text

    def files(self, organization: str, feed: dict[str, Any], kind: str = "published") -> pathlib.Path:
        """Return the folder of a feed's files, `published` to it or `saved` from its upstream."""
        project, name = str(feed["project"] or "-"), str(feed["name"])
        folder = self.root / "feeds" / organization / project / name / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def wheels(self, backend: str) -> pathlib.Path:
        """Return the folder of the wheels that PyTorch's index has for a backend, such as `cpu`."""
        folder = self.root / "torch" / backend
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def blobs(self, account: str) -> pathlib.Path:
        """Return the folder of a storage account: below it are containers, below those the blobs as files."""
        return self.root / "blobs" / account


def _text(content: dict[str, Any]) -> str:
    try:
        text = orjson.dumps(content).decode()
    except TypeError:  # half a character, which JSON can spell and UTF-8 can't
        text = json.dumps(content)
    return f"{text if len(text) >= _READABLE else json.dumps(content, indent=1)}\n"


def _seeds() -> dict[str, dict[str, Any]]:
    return {
        "entra": _entra(),
        "feeds": _feeds(),
        "arm": _arm(),
        "registries": _registries(),
        "storage": _storage(),
        "registry": images.document(),
        "git": _git(),
        "advisories": {},
        "builder": {"pat": "user"},  # or "password": what a stored PAT is in an index's address
    }


def _entra() -> dict[str, Any]:
    workload = {
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": f"repo:{names.ORGANIZATION}/*",
        "audience": "api://AzureADTokenExchange",
    }
    connection = {
        "issuer": f"https://vstoken.dev.azure.com/{names.guid(names.ORGANIZATION)}",
        "subject": names.SERVICE_CONNECTION_SUBJECT,
        "audience": "api://AzureADTokenExchange",
    }
    return {
        "signing_key": secrets.token_hex(32),
        "job_tokens": [names.JOB_TOKEN],
        "service_connections": {names.SERVICE_CONNECTION: names.SERVICE_CONNECTION_SUBJECT},
        "tenants": [names.TENANT_ID],
        "applications": {
            names.CLIENT_ID: {
                "secret": names.CLIENT_SECRET,
                "federated": [workload, connection],
                "workspaces": "Contributor",
                "feeds": "Contributor",
            },
            names.READER_CLIENT_ID: {
                "secret": names.READER_CLIENT_SECRET,
                "federated": [],
                "workspaces": "Reader",
                "feeds": "Reader",
            },
            names.OUTSIDER_CLIENT_ID: {
                "secret": names.OUTSIDER_CLIENT_SECRET,
                "federated": [],
                "workspaces": None,
                "feeds": None,
            },
        },
        "personal_access_tokens": {
            names.FEED_TOKEN: {"name": "publisher", "scope": "vso.packaging_write", "role": "Contributor"},
            names.READ_TOKEN: {"name": "reader", "scope": "vso.packaging", "role": "Reader"},
            names.JOB_TOKEN: {"name": "job", "scope": "vso.packaging_write", "role": "Contributor"},
            names.BUILD_TOKEN: {"name": "build", "scope": "vso.packaging_write", "role": "Collaborator"},
        },
    }


def _git() -> dict[str, Any]:
    """Return who may read which owner's repositories, by host and token."""
    reader = {"owner": names.ORGANIZATION, "reads": True}
    return {host: {names.CODE_TOKEN: dict(reader)} for host in ("github.com", "dev.azure.com")}


def _feeds() -> dict[str, Any]:
    org, project, spaced = names.ORGANIZATION, names.PROJECT, names.SPACED_PROJECT

    def feed(name: str, project: str | None, *, upstream: bool = False) -> dict[str, Any]:
        return {
            "id": names.guid(org, project or "", name),
            "name": name,
            "project": project,
            "upstream": upstream,
            "views": ["Local", "Prerelease", "Release"],
            "promoted": {},
            "cacheable": False,  # may clients keep files? They come from a store (uv#13208); what it says is open
        }

    return {
        org: {
            "tenant": names.TENANT_ID,
            "projects": {name: names.guid(org, name) for name in (project, spaced)},
            "feeds": [
                feed(names.FEED, project),
                feed("lab", spaced),
                feed(names.ORGANIZATION_FEED, None),
                feed(names.MIRROR_FEED, project, upstream=True),
            ],
        }
    }


def _storage() -> dict[str, Any]:
    """Return accounts beside the workspaces' own, and who has which role; a container's value is how public it is.

    `firewall`: it refuses the runner's network. `hidden`: ARM tells nobody of it. `allow_public`: containers may
    be public. A role counts at its scope and below.
    """
    account = f"/subscriptions/{names.SUBSCRIPTION_ID}/resourceGroups/{names.STORAGE_GROUP}/providers/Microsoft.Storage"
    account += f"/storageAccounts/{names.STORAGE_ACCOUNT}"
    holders = {
        names.guid("principal", names.CLIENT_ID): "Storage Blob Data Contributor",
        names.guid("principal", names.READER_CLIENT_ID): "Storage Blob Data Reader",
        names.guid("identity", names.WORKSPACE): "Storage Blob Data Reader",
        names.guid("identity", names.OTHER_WORKSPACE): "Storage Blob Data Reader",
    }
    return {
        "accounts": {
            names.STORAGE_ACCOUNT: {
                "group": names.STORAGE_GROUP,
                "containers": {names.CONTAINER: None},
                "allow_public": False,
                "firewall": False,
                "hidden": False,
            }
        },
        "assignments": [{"scope": account, "principal": one, "role": role} for one, role in holders.items()],
    }


def _registries() -> dict[str, Any]:
    shared = {"subscription": names.SUBSCRIPTION_ID, "group": names.SHARED_GROUP, "region": "westeurope"}
    return {names.MODEL_REGISTRY: {**shared, "environments": {}, "operations": {}}}


def _arm() -> dict[str, Any]:
    workspaces = {
        name: {
            "location": "westeurope",
            "workspaceId": names.guid("workspace", name),
            "connections": {},
            "environments": {},
        }
        for name in (names.WORKSPACE, names.OTHER_WORKSPACE)
    }
    return {names.REFUSED_API_VERSIONS: [], names.SUBSCRIPTION_ID: {names.RESOURCE_GROUP: workspaces}}
