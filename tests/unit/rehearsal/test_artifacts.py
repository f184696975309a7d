"""The feeds of Azure Artifacts, asked without a proxy, and the public index behind them."""

import base64
import hashlib
import io
import urllib.parse
import zipfile
from collections.abc import Callable

import pytest
from rehearsal.artifacts import interface, pypi, upstream
from rehearsal.artifacts.feeds import Feeds
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.web.answers import REASON_HEADER
from unit.rehearsal.asking import Answer, ask, entra_token

FILE = "acme_features-0.3.0-py3-none-any.whl"


def test_upstream_is_the_configured_index() -> None:
    assert upstream.index_url({"PIP_INDEX_URL": "https://mirror.example/simple"}) == "https://mirror.example/simple/"
    assert "mirror.example" in upstream.hosts({"UV_DEFAULT_INDEX": "https://mirror.example/simple"})
    assert len(upstream.hosts({})) == 2


def test_upstream_reads_both_kinds_of_page() -> None:
    page = '<a href="../../f/a-1.0-py3-none-any.whl#sha256=ab" data-requires-python="&gt;=3.9">a</a>'
    json_page = (
        b'{"files": [{"filename": "a-1.0-py3-none-any.whl", "url": "../../f/a-1.0-py3-none-any.whl",'
        b' "hashes": {"sha256": "ab"}, "requires-python": ">=3.9"}]}'
    )
    wanted = upstream.RemoteFile("a-1.0-py3-none-any.whl", "https://i.example/f/a-1.0-py3-none-any.whl", "ab", ">=3.9")
    base = "https://i.example/simple/a/"
    assert upstream._from_html(page, base) == [wanted] == upstream._from_json(json_page, base)


def basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"any:{token}".encode()).decode()


@pytest.fixture
def packages(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Call the package host, with a token."""

    async def at_once(function: Callable[..., object], *args: object) -> object:
        return function(*args)

    monkeypatch.setattr(pypi, "run_in_threadpool", at_once)
    monkeypatch.setattr(interface, "run_in_threadpool", at_once)
    feeds = Feeds(store)
    apps = {pypi.HOST: pypi.app(feeds), interface.FEEDS_HOST: interface.feeds_app(feeds)}
    apps["acme.pkgs.visualstudio.com"] = pypi.legacy(apps[pypi.HOST])  # type: ignore[assignment]

    def ask_host(
        method: str, path: str, token: str = names.FEED_TOKEN, host: str = pypi.HOST, body: bytes = b"", **headers: str
    ) -> Answer:
        return ask(apps[host], method, f"https://{host}{path}", body, **{"authorization": basic(token), **headers})

    return ask_host


def upload(packages: Callable[..., Answer], version: str = "0.3.0", filename: str = FILE, **how: str) -> Answer:
    """Upload a small but real wheel as twine does."""
    fields = {":action": "file_upload", "name": "acme-features", "version": version}
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = f'--B\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    body = "".join(parts).encode() + head.encode() + wheel_bytes() + b"\r\n--B--\r\n"
    path = how.pop("path", "/acme/ml/_packaging/wheels/pypi/upload/")
    return packages(
        "POST", path, body=body, content_type="multipart/form-data; boundary=B", user_agent="twine/7", **how
    )


def wheel_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        metadata = "Metadata-Version: 2.4\nName: acme-features\nVersion: 0.3.0\nRequires-Python: >=3.10\n"
        wheel.writestr(zipfile.ZipInfo("acme_features-0.3.0.dist-info/METADATA"), metadata)
    return buffer.getvalue()


def test_upload_then_page_then_file(packages: Callable[..., Answer]) -> None:
    assert upload(packages).status == 202
    page = packages("GET", "/acme/ml/_packaging/wheels/pypi/simple/Acme_Features/", names.READ_TOKEN).content.decode()
    link = page.partition('href="')[2].partition('"')[0]
    url, _, fragment = link.partition("#")
    assert url.startswith("https://pkgs.dev.azure.com/acme/")
    assert names.guid("acme", "ml", "wheels") in url
    assert 'data-requires-python="&gt;=3.10"' in page
    assert fragment == "sha256=" + hashlib.sha256(wheel_bytes()).hexdigest()
    path = urllib.parse.urlsplit(url).path
    assert packages("GET", path).content == wheel_bytes()
    part = packages("GET", path, range="bytes=0-9")
    assert (part.status, part.content) == (206, wheel_bytes()[:10])
    assert part.header("content-range") == f"bytes 0-9/{len(wheel_bytes())}"
    assert packages("GET", path, range="bytes=-5").content == wheel_bytes()[-5:]
    assert packages("GET", path, range="bytes=99999-").status == 200
    assert packages("HEAD", path).status == 405


def test_same_file_again_is_a_conflict_in_azures_words(packages: Callable[..., Answer]) -> None:
    upload(packages)
    answer = upload(packages)
    text = f"The feed 'wheels' already contains file '{FILE}' in package 'acme-features 0.3.0'."
    assert (answer.status, answer.json["typeKey"]) == (409, "PackageAlreadyExistsException")
    assert answer.json["message"] == text == answer.header(REASON_HEADER)


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ({"token": "unknown"}, 401, "UnauthorizedRequestException"),
        ({"token": names.READ_TOKEN}, 403, "FeedNeedsPermissionsException"),
        ({"token": names.BUILD_TOKEN}, 403, "FeedNeedsPermissionsException"),
        ({"path": "/acme/ml/_packaging/nope/pypi/upload"}, 404, "FeedIdNotFoundException"),
        ({"path": "/acme/_packaging/wheels/pypi/upload"}, 404, "FeedIdNotFoundException"),
        ({"path": "/acme/nope/_packaging/wheels/pypi/upload"}, 404, "ProjectDoesNotExistWithNameException"),
        ({"path": "/acme/ml/_packaging/wheels@Release/pypi/upload"}, 400, "InvalidUserRequestException"),
        ({"path": "/acme/ml/_packaging/wheels@Nope/pypi/upload"}, 404, "FeedViewNotFoundException"),
        ({"version": "1.0+local"}, 400, "InvalidPackageException"),
        ({"version": "1" * 128}, 400, "InvalidPackageException"),
        ({"filename": "nonsense"}, 400, "InvalidPackageException"),
    ],
)
def test_upload_is_refused(packages: Callable[..., Answer], how: dict[str, str], status: int, kind: str) -> None:
    answer = upload(packages, **how)
    assert (answer.status, answer.json["typeKey"]) == (status, kind)
    assert upload(packages).status == 202, "nothing was stored before"


def test_unauthorized_tells_the_tenant(packages: Callable[..., Answer]) -> None:
    answer = packages("GET", "/acme/ml/_packaging/wheels/pypi/simple/x/", "unknown")
    challenge = f"Bearer authorization_uri=https://login.microsoftonline.com/{names.TENANT_ID}"
    assert challenge in answer.header("www-authenticate")
    assert 'Basic realm="https://pkgs.dev.azure.com/"' in answer.header("www-authenticate")


def test_legacy_host_and_spaced_project(packages: Callable[..., Answer]) -> None:
    host = "acme.pkgs.visualstudio.com"
    assert upload(packages, host=host, path="/Data%20Science/_packaging/lab/pypi/upload/").status == 202
    page = packages("GET", "/Data%20Science/_packaging/lab/pypi/simple/acme-features/", host=host)
    assert f'href="https://{host}/{names.guid("acme", "Data Science")}/_packaging/'.encode() in page.content


def test_entra_token_is_a_password_too(store: Store, packages: Callable[..., Answer]) -> None:
    token = entra_token(store, entra.DEVOPS_AUDIENCE).json["access_token"]
    assert upload(packages, token=token).status == 202
    wrong = entra_token(store).json["access_token"]
    assert packages("GET", "/acme/ml/_packaging/wheels/pypi/simple/acme-features/", wrong).status == 401


def test_package_list_tells_where_versions_came_from(store: Store, packages: Callable[..., Answer]) -> None:
    upload(packages, path="/acme/ml/_packaging/mirror/pypi/upload")
    record = next(one for one in store.read("feeds")["acme"]["feeds"] if one["name"] == "mirror")
    (store.files("acme", record, "saved") / "public_thing-1.0-py3-none-any.whl").write_bytes(wheel_bytes())
    path = "/acme/ml/_apis/Packaging/Feeds/mirror/Packages?protocolType=PyPi&includeAllVersions=true&$top=10&$skip=0"
    listed = packages("GET", path, names.READ_TOKEN, interface.FEEDS_HOST).json
    origins = {one["name"]: "directUpstreamSourceId" in one["versions"][0] for one in listed["value"]}
    assert origins == {"acme-features": False, "public-thing": True}
    second = packages("GET", path.replace("$skip=0", "$skip=1"), host=interface.FEEDS_HOST).json
    assert [one["name"] for one in second["value"]] == ["public-thing"]


def test_core_hosts_answer_a_bad_token_with_a_page(packages: Callable[..., Answer]) -> None:
    answer = packages("GET", "/acme/ml/_apis/Packaging/Feeds/wheels", "unknown", interface.FEEDS_HOST)
    assert (answer.status, answer.header("content-type")) == (203, "text/html; charset=utf-8")


def test_promotion_shows_a_version_in_its_view(packages: Callable[..., Answer]) -> None:
    upload(packages)
    view = "/acme/ml/_packaging/wheels@Release/pypi/simple/acme-features/"
    before = packages("GET", view).status
    patch = b'{"views": {"op": "add", "path": "/views/-", "value": "Release"}}'
    path = "/acme/ml/_apis/packaging/feeds/wheels/pypi/packages/acme-features/versions/0.3.0"
    promoted = [packages("PATCH", path, token, body=patch).status for token in (names.BUILD_TOKEN, names.FEED_TOKEN)]
    assert (before, promoted, packages("GET", view).status) == (404, [403, 202], 200)


@pytest.mark.parametrize(
    ("token", "level", "count"),
    [
        (names.READ_TOKEN, "reader", 4),
        (names.READ_TOKEN, "contributor", 0),
        (names.BUILD_TOKEN, "collaborator", 4),
        (names.BUILD_TOKEN, "contributor", 0),
        (names.FEED_TOKEN, "contributor", 4),
        (names.FEED_TOKEN, "administrator", 0),
        (names.FEED_TOKEN, "nonsense", 0),
    ],
)
def test_feeds_are_listed_by_role_or_more(packages: Callable[..., Answer], token: str, level: str, count: int) -> None:
    path = f"_apis/Packaging/Feeds?feedRole={level}"
    assert packages("GET", f"/acme/{path}", token, interface.FEEDS_HOST).json["count"] == count
    listed = packages("GET", f"/acme/ml/{path}", token, interface.FEEDS_HOST).json["value"]
    assert [one["name"] for one in listed] == (["wheels", "mirror"] if count else [])


def test_feeds_are_not_listed_to_a_bad_token(packages: Callable[..., Answer]) -> None:
    assert packages("GET", "/acme/_apis/Packaging/Feeds", "unknown", interface.FEEDS_HOST).status == 203


def test_a_view_shows_nothing_of_the_upstream(packages: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    remote = upstream.RemoteFile("thing-1.0-py3-none-any.whl", "https://index.example/x", "0" * 64, None)
    monkeypatch.setattr(upstream, "files", lambda _: [remote])
    pages = [packages("GET", f"/acme/ml/_packaging/mirror{at}/pypi/simple/thing/").status for at in ("", "@Local")]
    assert pages == [200, 404]
    file = "pypi/download/thing/1.0/thing-1.0-py3-none-any.whl"
    assert packages("GET", f"/acme/ml/_packaging/mirror@Local/{file}").status == 404
    assert packages("GET", f"/acme/ml/_packaging/mirror/{file}", names.READ_TOKEN).status == 403


def test_what_clients_may_keep_says_so(store: Store, packages: Callable[..., Answer]) -> None:
    upload(packages)
    file = f"/acme/ml/_packaging/wheels/pypi/download/acme-features/0.3.0/{FILE}"
    assert packages("GET", file).header("cache-control") == ""
    with store.edit("feeds") as document:
        document["acme"]["feeds"][0]["cacheable"] = True
    assert packages("GET", file).header("cache-control") == "max-age=3600"


def test_a_public_feed_shows_visitors_what_it_holds_and_saves_nothing_for_them(
    store: Store, packages: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"/{names.ORGANIZATION}/{names.PROJECT}/_packaging/{names.FEED}/pypi/simple/acme-features/"
    remote = upstream.RemoteFile("numpy-2.2.0-py3-none-any.whl", "https://x.example/n.whl", "ab", None)
    monkeypatch.setattr(upstream, "files", lambda name: [remote] if name == "numpy" else [])
    upload(packages)

    def visit(path: str = page) -> Answer:
        return ask(pypi.app(Feeds(store)), "GET", f"https://{pypi.HOST}{path}")

    assert visit().status == 401
    with store.edit("feeds") as document:
        for feed in document[names.ORGANIZATION]["feeds"]:
            feed.update(public=True, upstream=True)
    assert visit().status == 200
    assert packages("GET", page, token="wrong").status == 401
    assert visit(page.replace(names.FEED, "nope")).status == 401
    assert visit(page.replace(names.ORGANIZATION, "nobody", 1)).status == 401
    saved = page.replace("simple/acme-features/", f"download/numpy/2.2.0/{remote.filename}")
    for path in (page.replace("acme-features", "numpy"), saved):
        refused = visit(path)
        assert (refused.status, refused.json["typeKey"]) == (401, "UnauthorizedRequestException")
        assert "have not yet been saved to your feed" in refused.json["message"]
