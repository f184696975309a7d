"""Where a credential may go: to the origin that it was given for, and to no other (RFC 6454, section 4)."""

from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def same(one: str, other: str) -> bool:
    """Tell whether scheme, host and port of two addresses are the same; what isn't an address is like nothing."""
    ours = _origin(one)
    return ours is not None and ours == _origin(other)


def _origin(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, the default one where none is named."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None


def split(address: str) -> SplitResult:
    """Return the parts of an address; all are empty for a text that is none, such as `https://[x`."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
