"""Shared access signatures: whoever has such a URL may do with one blob what it says, until it says.

After "Create a service SAS" (REST reference of Azure Storage), for version 2019-12-12.
"""

import base64
import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from ..state.store import Store

LIFETIME = 3600
"""Seconds; that those of the real service end within hours is our model, the times aren't documented."""

_VERSION = "2019-12-12"
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_SIGNED = ("sp", "st", "se", "", "", "", "spr", "sv", "sr", "", "", "", "", "", "")
"""The fields of the text that is signed, in order; the fourth is the resource, the empty ones we never set."""


@dataclass(frozen=True)
class Blob:
    """A blob's place."""

    account: str
    container: str
    path: str

    @property
    def url(self) -> str:
        """The address without a signature. A plus sign stays: .NET doesn't escape it in a path."""
        path = urllib.parse.quote(f"{self.container}/{self.path}", safe="/+~")
        return f"https://{self.account}.blob.core.windows.net/{path}"


def signed_url(store: Store, blob: Blob, permissions: str, lifetime: float = LIFETIME) -> str:
    """Return a blob's URL with a signature for `permissions`: letters such as `r` for read."""
    return f"{blob.url}?{query(store, blob, permissions, lifetime)}"


def query(store: Store, blob: Blob, permissions: str, lifetime: float = LIFETIME) -> str:
    """Return the query that makes a signed URL of a blob's."""
    now = time.time()
    fields = {
        "sv": _VERSION,
        "sr": "b",
        "st": _moment(now - 300),  # as Microsoft's own do, for clocks that go slow
        "se": _moment(now + lifetime),
        "sp": permissions,
    }
    return urllib.parse.urlencode({**fields, "sig": _sign(store, blob, fields)})


def problem(store: Store, blob: Blob, fields: Mapping[str, str]) -> str | None:
    """Return why a signature isn't accepted, in the words of `AuthenticationErrorDetail`; None if it is."""
    if not hmac.compare_digest(_sign(store, blob, fields).encode(), fields["sig"].encode()):
        return "Signature did not match."
    start, end, now = fields.get("st", ""), fields.get("se", ""), _moment(time.time())
    if not start <= now < end:
        return f"Signature not valid in the specified time frame: Start [{start}] - Expiry [{end}] - Current [{now}]"
    return None


def _sign(store: Store, blob: Blob, fields: Mapping[str, str]) -> str:
    lines = [fields.get(name, "") if name else "" for name in _SIGNED]
    lines[3] = f"/blob/{blob.account}/{blob.container}/{blob.path}"
    return base64.b64encode(_hmac(key(store, blob.account), "\n".join(lines))).decode()


def key(store: Store, account: str) -> bytes:
    """Return an account's key."""
    return _hmac(str(store.read("entra")["signing_key"]).encode(), account)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _moment(timestamp: float) -> str:
    return time.strftime(_MOMENT, time.gmtime(timestamp))
