"""What an Authorization header holds."""

import base64
import binascii


def basic_password(header: str, only: str | None = None) -> str | None:
    """Return the password of a Basic Authorization header, without one its user (pip#11495), None without either.

    A host that takes a token as `only` the "user" or the "password" doesn't see it in the other place.
    """
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if only:
        return ((user if not password else "") if only == "user" else password) or None
    return password or user or None  # any user will do, none too: Learn, use-personal-access-tokens-to-authenticate


def bearer_token(header: str) -> str | None:
    """Return the token of a Bearer Authorization header, else None."""
    scheme, _, value = header.partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None
