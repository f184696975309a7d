"""The container of `route: storage`: what is asked of azure-storage-blob, and what its errors mean."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.errors.foreign import FileChanged
from amlwheel.errors.inputs import BadInput
from amlwheel.errors.storage import BlobDiffers, BlobRefused, ContainerNotFound, ContainerRefused, StorageFirewall
from amlwheel.model.azure import Container
from amlwheel.model.wheel import File, Pin
from amlwheel.plan import observe
from amlwheel.plan.change import Verb
from amlwheel.storage.blobs import Blobs, _ForStorage
from azure.core import exceptions
from unit.parts import CANARY, make

CONTAINER = Container("acmewheels", "wheels")
A_FILE = hashlib.sha256(b"a file").hexdigest()


def failure(code: str, status: int = 403, kind: type[Any] = exceptions.HttpResponseError) -> Exception:
    """Return an error as the library raises it."""
    made: Any = kind(f"no: {code}")
    made.status_code = status
    made.error_code = code  # azure-storage-blob adds it
    made.response = SimpleNamespace(headers={"x-ms-error-code": code})
    assert isinstance(made, Exception)
    return made


class Client:
    """A container as a dict, with the calls of azure-storage-blob's ContainerClient that are used."""

    def __init__(self) -> None:
        """Begin with an empty container."""
        self.blobs: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.public_access: str | None = None
        self.fails: Exception | None = None
        self.late: Callable[[], None] = lambda: None

    def get_container_properties(self) -> "Client":
        if self.fails:
            raise self.fails
        return self

    def get_blob_client(self, path: str) -> SimpleNamespace:
        def properties() -> SimpleNamespace:
            if self.fails:
                raise self.fails
            if path not in self.blobs:
                raise failure("BlobNotFound", 404, exceptions.ResourceNotFoundError)
            content, metadata = self.blobs[path]
            return SimpleNamespace(metadata=metadata, size=len(content))

        return SimpleNamespace(get_blob_properties=properties)

    def download_blob(self, path: str) -> SimpleNamespace:
        def chunks() -> Iterator[bytes]:
            yield from (self.blobs[path][0][:3], self.blobs[path][0][3:])

        return SimpleNamespace(chunks=chunks)

    def upload_blob(self, path: str, content: BinaryIO, *, overwrite: bool, length: int, **more: Any) -> None:  # noqa: ANN401
        self.late()
        assert not overwrite
        assert more["validate_content"]
        if path in self.blobs:
            raise failure("BlobAlreadyExists", 409, exceptions.ResourceExistsError)
        self.blobs[path] = (content.read(length), more["metadata"])


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def blobs(client: Client) -> Blobs:
    made = Blobs(CONTAINER, None, "Grant it so.")
    vars(made)["_client"] = client
    return made


def test_a_wheel_is_stored_under_its_project_and_read_back(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    change = blobs.plan(wheel, tmp_path / "kept" / wheel.filename)
    assert (change.verb, change.why) == (Verb.CREATE, "new file")
    assert not client.blobs
    change.effect()
    assert list(client.blobs) == [f"acme-churn/{wheel.filename}"]
    assert client.blobs[f"acme-churn/{wheel.filename}"][1] == {"sha256": wheel.sha256}
    assert (tmp_path / "kept" / wheel.filename).read_bytes() == wheel.path.read_bytes()
    assert blobs.plan(wheel, tmp_path / "x").verb is Verb.KEEP


def test_our_wheel_is_kept_for_its_bytes_and_not_for_what_is_noted(
    blobs: Blobs, client: Client, tmp_path: Path
) -> None:
    wheel = make(tmp_path)
    client.blobs[f"acme-churn/{wheel.filename}"] = (b"others", {"sha256": wheel.sha256})
    with pytest.raises(BlobDiffers, match=f"this run's has {wheel.sha256[:12]}"):
        blobs.plan(wheel, tmp_path / "x")


@pytest.mark.parametrize(
    ("noted", "size", "read"), [("", 6, True), ("0" * 64, 6, True), (A_FILE, 7, True), (A_FILE, 6, False)]
)
def test_of_a_mirrored_file_note_and_size_are_enough(  # noqa: PLR0913  # fixtures
    blobs: Blobs, client: Client, monkeypatch: pytest.MonkeyPatch, noted: str, size: int, *, read: bool
) -> None:
    client.blobs["p/f"] = (b"a file", {"sha256": noted} if noted else {})
    seen: list[str] = []
    whole = client.download_blob

    def download(path: str) -> SimpleNamespace:
        seen.append(path)
        return whole(path)

    monkeypatch.setattr(client, "download_blob", download)
    assert blobs.has("p/f", A_FILE, size)
    assert bool(seen) is read


def test_who_comes_second_compares_what_the_first_has_stored(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    path = f"acme-churn/{wheel.filename}"
    client.late = lambda: client.blobs.setdefault(path, (wheel.path.read_bytes(), {}))  # type: ignore[assignment]
    blobs.put(path, wheel.path, wheel.sha256)
    del client.blobs[path]
    client.late = lambda: client.blobs.setdefault(path, (b"other", {}))  # type: ignore[assignment]
    with pytest.raises(BlobDiffers):
        blobs.put(path, wheel.path, wheel.sha256)


def test_a_file_that_was_replaced_since_is_not_stored(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    change = blobs.plan(wheel, tmp_path / "kept")
    wheel.path.write_bytes(b"other bytes")
    with pytest.raises(FileChanged):
        change.effect()
    assert client.blobs == {}


def test_whose_wheel_comes_second_is_told_to_bump_the_version(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    change = blobs.plan(wheel, tmp_path / "kept")
    client.late = lambda: client.blobs.setdefault(f"acme-churn/{wheel.filename}", (b"other", {}))  # type: ignore[assignment]
    with pytest.raises(BlobDiffers) as caught:
        change.effect()
    assert caught.value.fix == BlobDiffers.fix  # deleting the other's would break its environment


def test_a_conflict_of_another_kind_is_told_by_its_code(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    def late() -> None:
        raise failure("BlobImmutableDueToPolicy", 409, exceptions.ResourceExistsError)

    wheel, client.late = make(tmp_path), late
    with pytest.raises(BlobRefused, match="answered 409 BlobImmutableDueToPolicy for p/f"):
        blobs.put("p/f", wheel.path, wheel.sha256)


def test_a_blob_that_is_not_there_after_the_upload_is_missed(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, client: Client, tmp_path: Path
) -> None:
    wheel = make(tmp_path)
    monkeypatch.setattr(client, "upload_blob", lambda *_, **__: None)
    with pytest.raises(BlobRefused, match="accepted p/f, but doesn't have it"):
        blobs.put("p/f", wheel.path, wheel.sha256)


def test_what_is_read_back_has_to_be_what_was_stored(blobs: Blobs, client: Client, tmp_path: Path) -> None:
    client.blobs["p/f"] = (b"others", {})
    with pytest.raises(BlobDiffers, match="gives p/f with sha256"):
        blobs.fetch("p/f", tmp_path / "f", "0" * 64)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (failure("ContainerNotFound", 404), ContainerNotFound),
        (failure("ContainerNotFound", 404, exceptions.ResourceNotFoundError), ContainerNotFound),
        (failure("AuthorizationPermissionMismatch"), ContainerRefused),
        (failure("AuthorizationFailure"), StorageFirewall),
        (failure("InvalidAuthenticationInfo", 401, exceptions.ClientAuthenticationError), BlobRefused),
        (failure("", 500), BlobRefused),
        (exceptions.AzureError(f"MD5 mismatch {CANARY}"), BlobRefused),
        (ValueError(f"Content-Range {CANARY}"), BlobRefused),
        (exceptions.ServiceRequestError(f"Bearer {CANARY}"), NoNetwork),
        (exceptions.ServiceResponseTimeoutError(CANARY), TooSlow),
    ],
)
def test_each_refusal_has_its_own_error(
    blobs: Blobs, client: Client, problem: Exception, kind: type[StepError]
) -> None:
    client.fails = problem
    for ask in (blobs.public, lambda: blobs.has("p/f", "0" * 64)):
        with pytest.raises(kind) as caught:
            ask()
        assert type(caught.value) is kind
        assert caught.value.__cause__ is None
        assert CANARY not in f"{caught.value.what} {caught.value.details}"
        if kind is ContainerRefused:
            assert caught.value.fix == "Grant it so."


@pytest.mark.parametrize("code", ["AuthorizationPermissionMismatch", "AuthorizationFailure", "ContainerNotFound"])
def test_what_is_wrong_with_all_files_is_told_once(blobs: Blobs, client: Client, code: str) -> None:
    client.fails = failure(code)

    def ask() -> None:
        with observe.observing() as seen:
            for number in range(60):
                seen.ask(partial(blobs.has, f"p/{number}", "0" * 64))

    with pytest.raises(StepError) as caught:
        ask()
    assert code in caught.value.what


def test_how_public_the_container_is_is_told(blobs: Blobs, client: Client) -> None:
    assert blobs.public() == ""
    client.public_access = "blob"
    assert blobs.public() == "blob"


def test_an_account_gets_no_token_for_something_else() -> None:
    asked: list[object] = []
    source = SimpleNamespace(get_token=lambda *scopes, **more: asked.append((*scopes, more)))
    _ForStorage(source).get_token("https://management.azure.com/.default", tenant_id="t")
    assert asked == [("https://storage.azure.com/.default", {"tenant_id": "t"})]


def test_the_real_client_has_our_session_and_bounded_patience() -> None:
    client = Blobs(CONTAINER, SimpleNamespace(get_token=None))._client
    transport = client._config.__dict__.get("transport") or client._pipeline._transport._transport
    assert client.url == CONTAINER.url
    assert (transport.connection_config.timeout, transport.connection_config.read_timeout) == (10, 20)
    retries = transport.session.get_adapter(client.url).max_retries
    assert (retries.total, retries.connect, retries.read) == (None, 0, 0)
    assert [retries.is_retry("PUT", status, has_retry_after=True) for status in (429, 500, 503)] == [True, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "https://acmewheels.blob.core.windows.net/wheels",
        "https://acmewheels.blob.core.windows.net/wheels/",
        "HTTPS://AcmeWheels.blob.core.windows.net/wheels",
    ],
)
def test_a_container_is_named_by_its_address(text: str) -> None:
    assert Container.parse(text) == CONTAINER
    assert CONTAINER.url == "https://acmewheels.blob.core.windows.net/wheels"
    address = CONTAINER.address("acme", "acme-1.0+cpu-py3-none-any.whl")
    assert address == f"{CONTAINER.url}/acme/acme-1.0%2Bcpu-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"https://acmewheels.blob.core.windows.net/wheels?sv=1&sig={CANARY}", "could be a credential"),
        (f"https://user:{CANARY}@acmewheels.blob.core.windows.net/wheels", "could be a credential"),
        (f"https://acmewheels.blob.core.windows.net/wheels#{CANARY}", "could be a credential"),
        (f"https://acmewheels.blob.core.windows.net/wheels%3Fsv=1&sig={CANARY}", "could be a credential"),
        (f"https://acmewheels.blob.core.windows.net/wheels&sig={CANARY}", "could be a credential"),
        (f"BlobEndpoint=https://acmewheels.blob.core.windows.net/;AccountKey={CANARY}", "could be a credential"),
        ("http://acmewheels.blob.core.windows.net/wheels", "isn't of the form"),
        ("acmewheels/wheels", "isn't of the form"),
        ("https://acmewheels.dfs.core.windows.net/wheels", "isn't of the form"),
        ("https://acmewheels.privatelink.blob.core.windows.net/wheels", "isn't of the form"),
        ("https://acmewheels.blob.core.chinacloudapi.cn/wheels", "another cloud"),
        ("https://acmewheels.blob.core.usgovcloudapi.net/wheels", "another cloud"),
        ("https://ab.blob.core.windows.net/wheels", "can't be a storage account"),
        ("https://acme-wheels.blob.core.windows.net/wheels", "can't be a storage account"),
        ("https://acmewheels.blob.core.windows.net", "can't be a container"),
        ("https://acmewheels.blob.core.windows.net/a--b", "can't be a container"),
        ("https://acmewheels.blob.core.windows.net/Wheels", "can't be a container"),
        ("https://acmewheels.blob.core.windows.net/wheels/below", "can't be a container"),
        ("https://acmewheels.blob.core.windows.net/$web", "can't be a container"),
    ],
)
def test_what_is_no_container_is_refused_without_its_secret(text: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        Container.parse(text)
    assert told in caught.value.what
    assert CANARY not in f"{caught.value.what} {caught.value.fix}"


def test_a_pin_stands_by_its_address_and_locally_by_what_a_person_can_read() -> None:
    url, digest = CONTAINER.address("acme", "acme-1.0+cpu-py3-none-any.whl"), "a" * 64
    ours = Pin("acme", "1.0+cpu", (digest,), private=True, address=url)
    assert ours.line == f"{url} --hash=sha256:{digest}"
    assert ours.local_line == f"./dist/acme-1.0+cpu-py3-none-any.whl --hash=sha256:{digest}"
    assert not ours.from_feed
    mirrored = Pin("six", "1.17.0", (digest,), address=url, files=(File("f", "https://x/f", digest),))
    assert mirrored.line == f"{url} --hash=sha256:{digest}"
    assert mirrored.local_line == f"six==1.17.0 --hash=sha256:{digest}"
