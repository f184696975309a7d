"""Where chaos happens: one local Azure for all runs of a process, and the releases that are disturbed in it."""

import ctypes
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from rehearsal.command.projects import commit
from rehearsal.git_host import repositories
from rehearsal.proxy.world import World, is_write
from rehearsal.state import names
from rehearsed import checkouts
from rehearsed.conftest import renew
from rehearsed.steps import FEED_LABEL, PROJECTS, ROOT, WORKSPACE_LABEL, Step, in_feed, options, write_wheel

HERE = checkouts.HERE
TOO_LONG = 90.0
"""Seconds after which a run is ended: it hangs."""
GRACE = 3.0
"""Seconds that the processes of a run have to end after it."""
DEFAULT = (sys.executable, "-B", ROOT / "action" / "bootstrap.py")
BRISK = (sys.executable, "-B", pathlib.Path(__file__).with_name("brisk.py"))
"""The step with shorter limits, for servers that hang."""
CONTAINER = "chaos"
Json = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """One kind of release."""

    name: str
    inputs: Mapping[str, object]
    env: Mapping[str, str] = field(default_factory=dict)
    depends: bool = False
    """Whether the wheel requires a package of the feed."""
    git: bool = False


_FILES: Json = {"python_version": HERE, "verify": "files"}
FEED: Json = {"feed": FEED_LABEL, "workspace": WORKSPACE_LABEL}
_MIRROR: Json = {"route": "storage", "storage_container": names.container_url(CONTAINER), "mirror": "true"}
_COMMIT = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": names.CODE_TOKEN}
ROUTES = {
    each.name: each
    for each in (
        Route("feed v2", {**FEED, "python_version": HERE, "feed_view": "Release"}, depends=True),
        Route("feed v1", {**FEED, **_FILES, "sdk": "v1"}, depends=True),
        Route("workspace", {**FEED, **_FILES, "feed": "", "route": "workspace"}),
        Route("storage", {**FEED, **_FILES, **_MIRROR}, {"AMLWHEEL_CONNECTION_TOKEN": ""}, depends=True),
        Route("git", {**FEED, **_FILES, "feed": "", "route": "git"}, _COMMIT, git=True),
    )
}
BUILDING = Route("a build", {**FEED, "python_version": HERE})
"""A release that builds, locks and proves."""


@dataclass
class Ran:
    """What one run did. `broken` lists the promises that it broke by itself."""

    status: int
    """Negative: the signal that ended it."""
    output: str
    seconds: float
    requests: list[Json]
    folder: pathlib.Path
    broken: list[str]

    @property
    def writes(self) -> list[Json]:
        """The requests that may have changed something."""
        return [line for line in self.requests if is_write(line)]


class Bench:
    """Runs releases in one local Azure, and knows what undisturbed ones come to."""

    def __init__(
        self, world: World, pristine: Mapping[str, str], caches: Mapping[str, str], folder: pathlib.Path
    ) -> None:
        """Make what is released; `folder` is for all runs."""
        self.world, self._pristine, self._caches, self.folder = world, pristine, caches, folder
        self._offset, self._count = 0, 0
        self.wheels = {
            False: write_wheel(folder / "wheels/alone", "acme-features", "0.3.0"),
            True: write_wheel(folder / "wheels/needing", "acme-features", "0.3.1", requires=["acme-core"]),
        }
        self.core = write_wheel(folder / "wheels", "acme-core", "1.3")
        self.checkout = checkouts.make(folder)
        repositories.set_origin(self.checkout, names.REPOSITORY)
        self.project = commit(PROJECTS / "acme-features", folder / "acme-features")
        self._undisturbed: dict[str, tuple[Ran, Json, dict[str, bytes]]] = {}
        adopt_orphans()

    def renew(self, route: Route) -> None:
        """Begin in an Azure in which nothing has happened but what the release needs."""
        renew(self.world, self._pristine)
        if route.depends:
            self.world.seed_wheel(self.core)
        if route.git:
            self.world.push(self.checkout, names.REPOSITORY)
        if "storage_container" in route.inputs:
            with self.world.store.edit("storage") as document:
                document["accounts"][names.STORAGE_ACCOUNT]["containers"] = {CONTAINER: None}
            for name in list(self._blobs()):
                self._storage("DELETE", f"/{name}")
        self.lines()

    def undisturbed(self, route: Route) -> tuple[Ran, Json, dict[str, bytes]]:
        """Return an undisturbed run of a release, the state that it leads to, and its files; ran once."""
        if route.name not in self._undisturbed:
            for _ in range(2):  # the first one fills caches, so that the second asks what each later one asks
                self.renew(route)
                ran = self.run(route)
                assert ran.status == 0, ran.output
                assert not ran.broken, ran.broken
            self._undisturbed[route.name] = ran, self.state(route), files(ran.folder)
        return self._undisturbed[route.name]

    def run(
        self,
        route: Route,
        *,
        command: tuple[str | pathlib.Path, ...] = DEFAULT,
        during: Callable[["subprocess.Popen[bytes]", pathlib.Path], None] | None = None,
        **more: object,
    ) -> Ran:
        """Run a release to its end, or until it is too slow; `during` may disturb the process."""
        (ran,) = self.run_together([route], command=command, during=during, **more)
        return ran

    def run_together(
        self,
        together: list[Route],
        *,
        command: tuple[str | pathlib.Path, ...] = DEFAULT,
        during: Callable[["subprocess.Popen[bytes]", pathlib.Path], None] | None = None,
        **more: object,
    ) -> list[Ran]:
        """Run releases at the same time."""
        known, began = children(), time.monotonic()
        running = [self._start(route, command, more) for route in together]
        done: list[tuple[int, float, pathlib.Path]] = []
        for child, scratch in running:
            if during:
                during(child, scratch)
            try:
                status = child.wait(max(0.1, began + TOO_LONG - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                status = 999
            done.append((status, time.monotonic() - began, scratch))
        orphans, lines = survivors(known), self.lines()
        return [self._judge(*each, lines, orphans) for each in done]

    def _start(
        self, route: Route, command: tuple[str | pathlib.Path, ...], more: Mapping[str, object]
    ) -> tuple["subprocess.Popen[bytes]", pathlib.Path]:
        self._count += 1
        scratch = self.folder / f"run-{self._count}"
        for name in ("home", "work", "temp"):
            (scratch / name).mkdir(parents=True)
        what = {"package_dir": self.checkout / checkouts.BELOW} if route.git else {"wheel": self.wheels[route.depends]}
        what = {"package_dir": self.project} if route is BUILDING else what
        inputs = {**what, **route.inputs, "output_dir": scratch / "out", **more}
        step = Step(self.world, scratch, self._caches)
        env = {**step.environment(), **route.env, "TMPDIR": str(scratch / "temp")}
        with (scratch / "log.txt").open("wb") as output:
            child = subprocess.Popen(
                [*command, *options(inputs)],
                env={name: value for name, value in env.items() if value},
                cwd=scratch / "work",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return child, scratch

    def _judge(self, status: int, seconds: float, scratch: pathlib.Path, lines: list[Json], orphans: list[str]) -> Ran:
        output = (scratch / "log.txt").read_text("utf-8", "replace")
        ran = Ran(status, output, seconds, lines, scratch / "out", [f"orphan: {each}" for each in orphans])
        ran.broken += [f"shows {name}" for name in shown(output, lines)]
        killed = status in (-signal.SIGKILL, 999)
        if status == 999:
            ran.broken.append(f"didn't end within {TOO_LONG:.0f} s")
        if not killed and list((scratch / "temp").iterdir()):
            ran.broken.append(f"left in the temporary folder: {[each.name for each in (scratch / 'temp').iterdir()]}")
        return ran

    def lines(self) -> list[Json]:
        """Return what was asked of the local Azure since the last time."""
        with self.world.log.open("rb") as log:
            log.seek(self._offset)
            whole = log.read().rpartition(b"\n")[0]
        self._offset += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.splitlines()]

    def peek(self) -> int:
        """Return how many writes there were since `lines`."""
        with self.world.log.open("rb") as log:
            log.seek(self._offset)
            whole = log.read().rpartition(b"\n")[0]
        return sum(is_write(json.loads(line)) for line in whole.splitlines())

    def state(self, route: Route) -> Json:
        """Return what lasts of a release: the feed's files and views, connections, environments, blobs."""
        blobs = self.world.azure / "blobs"
        stored = {str(each.relative_to(blobs)): digest(each) for each in blobs.rglob("*") if each.is_file()}
        if "storage_container" in route.inputs:
            stored |= self._blobs()
        feeds = self.world.store.read("feeds")
        return {
            "feed": in_feed(self.world),
            "views": [each["promoted"] for each in feeds[names.ORGANIZATION]["feeds"]],
            "blobs": stored,
            **{name: _lasting(self.world.workspace()[name]) for name in ("connections", "environments")},
        }

    def _blobs(self) -> dict[str, str]:
        """Return the blobs of the container, each with its MD5 and the sha256 that was noted with it."""
        listed = self._storage("GET", "?restype=container&comp=list&include=metadata")
        found = ET.fromstring(listed.content)  # noqa: S314  # Azurite wrote it
        return {
            each.findtext("Name") or "": (each.findtext("Properties/Content-MD5") or "")
            + (each.findtext("Metadata/sha256") or "")
            for each in found.iter("Blob")
        }

    def _storage(self, method: str, rest: str) -> requests.Response:
        proxies = {"https": f"http://127.0.0.1:{self.world.port}"}
        form = {"client_id": names.CLIENT_ID, "client_secret": names.CLIENT_SECRET, "grant_type": "client_credentials"}
        form["scope"] = "https://storage.azure.com/.default"
        place = f"https://login.microsoftonline.com/{names.TENANT_ID}/oauth2/v2.0/token"
        secure: Json = {"proxies": proxies, "verify": str(self.world.ca_bundle)}
        token = requests.post(place, data=form, timeout=60, **secure).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-08-06"}
        answer = requests.request(method, names.container_url(CONTAINER) + rest, headers=headers, timeout=60, **secure)
        assert answer.ok, answer.text
        return answer

    def clean(self, ran: Ran) -> None:
        """Remove what a run wrote."""
        shutil.rmtree(ran.folder.parent, ignore_errors=True)


_OF_THE_MOMENT = {"systemData", "createdOn", "createdTime", "modifiedOn", "lastModifiedTime", "etag"}


def _lasting(value: object) -> Any:  # noqa: ANN401  # JSON
    """Return a document without what tells when it was written."""
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in _OF_THE_MOMENT}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


def digest(path: pathlib.Path) -> str:
    """Return a file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Return the files below a folder; it needn't be there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


# --- processes; Linux only


def adopt_orphans() -> None:
    """Become the parent of every process whose own parent has ended (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def children(pid: str = "self") -> set[int]:
    """Return the processes that a process is the parent of."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return {int(each) for task in tasks for each in (task / "children").read_text().split()}


def survivors(known: set[int]) -> list[str]:
    """Return what runs on after a run, by command; all of it is ended."""
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(_alive(each) for each in children() - known):
        time.sleep(0.05)
    found = [each for each in children() - known if _alive(each)]
    commands = [
        pathlib.Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:120] for each in found
    ]
    for each in found:
        os.kill(each, signal.SIGKILL)
        os.waitpid(each, 0)
    return commands


def _alive(pid: int) -> bool:
    """Tell whether a child is alive; one that has ended is taken off the list."""
    return os.waitpid(pid, os.WNOHANG) == (0, 0)


# --- secrets


def shown(output: str, lines: list[Json]) -> Iterator[str]:
    """Yield the names of the secrets that an output holds in any form."""
    from rehearsed.test_secrets import holds  # noqa: PLC0415  # it reads its projects when it is imported

    known = {name: value for name, value in vars(names).items() if name.endswith(("_TOKEN", "_SECRET"))}
    answers = [line["response_body"] for line in lines if "/oauth2/" in line["url"]]
    tokens = [json.loads(each).get("access_token") for each in answers if str(each).startswith("{")]
    known |= {f"access token {number}": token for number, token in enumerate(filter(None, tokens))}
    yield from (name for name, value in known.items() if holds(output, value))
