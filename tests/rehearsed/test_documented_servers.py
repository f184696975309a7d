"""Repositories that can't run here: a real server on loopback that answers uploads as their manuals and users say."""

import base64
import email
import email.policy
import hashlib
import http.server
import pathlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from amlwheel.build.wheel import inspect
from amlwheel.errors.base import StepError
from amlwheel.errors.feed import FeedForbidden, NothingStored, UploadFailed, VersionTaken
from amlwheel.feed import publish
from amlwheel.feed.index import Index
from amlwheel.model.feed import Feed
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Wheel
from rehearsed.steps import write_wheel

USER = Secret("fa:ke@pa/ss%40-0001", "ci@acme.example")
BASIC = base64.b64encode(f"{USER.user}:{USER.reveal()}".encode()).decode()


@dataclass(frozen=True)
class Kind:
    """A kind of repository: its paths, and what it says to a file that it has already. `about` is the evidence."""

    base: str
    upload: str
    status: int
    words: str
    about: str
    accepted: int = 200


NEXUS_PAGE = """<!doctype html><html><head><title>400 - Nexus Repository Manager</title><style>b {{}}</style></head>
<body><div class="content-section"> {} </div></body></html>"""
KINDS = {
    "artifactory": Kind(
        "/artifactory/api/pypi/ml-local",
        "/artifactory/api/pypi/ml-local",
        403,
        '{"errors": [{"status": 403, "message": "Not enough permissions to delete/overwrite artifact"}]}',
        "JFrog's manual, PyPI repositories; twine#681",
    ),
    "nexus": Kind(
        "/repository/ml-hosted",
        "/repository/ml-hosted/",
        400,
        NEXUS_PAGE.format("Repository does not allow updating assets: ml-hosted"),
        "twine#693, with the page",
    ),
    "nexus on PostgreSQL": Kind(
        "/repository/ml-hosted",
        "/repository/ml-hosted/",
        400,
        NEXUS_PAGE.format("ml-hosted/packages/x/1.0/x.whl cannot be updated"),
        "twine#1044, nexus-public#696",
    ),
    "gitlab": Kind(
        "/api/v4/projects/42/packages/pypi",
        "/api/v4/projects/42/packages/pypi",
        400,
        '{"message": "Validation failed: File name has already been taken"}',
        "GitLab's manual, PyPI packages in the package registry: Troubleshooting",
        accepted=201,
    ),
    "codeartifact": Kind(
        "/pypi/wheels",
        "/pypi/wheels/",
        409,
        '{"message": "The package version already exists"}',
        "AWS, CodeArtifact User Guide: a version's assets can't be replaced",
    ),
}


@dataclass
class Repository:
    """What a repository of a kind holds, and how it behaves."""

    kind: Kind
    files: dict[str, bytes] = field(default_factory=dict)
    stores: bool = True
    refuses: bool = False
    posts: int = 0
    port: int = 0

    @property
    def feed(self) -> Feed:
        """The feed, as a user gives it: CodeArtifact is known by its host, so here its address for uploads is given."""
        found = parse_feed(f"http://127.0.0.1:{self.port}{self.kind.base}/simple")
        return found if found.upload_url.endswith(self.kind.upload) else self._told(found)

    def _told(self, found: Feed) -> Feed:
        return Feed(found.index_url, f"http://127.0.0.1:{self.port}{self.kind.upload}", found.target)

    def upload(self, filename: str, content: bytes) -> tuple[int, str]:
        """Take a file, or say what the kind says."""
        self.posts += 1
        if self.refuses or filename in self.files:
            return self.kind.status, self.kind.words
        if self.stores:
            self.files[filename] = content
        return self.kind.accepted, ""


def _handler(repository: Repository) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._known()
            index = f"{repository.kind.base}/simple/"
            inside = self.path.removeprefix(index).strip("/")
            if self.path == index:
                self._answer(200, "".join(f'<a href="{_project(name)}/"></a>' for name in repository.files))
            elif self.path.startswith(index):
                listed = {name: data for name, data in repository.files.items() if _project(name) == inside}
                links = [f'<a href="../{n}#sha256={hashlib.sha256(d).hexdigest()}"></a>' for n, d in listed.items()]
                self._answer(200 if links else 404, "".join(links))
            else:
                self._answer(404, "nothing here")

        def do_POST(self) -> None:
            self._known()
            head = f"Content-Type: {self.headers['Content-Type']}\n\n".encode()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != repository.kind.upload:
                self._answer(404, "nothing here")
                return
            form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
            (sent,) = (part for part in form.iter_parts() if part.get_filename())
            content = sent.get_payload(decode=True)
            assert isinstance(content, bytes)
            self._answer(*repository.upload(str(sent.get_filename()), content))

        def _known(self) -> None:
            """Every request has to come from our user, with his password."""
            assert self.headers["Authorization"] == f"Basic {BASIC}"

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/html")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler


def _project(filename: str) -> str:
    return filename.partition("-")[0].replace("_", "-")


@pytest.fixture(params=KINDS)
def repository(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Repository(KINDS[request.param])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(made)) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join(10)


@pytest.fixture
def wheel(tmp_path: pathlib.Path) -> Wheel:
    return inspect(write_wheel(tmp_path, "acme-churn", "1.0"))


def send(repository: Repository, wheel: Wheel) -> list[float]:
    """Publish; return the pauses that were made, or would have been."""
    pauses: list[float] = []
    publish.publish(Index(repository.feed, USER), wheel, pytest.fail, pauses.append)
    return pauses


def test_a_wheel_is_published_once_and_kept_then(repository: Repository, wheel: Wheel) -> None:
    for expected in ("new package", "the feed has it with the same sha256"):
        change = publish.plan(Index(repository.feed, USER), wheel, pytest.fail)
        assert change.why == expected
        change.effect()
    assert repository.posts == 1
    assert repository.files == {wheel.filename: wheel.path.read_bytes()}
    assert Index(repository.feed, USER).names() == frozenset(["acme-churn"])


def test_a_refusal_of_what_is_there_is_settled_by_its_bytes(repository: Repository, wheel: Wheel) -> None:
    repository.files[wheel.filename] = wheel.path.read_bytes()
    assert send(repository, wheel) == []
    repository.files[wheel.filename] = b"other bytes"
    with pytest.raises(VersionTaken):
        send(repository, wheel)


def test_a_refusal_of_what_is_not_there_is_told_in_the_repositorys_words(repository: Repository, wheel: Wheel) -> None:
    repository.refuses = True
    with pytest.raises((UploadFailed, FeedForbidden)) as caught:
        send(repository, wheel)
    assert isinstance(caught.value, FeedForbidden) is (repository.kind.status == 403)
    words = r"overwrite artifact|does not allow updating|cannot be updated|already been taken|already exists"
    assert re.search(words, caught.value.details)
    assert "<" not in caught.value.details


def test_a_success_that_stored_nothing_is_told_in_half_a_minute(repository: Repository, wheel: Wheel) -> None:
    repository.stores = False
    with pytest.raises(NothingStored, match=repository.feed.upload_url):
        send(repository, wheel)
    assert repository.posts == 1


def test_an_address_that_takes_no_uploads_is_told(repository: Repository, wheel: Wheel) -> None:
    found = repository.feed
    wrong = Feed(found.index_url, f"{found.target}/elsewhere/", found.target)
    with pytest.raises(StepError, match="Nothing takes uploads at") as caught:
        publish.publish(Index(wrong, USER), wheel, pytest.fail)
    assert "`feed-upload-url`" in caught.value.fix
