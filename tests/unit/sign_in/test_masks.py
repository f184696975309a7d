"""Which secrets of a run the host masks, and beside which users."""

import pytest
from amlwheel.hosts.azure_variables import CONNECTION
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.secret import Secret
from amlwheel.sign_in import masks
from typing_extensions import override
from unit.parts import CANARY, GUID


class Recorder(Terminal):
    """A host that only records what it shall mask."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.masked: set[tuple[str, str]] = set()

    @override
    def mask(self, secret: Secret, user: str) -> None:
        self.masked.add((secret.reveal(), user))


def masked(given: dict[str, str], environ: dict[str, str]) -> set[tuple[str, str]]:
    """Return each secret with each user beside whom it is masked."""
    host = Recorder()
    masks.mask(host, given, environ)
    return host.masked


def test_each_token_of_the_inputs_is_masked_beside_each_user() -> None:
    given = {"feed-token": "one", "connection-token": "two", "feed-user": " me\n", "connection-user": "builder"}
    users = ("amlwheel", "me", "builder")
    assert masked(given, {}) == {(token, user) for token in ("one", "two") for user in users}


@pytest.mark.parametrize(
    "environ",
    [
        *({name: CANARY} for name in masks.VARIABLES),
        {"SYSTEM_ACCESSTOKEN": CANARY},
        {"UV_DEFAULT_INDEX": f"https://me:{CANARY}@mirror.example/simple"},
        {"UV_INDEX": f"a=https://x.example b=https://me:{CANARY}@mirror.example/simple"},
        {"PIP_EXTRA_INDEX_URL": f"https://:{CANARY}@mirror.example/simple"},
        {"UV_INDEX_A_PASSWORD": CANARY},
        {"https_proxy": f"me:{CANARY}@proxy.example:3128"},
        {CONNECTION: GUID, f"ENDPOINT_AUTH_PARAMETER_{GUID}_SERVICEPRINCIPALKEY": CANARY},
    ],
    ids=lambda environ: list(environ)[-1],
)
def test_the_secrets_among_the_variables_are_masked(environ: dict[str, str]) -> None:
    assert masked({}, environ) == {(CANARY, "amlwheel")}


def test_a_quoted_password_is_masked_as_it_is_and_unquoted() -> None:
    assert masked({}, {"PIP_INDEX_URL": "https://me:p%2Fw@mirror.example/"}) == {
        ("p%2Fw", "amlwheel"),
        ("p/w", "amlwheel"),
    }


def test_nothing_else_is_masked() -> None:
    assert masked({"feed": CANARY, "feed-token": "", "feed-user": ""}, {"AZURE_CLIENT_ID": CANARY}) == set()
