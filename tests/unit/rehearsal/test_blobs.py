"""The rules of blob storage: who may do what with a signed URL, and what is then stored."""

import base64
import hashlib
import pathlib
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.storage import blobs, sas
from rehearsal.web.answers import REASON_HEADER
from unit.rehearsal.asking import Answer, ask

ACCOUNT = names.storage_account(names.workspace_id())
BLOB = sas.Blob(ACCOUNT, "azureml", "Environment/azureml-private-packages/a-1.0+cpu-py3-none-any.whl")
BLOCK_BLOB = {"x_ms_blob_type": "BlockBlob"}


@pytest.fixture
def path(store: Store) -> pathlib.Path:
    return store.blobs(ACCOUNT) / BLOB.container / BLOB.path


@pytest.fixture
def at(store: Store) -> Callable[..., Answer]:
    """Ask for the blob with a signature for some permissions."""
    app = blobs.app(store)

    def ask_storage(
        method: str, may: str = "rcw", body: bytes = b"", more: str = "", lifetime: float = 60, **headers: str
    ) -> Answer:
        url = sas.signed_url(store, BLOB, may, lifetime) + more
        return ask(app, method, url, body, **headers)

    return ask_storage


def code(answer: Answer) -> tuple[int, str]:
    """Return status and error code, which stands in a header, in the XML, and its message in the reason."""
    root = ET.fromstring(answer.content)  # noqa: S314 (our own)
    assert root.findtext("Code") == answer.header("x-ms-error-code")
    assert (root.findtext("Message") or "").startswith(answer.header(REASON_HEADER))
    return answer.status, answer.header("x-ms-error-code")


def test_blob_is_stored_as_a_file_and_read_back(at: Callable[..., Answer], path: pathlib.Path) -> None:
    assert at("PUT", "cw", b"wheel", if_none_match="*", **BLOCK_BLOB).status == 201
    assert path.read_bytes() == b"wheel"
    read, head = at("GET", "r"), at("HEAD", "r")
    assert (read.status, read.content, read.header("x-ms-blob-type")) == (200, b"wheel", "BlockBlob")
    assert (head.status, head.header("content-length")) == (200, "5")
    digest = base64.b64encode(hashlib.md5(b"wheel", usedforsecurity=False).digest()).decode()
    assert read.header("content-md5") == digest


def test_what_people_put_there_is_served(at: Callable[..., Answer], path: pathlib.Path) -> None:
    at("PUT", "w", b"wheel", **BLOCK_BLOB)
    path.write_bytes(b"another")
    assert at("GET").content == b"another"
    path.unlink()
    assert code(at("GET")) == (404, "BlobNotFound")


def test_blob_is_not_overwritten_unless_asked_for(at: Callable[..., Answer], path: pathlib.Path) -> None:
    at("PUT", "cw", b"first", **BLOCK_BLOB)
    assert code(at("PUT", "cw", b"second", if_none_match="*", **BLOCK_BLOB)) == (409, "BlobAlreadyExists")
    assert path.read_bytes() == b"first"
    assert code(at("PUT", "c", b"second", **BLOCK_BLOB)) == (403, "AuthorizationPermissionMismatch")
    assert at("PUT", "w", b"second", **BLOCK_BLOB).status == 201
    assert path.read_bytes() == b"second"


def test_large_blob_is_put_together_from_its_blocks(at: Callable[..., Answer], path: pathlib.Path) -> None:
    blocks = {base64.b64encode(name).decode(): name * 3 for name in (b"??>", b"b", b"c")}
    for name, content in blocks.items():
        assert at("PUT", "w", content, f"&comp=block&blockid={urllib.parse.quote(name)}").status == 201
    assert code(at("GET")) == (404, "BlobNotFound")
    listed = "".join(f"<Latest>{name}</Latest>" for name in reversed(blocks))
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
    assert at("PUT", "w", body, "&comp=blocklist", if_none_match="*").status == 201
    assert path.read_bytes() == b"cccbbb??>??>??>"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert code(at("PUT", "w", body, "&comp=blocklist", if_none_match="*"))[0] == 400


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, "InvalidHeaderValue"),
        ({"x_ms_blob_type": "PageBlob"}, "InvalidHeaderValue"),
        ({"more": "&comp=tags", **BLOCK_BLOB}, "InvalidHeaderValue"),
        ({"content_md5": "AAAA", **BLOCK_BLOB}, "Md5Mismatch"),
        ({"more": "&comp=blocklist", "body": b"<BlockList>"}, "InvalidXmlDocument"),
        ({"more": "&comp=blocklist", "body": b"<BlockList><Latest>b</Latest></BlockList>"}, "InvalidBlockList"),
    ],
)
def test_bad_upload_is_refused(at: Callable[..., Answer], path: pathlib.Path, how: dict[str, Any], wanted: str) -> None:
    assert code(at("PUT", "w", **how)) == (400, wanted)
    assert not path.exists()


@pytest.mark.parametrize("header", ["range", "x_ms_range"])
def test_range_is_read(at: Callable[..., Answer], header: str) -> None:
    at("PUT", "w", b"0123456789", **BLOCK_BLOB)
    part = at("GET", **{header: "bytes=2-4"})
    assert (part.status, part.content, part.header("content-range")) == (206, b"234", "bytes 2-4/10")
    rest = at("GET", **{header: "bytes=7-33554431"})
    assert (rest.status, rest.content) == (206, b"789")
    assert code(at("GET", **{header: "bytes=10-20"})) == (416, "InvalidRange")


def test_empty_blob_has_no_range(at: Callable[..., Answer]) -> None:
    at("PUT", "w", b"", **BLOCK_BLOB)
    assert (at("GET").status, at("GET").content) == (200, b"")
    assert at("GET", x_ms_range="bytes=0-33554431").status == 416


def test_without_a_signature_the_account_is_closed(store: Store, at: Callable[..., Answer]) -> None:
    at("PUT", "w", b"wheel", **BLOCK_BLOB)
    answer = ask(blobs.app(store), "GET", BLOB.url, authorization="Bearer x")
    assert code(answer) == (409, "PublicAccessNotPermitted")


@pytest.mark.parametrize(("method", "may"), [("GET", "cw"), ("HEAD", "w"), ("PUT", "r"), ("PUT", "")])
def test_signature_allows_what_it_says(at: Callable[..., Answer], method: str, may: str) -> None:
    assert code(at(method, may, **BLOCK_BLOB)) == (403, "AuthorizationPermissionMismatch")


def test_signature_ends(at: Callable[..., Answer]) -> None:
    answer = at("GET", "r", lifetime=-1)
    assert code(answer) == (403, "AuthenticationFailed")
    assert b"Signature not valid in the specified time frame" in answer.content


@pytest.mark.parametrize(("old", "new"), [("sp=r&", "sp=rw&"), ("se=2", "se=3"), ("a-1.0", "b-1.0"), ("sig=", "sig=A")])
def test_signature_holds_for_what_was_signed(store: Store, old: str, new: str) -> None:
    url = sas.signed_url(store, BLOB, "r")
    assert old in url
    answer = ask(blobs.app(store), "GET", url.replace(old, new))
    assert code(answer) == (403, "AuthenticationFailed")
    assert b"Signature did not match." in answer.content


def test_each_account_and_each_azure_has_its_own_key(store: Store, tmp_path: pathlib.Path) -> None:
    other = names.storage_account(names.workspace_id(names.OTHER_WORKSPACE))
    url = sas.signed_url(store, BLOB, "r")
    assert code(ask(blobs.app(store), "GET", url.replace(ACCOUNT, other))) == (403, "AuthenticationFailed")
    assert code(ask(blobs.app(Store(tmp_path / "other")), "GET", url)) == (403, "AuthenticationFailed")


def test_a_plus_sign_stays_in_the_url() -> None:
    assert BLOB.url == f"https://{ACCOUNT}.blob.core.windows.net/azureml/{BLOB.path}"
    assert sas.Blob(ACCOUNT, "azureml", "a b#c?").url.endswith("/azureml/a%20b%23c%3F")


def test_there_is_one_container(store: Store) -> None:
    url = sas.signed_url(store, sas.Blob(ACCOUNT, "other", "a"), "r")
    assert code(ask(blobs.app(store), "GET", url)) == (404, "ContainerNotFound")


@pytest.mark.parametrize("way", ["../../entra.json", "%2E%2E/%2E%2E/entra.json", "a//b", "./a"])
def test_no_way_leads_out_of_the_container(store: Store, way: str) -> None:
    url = f"https://{ACCOUNT}.blob.core.windows.net/azureml/{way}?{sas.query(store, BLOB, 'rcw')}"
    assert code(ask(blobs.app(store), "PUT", url)) == (400, "InvalidUri")
