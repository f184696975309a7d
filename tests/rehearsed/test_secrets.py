"""No secret leaves its way: none in output, files, arguments of processes or tracebacks; each only where it belongs."""

import base64
import contextlib
import dataclasses
import functools
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import CLIENT_SECRET, FEED_TOKEN, READ_TOKEN
from rehearsed.steps import DEBUG, PACKAGES, ROOT, Result, Step, shown

# With the characters that change their look in URLs and forms.
CANARIES = {
    FEED_TOKEN: "fake-canary/of+the=feed~0001",
    READ_TOKEN: "fake-canary/of+the=connection~0002",
    CLIENT_SECRET: "fake~canary/of+the=client.secret-0003",
}
FEED, CONNECTION, CLIENT = CANARIES.values()
NETRC = "fake-canary-of-the-netrc-0004"

HERE = ".".join(map(str, sys.version_info[:2]))
"""The Python that is surely on this machine: a proof imports with it."""

NOSY = """\
import json, os, pathlib
with pathlib.Path({place!r}).open("a") as file:
    file.write(json.dumps(dict(os.environ)) + "\\n")
"""
NOSY_PROJECT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-nosy"
version = "1.0"

[tool.setuptools]
packages = ["acme_nosy"]
""",
    "setup.py": NOSY + "import setuptools; setuptools.setup()\n",
    "acme_nosy/__init__.py": NOSY,
}


@functools.cache
def spellings(secret: str) -> frozenset[str]:
    """Return how ``secret`` may be written: plain, quoted for URLs and in JSON, in base64 with whatever around it."""
    found = {secret, json.dumps(secret)[1:-1], urllib.parse.quote(secret), urllib.parse.quote_plus(secret)}
    for before, start in enumerate((0, 2, 3)):  # where it begins among base64's groups of three; its own digits alone
        content = b"\0" * before + secret.encode()
        digits = base64.b64encode(content).decode()[start : len(content) * 8 // 6]
        found |= {digits, digits.translate(str.maketrans("+/", "-_"))}
    return frozenset(found | {urllib.parse.quote(each, safe="") for each in found})


def holds(text: str, secret: str) -> bool:
    """Tell whether ``text`` holds ``secret`` in any spelling."""
    return any(each in text for each in spellings(secret))


@pytest.mark.parametrize("user", ["", "x", "me", "amlwheel"])
def test_this_test_would_find_a_secret(user: str) -> None:
    pair = f"{user}:{FEED}".encode()
    for text in (FEED, urllib.parse.quote(FEED, safe=""), base64.b64encode(pair), base64.urlsafe_b64encode(pair)):
        shown = text if isinstance(text, str) else text.decode()
        assert holds(f"Authorization: Basic {shown}, and more", FEED)
        assert not holds(shown, CONNECTION)


@pytest.fixture
def watched(world: World, tmp_path: pathlib.Path, caches: dict[str, str]) -> Step:
    """Return the step in a world that knows the canaries, with everything that it may write below one folder."""
    text = world.store.path("entra").read_text("utf-8")
    for usual, canary in CANARIES.items():
        text = text.replace(json.dumps(usual), json.dumps(canary))
    world.store.path("entra").write_text(text, "utf-8")
    return Step(world, tmp_path, {**caches, "UV_CACHE_DIR": str(tmp_path / "uv")})


def given(step: Step) -> dict[str, str]:
    """Return the variables with the canaries in them, and with those that ask for debug lines: there is most to see."""
    tokens = {"AMLWHEEL_FEED_TOKEN": FEED, "AMLWHEEL_CONNECTION_TOKEN": CONNECTION, "AZURE_CLIENT_SECRET": CLIENT}
    return {**DEBUG, **tokens, "TMPDIR": str(step.folder("temp"))}


def secrets(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return every secret by what it is: the canaries, and each access token that Entra handed out in ``lines``."""
    answers = [line["response_body"] for line in lines if line["url"].endswith("/oauth2/v2.0/token")]
    tokens = [json.loads(answer).get("access_token", "") for answer in answers if answer.startswith("{")]
    found = {"feed": FEED, "connection": CONNECTION, "client": CLIENT}
    return found | {f"access token {number}": token for number, token in enumerate(filter(None, tokens))}


def assert_kept(step: Step, result: Result) -> None:
    """Assert that no secret is in the output, nor in any file that the step or its tools left behind."""
    known = secrets(step.world.requests())
    files = {path: path.read_bytes().decode("utf-8", "replace") for path in step.scratch.rglob("*") if path.is_file()}
    texts = {
        "the output": shown(result.output),
        **{str(path): text for path, text in files.items() if len(text) < 10**6},
    }
    found = [(name, place) for name, secret in known.items() for place, text in texts.items() if holds(text, secret)]
    assert found == []


# --- processes


@dataclasses.dataclass
class Watcher:
    """Notes the arguments of every process below one, every few milliseconds. Linux only."""

    seen: set[tuple[str, ...]] = dataclasses.field(default_factory=set)
    _ended: threading.Event = dataclasses.field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Watcher"]:
        """Watch from `start` to the end of the block."""
        try:
            yield self
        finally:
            self._ended.set()

    def start(self, pid: int) -> None:
        """Begin to watch below ``pid``."""
        threading.Thread(target=self._watch, args=(pid,), daemon=True).start()

    def _watch(self, pid: int) -> None:
        while not self._ended.is_set():
            for each in _family(pid):
                with contextlib.suppress(OSError):
                    line = pathlib.Path(f"/proc/{each}/cmdline").read_bytes().rstrip(b"\0")
                    self.seen.add(tuple(line.decode("utf-8", "replace").split("\0")))
            time.sleep(0.002)

    def saw(self, *words: str) -> bool:
        """Tell whether there was a process with these arguments."""
        return any(all(any(word in part for part in each) for word in words) for each in self.seen)


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


@pytest.mark.network
@pytest.mark.skipif(sys.platform != "linux", reason="watches processes in /proc")
def test_a_release_shows_no_secret_to_anybody(watched: Step) -> None:
    project, place = watched.folder("project"), watched.scratch / "environments.jsonl"
    place.touch()  # builds make nothing new beside uv's cache
    for name, text in NOSY_PROJECT.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text.replace("{place!r}", repr(str(place))))
    with Watcher().running() as watcher:
        result = watched(package_dir=project, python_version=HERE, env=given(watched), watch=watcher.start)
    assert result.status == 0, result.output
    assert_kept(watched, result)
    known = secrets(result.requests)
    for told in (
        r"PUT https://management\.azure\.com/\S+/connections/feed-acme: 20\d, \d+ ms",
        r"\$ uv pip compile .*",
    ):
        assert re.search(f"^debug: {told}$", result.output, re.MULTILINE)

    assert watcher.saw("build", "--wheel")
    assert watcher.saw("uv", "compile")
    assert watcher.saw("uv", "install", "--require-hashes")
    assert watcher.saw("importing.py", "acme_nosy")
    assert [argv for argv in watcher.seen for secret in known.values() if holds("\0".join(argv), secret)] == []

    environments = [json.loads(line) for line in place.read_text().splitlines()]
    assert len(environments) >= 3  # the hooks of the build, and the proof's import
    assert [
        name for each in environments for name, value in each.items() for s in known.values() if holds(value, s)
    ] == []
    assert not list((watched.scratch / "temp").iterdir())


@pytest.mark.network
def test_each_secret_travels_only_where_it_belongs(watched: Step, wheel: pathlib.Path) -> None:
    netrc = watched.folder("home") / ".netrc"
    netrc.write_text(f"default login intruder password {NETRC}\n", "utf-8")
    result = watched(wheel=wheel, env=given(watched))
    assert result.status == 0, result.output
    assert not [line["url"] for line in result.requests for _, text in _parts(line) if holds(text, NETRC)]
    ways: dict[str, set[tuple[str, str, str]]] = {}
    for line in result.requests:
        for name, secret in secrets(result.requests).items():
            for part, text in _parts(line):
                if holds(text, secret):
                    host = urllib.parse.urlsplit(line["url"]).hostname or ""
                    ways.setdefault(name, set()).add((host, line["method"], part))
    devops = {"feeds.dev.azure.com", "pkgs.dev.azure.com"}
    assert {(host, part) for host, _, part in ways["feed"]} == {(host, "authorization") for host in devops}
    assert ways["connection"] == {
        ("pkgs.dev.azure.com", "GET", "authorization"),
        ("management.azure.com", "PUT", "body"),
    }
    assert ways["client"] == {("login.microsoftonline.com", "POST", "body")}
    assert ways["access token 0"] == {
        ("login.microsoftonline.com", "POST", "response_body"),
        ("management.azure.com", "GET", "authorization"),
        ("management.azure.com", "PUT", "authorization"),
    }
    puts = [line for line in result.requests if holds(str(line["body"]), CONNECTION)]
    assert [line["url"].partition("?")[0].rpartition("/")[2] for line in puts] == ["feed-acme"]


def _parts(line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from line["request_headers"].items()
    for name in ("url", "body", "response_body"):
        yield name, str(line[name])
    yield from ((f"response {name}", value) for name, value in line["response_headers"].items())


# --- failures

BASIC = base64.b64encode(f"amlwheel:{FEED}".encode()).decode()
ECHO = {"message": f"Your token {FEED}, sent as Basic {BASIC}, may not do this."}


FAULT = """\
import base64, sys
sys.path.insert(0, sys.argv.pop(1))
from amlwheel.step import stages
from amlwheel.__main__ import main

def fail(self, *more):
    token = self.inputs.feed_token.reveal()
    raise RuntimeError(token, base64.b64encode(token.encode()))

stages.Stages.lock = fail
sys.exit(main())
"""


def test_a_fault_of_the_step_itself_shows_no_secret(watched: Step, wheel: pathlib.Path) -> None:
    step = dataclasses.replace(watched, command=(sys.executable, "-B", "-c", FAULT, ROOT / "action"))
    result = step(wheel=wheel, env=given(watched))
    assert result.status == 99, result.output
    assert "RuntimeError: ('***', b'***')" in result.output
    assert "error: AW99 unexpected error" in result.output
    assert result.writes == []
    assert_kept(watched, result)


@pytest.mark.parametrize("host", ["github", "azure"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"host": PACKAGES, "path": "/upload", "method": "POST", "status": 401, "body": ECHO}, 30),
        ({"host": PACKAGES, "path": "/simple/", "status": 403, "body": ECHO}, 33),
        ({"host": "login", "path": "/token", "status": 401, "body": {"error": "x", "error_description": CLIENT}}, 40),
        ({"host": PACKAGES, "path": "/download/", "status": 403, "body": ECHO}, 33),
    ],
    ids=["echoed-by-the-upload", "echoed-by-the-index", "echoed-by-entra", "proof"],
)
def test_a_failure_shows_no_secret(  # noqa: PLR0913, PLR0917  # a table
    watched: Step, world: World, wheel: pathlib.Path, fault: dict[str, Any], status: int, host: str
) -> None:
    world.fail(fault)
    page = watched.scratch / "summary.md"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), "GITHUB_OUTPUT": str(page) + ".out"}
    azure = {"TF_BUILD": "True"}
    result = watched(wheel=wheel, env=given(watched) | (github if host == "github" else azure))
    assert result.status == status, result.output
    mark = "::debug::" if host == "github" else "##vso[task.debug ]"
    assert re.search(
        rf"^{re.escape(mark)}(GET|POST) https://\S+: {fault['status']}, \d+ ms", result.output, re.MULTILINE
    )
    world.fail()
    assert_kept(watched, result)


def test_a_secret_that_the_project_knows_stops_the_files(watched: Step, wheel: pathlib.Path) -> None:
    """Whoever writes a token into an input finds it refused, not emitted."""
    host = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": f"acme/{FEED}"}
    result = watched(wheel=wheel, env=given(watched) | host)
    assert result.status == 99
    assert result.writes == []
    assert_kept(watched, result)
    assert not [name for name, content in result.files.items() if holds(content.decode("utf-8", "replace"), FEED)]
