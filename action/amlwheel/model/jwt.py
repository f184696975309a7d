"""What a JWT (RFC 7519) says of itself. Nothing is checked here: whoever accepts a token verifies its signature."""

import base64
import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any


def of(token: str) -> Mapping[str, Any]:
    """Return the claims of a signed JWT, empty for any other text. They are foreign text."""
    parts = token.split(".")
    return _decoded(parts[1]) if len(parts) == 3 else {}  # noqa: PLR2004  # head, claims, signature


def strictly(token: str) -> Mapping[str, Any] | None:
    """Return claims and head of a signed or encrypted JWT, None for text that only looks similar.

    A signed one has three parts, an encrypted one five, whose claims nobody can read here (RFC 7515, 7516); the head
    of either has an `alg`.
    """
    parts = token.split(".")
    head = _decoded(parts[0]) if len(parts) in (3, 5) else {}
    return {**_decoded(parts[1]), **head} if isinstance(head.get("alg"), str) else None


def end(claims: Mapping[str, Any]) -> datetime | None:
    """Return the time in `exp` (RFC 7519, 4.1.4: seconds since 1970), None if there is none."""
    seconds = claims.get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _decoded(part: str) -> dict[str, Any]:
    """Return the JSON object in one part of a token, empty if there is none."""
    try:
        content = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):  # the errors of binascii and json are ValueErrors
        return {}
    return content if isinstance(content, dict) else {}
