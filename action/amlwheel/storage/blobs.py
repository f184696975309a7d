"""Wheels in a container of blobs (`route: storage`), by azure-storage-blob and a token of Entra.

Statuses and codes: REST reference of Azure Storage, "Blob service error codes" and "Common REST API error codes".
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from azure.core import exceptions

from .. import __version__
from ..errors.base import StepError
from ..errors.storage import BlobDiffers, BlobRefused, ContainerNotFound, ContainerRefused, StorageFirewall
from ..model import exact
from ..model.azure import Container
from ..model.secret import excerpt
from ..model.wheel import Wheel
from ..plan.change import Change, Verb
from ..transport import azure, bounds, http

# Codes for a caller with a token and the right network, but without a role (azure-storage-blob's error codes).
_NO_ROLE = ("AuthorizationPermissionMismatch", "InsufficientAccountPermissions")
_FIREWALL = ("AuthorizationFailure", "NetworkAuthorizationFailure", "AuthorizationSourceIPMismatch")
_THERE = ("BlobAlreadyExists", "ConditionNotMet")  # to `If-None-Match: *`
_OTHERS = "Use another container; or delete the file there, if no environment needs it any more."
_SCOPE = "https://storage.azure.com/.default"
TRIES, PAUSE = 3, 2  # repeats of a request, and seconds between them; the library's own pauses begin at 15
BLOCK = 2**22  # bytes of a block, and of each answer when a blob is read


@dataclass(frozen=True)
class _ForStorage:
    """A credential for storage alone: who answers for an account may name any audience, and would be sent its token."""

    credential: Any

    def get_token(self, *scopes: str, **more: Any) -> Any:  # noqa: ANN401  # azure-core's protocol
        """Return a token for storage, whatever `scopes` say."""
        del scopes
        return self.credential.get_token(_SCOPE, **more)


@dataclass(frozen=True)
class Blobs:
    """One container, used with `credential` (azure-core's protocol); safe for several threads.

    `grant` is the command that grants the role which the step needs.
    """

    container: Container
    credential: Any
    grant: str = ""

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  # its type is only known where it is imported
        # Takes most of a second, which only this route has to wait for.
        from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415
        from azure.storage.blob import ContainerClient, LinearRetry  # noqa: PLC0415

        return ContainerClient(
            self.container.service,
            self.container.name,
            credential=_ForStorage(self.credential),
            # With our session: its adapter bounds connections, and doesn't wait 40 ms at each write behind a proxy.
            transport=RequestsTransport(
                session=http.plain_session(),
                session_owner=False,
                connection_timeout=http.CONNECT,
                read_timeout=http.READ,
            ),
            retry_policy=LinearRetry(
                backoff=PAUSE, retry_total=TRIES, retry_connect=2, retry_read=1, random_jitter_range=1
            ),
            max_single_put_size=8 * BLOCK,
            max_block_size=BLOCK,
            max_single_get_size=BLOCK,
            max_chunk_get_size=BLOCK,
            permit_redirects=False,  # the service never redirects; a sign-in page does
            user_agent=f"amlwheel/{__version__}",
        )

    def public(self) -> str:
        """Return the container's public access level: `blob`, `container`, or an empty text when it is closed.

        Raises ContainerNotFound, ContainerRefused, StorageFirewall, BlobRefused, NoNetwork, TooSlow.
        """
        with self._answers("the container"):
            return str(self._client.get_container_properties().public_access or "")

    def has(self, path: str, sha256: str, size: int = 0, *, read: bool = False, fix: str = _OTHERS) -> bool:
        """Tell whether the blob `path` is there with these bytes; raise BlobDiffers when it has others.

        The sha256 in the blob's metadata decides, if the size is right (0: unknown); otherwise, and with `read`, the
        bytes decide. `fix` tells what to do about other bytes; the default of BlobDiffers is to bump our version.
        """
        with self._answers(path):
            try:
                properties = self._client.get_blob_client(path).get_blob_properties()
            except exceptions.ResourceNotFoundError as error:
                if _code(error) == "ContainerNotFound":
                    raise
                return False
        noted = str((properties.metadata or {}).get("sha256", ""))
        certain = noted == sha256 and size in (0, properties.size) and not read
        theirs = noted if certain else self._digest(path)
        if theirs != sha256:
            raise BlobDiffers(
                f"{self.container.url} has {path} with sha256 {theirs[:12]}…; this run's has {sha256[:12]}….", fix=fix
            )
        return True

    def _digest(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._answers(path):
            for chunk in self._chunks(path):
                digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of the blob `path`; each answer has 4 MiB at most."""
        host = self.container.service.removeprefix("https://")
        yield from bounds.paced(
            bounds.within(bounds.WHOLE, host, lambda: self._client.download_blob(path).chunks()), host
        )

    def put(self, path: str, file: Path, sha256: str, *, fix: str = _OTHERS) -> None:
        """Store `file` under `path`, if it has this sha256; so must one that another run has stored meanwhile.

        `If-None-Match: *` goes with the request that makes the blob appear, so nothing is ever overwritten, and two
        runs at once, or a repeat after a lost answer, end in one blob (Put Blob; Put Block List). `fix`: see `has`.
        """
        with exact.held(file, sha256) as content, self._answers(path):
            size = os.fstat(content.fileno()).st_size
            given = {"length": size, "metadata": {"sha256": sha256}, "validate_content": True}
            try:
                self._client.upload_blob(path, content, overwrite=False, **given)
            except exceptions.HttpResponseError as error:
                if _code(error) not in _THERE:  # 409 has other meanings, too, such as ContainerBeingDeleted
                    raise
        if not self.has(path, sha256, size, fix=fix):
            raise BlobRefused(f"{self.container.url} accepted {path}, but doesn't have it.")

    def fetch(self, path: str, file: Path, sha256: str) -> Path:
        """Read the blob `path` into `file`; raise BlobDiffers when its sha256 is another one."""
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        digest = hashlib.sha256()
        with self._answers(path), part.open("wb") as content:
            for chunk in self._chunks(path):
                digest.update(chunk)
                content.write(chunk)
        if digest.hexdigest() != sha256:
            raise BlobDiffers(
                f"{self.container.url} gives {path} with sha256 {digest.hexdigest()[:12]}…, not {sha256[:12]}…."
            )
        return part.replace(file)

    def plan(self, wheel: Wheel, keep: Path) -> Change[str]:
        """Say what storing `wheel` means; after the upload the whole blob is read back into the file `keep`.

        Raises BlobDiffers when a file of that name has other bytes.
        """
        path = f"{wheel.project}/{wheel.filename}"
        subject = f"wheel {wheel.filename} in {self.container.url}"
        if self.has(path, wheel.sha256, wheel.size, read=True, fix=""):
            return Change(subject, Verb.KEEP, "the container has it with the same sha256", wheel.sha256)

        def effect() -> None:
            self.put(path, wheel.path, wheel.sha256, fix="")
            self.fetch(path, keep, wheel.sha256)

        return Change(subject, Verb.CREATE, "new file", wheel.sha256, effect)

    @contextlib.contextmanager
    def _answers(self, what: str) -> Iterator[None]:
        """Turn the library's errors into ours. None is chained: they hold the request with its token."""
        try:
            with azure.network(self.container.service.removeprefix("https://"), http.READ):
                yield
        except exceptions.HttpResponseError as error:
            raise self._refusal(what, error) from None
        except (exceptions.AzureError, ValueError) as error:  # such as a page, with status 200, in place of a blob
            raise BlobRefused(
                f"{self.container.url} gave a response for {what} that isn't one of a storage account.",
                details=type(error).__name__,
            ) from None

    def _refusal(self, what: str, error: exceptions.HttpResponseError) -> StepError:
        """Return the error for a response. One that concerns all files names none, so it is reported once."""
        code, url = _code(error), self.container.url
        details = excerpt(str(error.message or ""), 2000)
        if code in ("ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled"):
            return ContainerNotFound(f"There is no container {url} ({code}).")
        if code in _NO_ROLE:
            return ContainerRefused(f"{url} refuses a request that the step needs: {code}.", fix=self.grant)
        if code in _FIREWALL:
            return StorageFirewall(f"{url} refuses requests from this network: {code}.", details=details)
        return BlobRefused(
            f"{url} answered {error.status_code} {code or 'without a code'} for {what}.", details=details
        )


def _code(error: exceptions.HttpResponseError) -> str:
    """Return the service's code, cleaned: it is foreign text, and becomes a part of a message."""
    headers = getattr(error.response, "headers", None) or {}
    code = getattr(error, "error_code", None) or headers.get("x-ms-error-code", "")
    return re.sub(r"\W", "", str(getattr(code, "value", code)))[:80]
