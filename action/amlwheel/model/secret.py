"""A string that refuses to be shown."""

import base64
import hmac
import json
import re
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import quote


class Secret:
    """A token or password, and the name of its user (`user`; not secret), if the server asks for one.

    With `alone` the text itself is sent as the user's name, without a password.

    Only `reveal()` returns the text, so a search for that name finds every use.

    It prints, formats and reprs as `Secret(***)`, can't be pickled, and two secrets compare in constant time.
    """

    __slots__ = ("_value", "alone", "user")

    def __init__(self, value: str, user: str = "", *, alone: bool = False) -> None:
        """Keep `value`, without surrounding white space (a pasted token often brings a newline)."""
        self._value = value.strip()
        self.user = user
        self.alone = alone

    def of(self, user: str) -> "Secret":
        """Return the same text as the secret of `user`."""
        return Secret(self._value, user)

    def as_user(self) -> "Secret":
        """Return the same text, sent as the user's name."""
        return Secret(self._value, alone=True)

    def reveal(self) -> str:
        """Return the text itself; for headers, request bodies and a child's environment only."""
        return self._value

    def forms(self, user: str) -> tuple[str, ...]:
        """Return every spelling in which the secret may travel: plain, quoted for URLs and JSON, and HTTP Basic.

        Basic is with `user`, without a user (azure-devops) and as the user (the image builder); and base64 of longer
        texts. CI hosts mask only texts that they were given (Azure Pipelines doesn't derive the Basic form itself).
        """
        plain = (f"{user}:{self._value}", self._value, f"{self._value}:", f":{self._value}")
        basic = (base64.b64encode(each.encode()).decode() for each in plain)
        quoted = [quote(self._value, safe=""), quote(self._value)]  # many tools leave a slash as it is
        quoted += [re.sub("%..", lambda each: each[0].lower(), one) for one in quoted]
        return tuple(
            dict.fromkeys((self._value, *basic, *quoted, json.dumps(self._value)[1:-1], *_within(self._value)))
        )

    def __bool__(self) -> bool:
        """Tell whether there is any text."""
        return bool(self._value)

    def __repr__(self) -> str:
        """Show that it is a secret, and nothing of it."""
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Format like any text, as `Secret(***)`."""
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        """Compare with another secret in constant time; a plain text is never equal."""
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Hash like the text; process-local, since Python salts it."""
        return hash(("Secret", self._value))

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into a file."""
        raise TypeError("a Secret can't be pickled")


def _within(text: str) -> Iterator[str]:
    """Yield the digits that base64 has for `text` alone within a longer text, by where among three bytes it begins."""
    for before, start in enumerate((0, 2, 3)):
        content = b"\0" * before + text.encode()
        digits = base64.b64encode(content).decode()[start : len(content) * 8 // 6]
        yield from (digits, digits.translate(str.maketrans("+/", "-_")))


# What tokens look like: of Azure DevOps (azure-pipelines-tasks; 52 characters before 2024), JWTs (RFC 7519), GitHub,
# GitLab and PyPI (their "token formats"), keys of storage accounts (64 bytes in base64), client secrets of Entra
# (microsoft/security-utilities, `Q~`), and signed addresses.
_TOKENS = (
    r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b",
    r"(?<![A-Za-z0-9])[a-z2-7]{52}(?![A-Za-z0-9])",
    r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}",
    r"\b(gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|pypi-AgE[\w-]{40,})",
    r"[A-Za-z0-9+/]{86}==",
    r"\b[\w.~-]{3}[78]Q~[\w.~-]{31,34}",
    r"[?&]sig=[^&\s]",
)
# The user information of an address. A name alone is no secret: git@, or the organisation in Azure Repos' addresses.
_CREDENTIALS = r"://([^/\s@:]*:[^/\s@]+|(?P<name>[^/\s@:]{25,}))@(?(name)(?!\S*/(?P=name)/))"


def looks_secret(text: str) -> bool:
    """Tell whether `text` holds what looks like a token, or an address with a password in it."""
    return any(re.search(pattern, text) for pattern in (*_TOKENS, _CREDENTIALS))


def excerpt(text: str, most: int) -> str:
    """Return at most `most` characters of foreign text, which may repeat a secret.

    A word that would be cut is dropped as a whole: part of a secret isn't recognised, and wouldn't be blanked out.
    """
    return text if len(text) <= most else re.sub(r"[\w.~+/=%:-]*$", "", text[:most])


# Whoever knows a signed address of Azure's storage may use it. JSON and an address inside another one escape its equals
# sign; `pysig==1.0` is a requirement.
_SIGNATURE = re.compile(r"(sig(?:=(?!=)|%3D|\\u003d))[^&\s\"'\\<>]+", re.IGNORECASE)


def unsigned(text: str) -> str:
    """Return `text` with the signatures of signed addresses blanked out."""
    return _SIGNATURE.sub(r"\1***", text)
