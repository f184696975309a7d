"""JWT-shaped access tokens, as our Entra issues them and our other stand-ins check them."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def issue(claims: dict[str, Any], key: str) -> str:
    """Return a JWT (HS256) with these claims. Entra signs with RS256; its clients don't check."""
    head = _encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    content = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{content}.{_sign(content, key)}"


def claims(token: str) -> dict[str, Any] | None:
    """Return what a JWT claims, without asking who signed it; None if it isn't a JWT."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # head, claims, signature: RFC 7519
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    return content if isinstance(content, dict) else None


def verified(token: str, key: str) -> dict[str, Any] | None:
    """Return what a JWT claims if `key` signed it, else None. Expiry is the caller's matter."""
    content, _, signature = token.rpartition(".")
    return claims(token) if hmac.compare_digest(signature, _sign(content, key)) else None


def signed(token: str, certificate: str) -> bool:
    """Tell whether the key of a certificate (PEM) signed a JWT, by RS256 or PS256, as MSAL does."""
    content, _, signature = token.rpartition(".")
    head = json.loads(base64.urlsafe_b64decode(content.partition(".")[0] + "=="))
    key: Any = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    digest = hashes.SHA256()
    salted = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
    scheme = salted if head["alg"] == "PS256" else padding.PKCS1v15()
    try:
        key.verify(base64.urlsafe_b64decode(signature + "=="), content.encode(), scheme, digest)
    except InvalidSignature:
        return False
    return True


def _sign(content: str, key: str) -> str:
    return _encode(hmac.new(key.encode(), content.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
