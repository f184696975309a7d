"""Who may come into a container of the rehearsal; what Azurite would say is said by a fake here."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal.builder import credentials
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.storage import azurite, roles
from rehearsal.storage.accounts import Accounts
from rehearsal.storage.azurite import Answer, Headers
from unit.rehearsal.asking import ask, entra_token
from vsix import node

URL = f"{names.container_url()}/acme/acme-1.0-py3-none-any.whl"
PRINCIPAL = names.guid("principal", names.CLIENT_ID)


class FakeAzurite:
    """Answers everything, and remembers what it was asked."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.asked: list[tuple[str, str]] = []

    def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> Answer:
        assert {name.lower(): value for name, value in headers}["host"].startswith(names.STORAGE_ACCOUNT)
        self.asked.append((method, target))
        return Answer(201 if method == "PUT" else 200, "Fine", [("x-ms-version", "1")], body or b"wheel", 5)


@pytest.fixture
def fake() -> FakeAzurite:
    return FakeAzurite()


@pytest.fixture
def app(store: Store, fake: FakeAzurite, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    async def inline(work: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401
        return work(*given)

    monkeypatch.setattr(asyncio, "to_thread", inline)  # no loop runs here
    made: Any = fake
    return Accounts(store, made)


def bearer(store: Store, client: str = names.CLIENT_ID, secret: str = names.CLIENT_SECRET) -> str:
    answer = entra_token(store, entra.STORAGE_AUDIENCE, client_id=client, client_secret=secret)
    return f"Bearer {answer.json['access_token']}"


def said(app: Accounts, method: str, url: str = URL, **headers: str) -> tuple[int, str]:
    answer = ask(app, method, url, b"", **headers)
    return answer.status, answer.header("x-ms-error-code") if answer.status >= 400 else answer.header("x-ms-version")


def test_who_has_the_role_reads_and_writes(app: Accounts, store: Store, fake: FakeAzurite) -> None:
    token = bearer(store)
    assert said(app, "GET", authorization=token) == (200, "1")
    assert said(app, "PUT", authorization=token) == (201, "1")
    # The container is made once, as its owner would: open or closed as the document says.
    made = [target for _, target in fake.asked if "restype=container" in target]
    assert made == ["/wheels?restype=container", "/wheels?restype=container&comp=acl"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Storage Blob Data Contributor", (200, 201)),
        ("Storage Blob Data Reader", (200, 403)),
        ("Contributor", (403, 403)),
    ],
)
def test_a_role_is_asked_for_before_azurite(
    app: Accounts, store: Store, fake: FakeAzurite, role: str, expected: tuple[int, int]
) -> None:
    with store.edit("storage") as document:
        scope = roles.container_id(store, names.STORAGE_ACCOUNT, names.CONTAINER)
        document["assignments"] = [{"scope": scope, "principal": PRINCIPAL, "role": role}]
    token = bearer(store)
    assert tuple(said(app, method, authorization=token)[0] for method in ("GET", "PUT")) == expected
    other = names.container_url("others")
    assert said(app, "GET", f"{other}/x", authorization=token) == (403, "AuthorizationPermissionMismatch")
    assert not [target for _, target in fake.asked if "others" in target]


def test_the_public_the_unknown_and_the_firewall_are_refused(app: Accounts, store: Store) -> None:
    assert said(app, "GET") == (409, "PublicAccessNotPermitted")
    assert said(app, "GET", authorization="Bearer a.b.c") == (401, "InvalidAuthenticationInfo")
    with store.edit("storage") as document:
        document["accounts"][names.STORAGE_ACCOUNT]["firewall"] = True
    assert said(app, "GET", authorization=bearer(store)) == (403, "AuthorizationFailure")


def test_an_account_that_nobody_made_has_no_address(app: Accounts) -> None:
    assert app.exists(f"{names.STORAGE_ACCOUNT}.blob.core.windows.net")
    assert app.exists(f"{names.storage_account(names.workspace_id())}.blob.core.windows.net")
    assert app.exists("management.azure.com")
    assert not app.exists("nobody0.blob.core.windows.net")


def test_the_builder_signs_what_the_workspaces_identity_may_read(store: Store) -> None:
    line = f"{URL} --hash=sha256:{'a' * 64}"
    signed = credentials.sign_own_urls(line, "wstrain1", store, roles.identity(names.WORKSPACE))
    query = dict(part.split("=", 1) for part in signed.partition("?")[2].split()[0].split("&"))
    assert query["sp"] == "r"
    assert credentials.sign_own_urls(line, "wstrain1", store, names.guid("somebody")) == line
    assert credentials.sign_own_urls(line, "wstrain1", store) == line


def test_the_pins_of_azurite_say_all_and_name_no_place() -> None:
    text = azurite.PINS.read_text("utf-8")
    assert node.pins(node.npm_lock(text), "azurite") == text
    assert "\nazurite 3.35.0 sha512-" in text
    assert "://" not in text
