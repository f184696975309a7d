"""Who asks an Azure DevOps host, and what he may do."""

import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from ..sign_in.entra import DEVOPS_AUDIENCE
from ..state.store import Store
from ..web import tokens
from ..web.authorization import basic_password, bearer_token

_PUBLISHERS = ("Contributor", "Owner")
_LEVELS = {"reader": "Reader", "collaborator": "Collaborator", "contributor": "Contributor", "administrator": "Owner"}
"""The roles in the interface's words (azure-devops, FeedRole) and on the feed's page, from the least to the most."""


@dataclass(frozen=True)
class Identity:
    """A caller: name, feed role (Learn, feed-permissions) and whether the token's scope allows writing."""

    name: str
    role: str | None
    writes: bool

    @property
    def may_publish(self) -> bool:
        """Contributors publish, with a token of scope `vso.packaging_write`."""
        return self.writes and self.role in _PUBLISHERS

    def has(self, level: str) -> bool:
        """Tell whether the role is `level` or more, whatever the token's scope (Feed Management - Get Feeds)."""
        levels = list(_LEVELS)
        held = next((index for index, name in enumerate(_LEVELS.values()) if name == self.role), -1)
        return level.lower() in levels and held >= levels.index(level.lower())

    @property
    def may_save(self) -> bool:
        """Collaborators save packages from upstreams; a token that only reads can't (ado-npm-auth#90)."""
        return self.writes and self.role in ("Collaborator", *_PUBLISHERS)


ANYBODY = Identity("Anonymous", "Reader", writes=False)
"""A visitor of a public feed."""


def identify(store: Store, request: Request, organization: str) -> Identity | None:
    """Return who sent the request, None for a missing, unknown or expired token.

    A PAT travels as the password of Basic; a token of Entra for Azure DevOps as a password too, or as
    Bearer (artifacts-keyring-nofuss). Nobody is known in another organization than ours. `takes_only` in the
    organization's record is what Azure never does: it narrows Basic to one of its two forms.
    """
    header, known = request.headers.get("authorization", ""), store.read("feeds").get(organization.lower())
    token = basic_password(header, (known or {}).get("takes_only")) or bearer_token(header)
    if token is None or known is None:
        return None
    entra = store.read("entra")
    pat = entra["personal_access_tokens"].get(token)
    if pat is not None:
        return Identity(pat["name"], pat["role"], pat["scope"] == "vso.packaging_write")
    return _application(entra, token)


def _application(entra: dict[str, Any], token: str) -> Identity | None:
    claims = tokens.verified(token, entra["signing_key"])
    if claims is None or claims["aud"] != DEVOPS_AUDIENCE or claims["exp"] < time.time():
        return None
    role = entra["applications"].get(claims["appid"], {}).get("feeds")
    return Identity(claims["appid"], role, writes=True) if role else None
