"""The local Azure as a context: started, used through its environment variables, and stopped."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..artifacts import upstream
from ..artifacts.filenames import identity
from ..git_host import releases, repositories
from ..sign_in.entra import HOST as LOGIN_HOST
from ..state.names import FEED, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE, storage_account, workspace_id
from ..state.store import Store
from ..storage import blobs
from . import log
from .faults import Faults
from .inside import Inside, trusted_roots

if TYPE_CHECKING:
    from typing_extensions import Self

READY_WITHIN = 60
"""Seconds that the proxy may take to start; it takes about one."""

# mitmproxy loads an addon again when its file changes: an edit must not change the Azure of a running rehearsal.
_START = (
    "from mitmproxy.addons import script; script.ReloadInterval = 10**6; "
    "from mitmproxy.tools.main import mitmdump; mitmdump()"
)


class World:
    """A local Azure that runs while the context is open. `state` may be that of an earlier one.

    `latency_ms` is added to every answer; `faults` are JSON objects as `faults.Fault` documents them. Hosts that
    are `beside` are reached without the proxy, and nothing is logged of it: servers of the user's own.
    In `state` are `requests.jsonl`, of this run alone, and the folder `azure`: what the stand-ins remember.
    """

    def __init__(
        self,
        state: pathlib.Path,
        *,
        latency_ms: float = 0,
        faults: Iterable[Mapping[str, Any]] = (),
        beside: Iterable[str] = (),
    ) -> None:
        """Prepare the state folder; nothing runs yet."""
        self.state = state.resolve()
        self.azure = self.state / "azure"
        self.log = self.state / "requests.jsonl"
        self.store = Store(self.azure)
        self._latency_ms, self._beside = latency_ms, tuple(beside)
        self._proxy = self.azure / "proxy"
        self._proxy.mkdir(exist_ok=True)
        self.azure.chmod(0o700)  # it holds the tokens that are stored
        self.fail(*faults)
        self.cut_off(off=False)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def ca_bundle(self) -> pathlib.Path:
        """The roots that a client needs: this machine's and the proxy's."""
        return self._proxy / "ca-bundle.pem"

    def __enter__(self) -> "Self":
        """Start the proxy and wait until it answers; RuntimeError, with its log, when it doesn't."""
        self.log.write_text("")
        self.log.chmod(0o600)  # it records the tokens that are sent
        ready = self._proxy / "ready"
        ready.unlink(missing_ok=True)
        with (self._proxy / "mitmdump.log").open("wb") as output:
            self._process = subprocess.Popen(
                self._command(ready),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=_proxy_environment(),
                start_new_session=True,  # Ctrl-C is for the step; we stop when it has ended
            )
        try:
            self.port = self._wait(ready)
            self._write_ca_bundle()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the proxy."""
        self._stop()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` changed so that a process lives in this world, see `Inside`."""
        return Inside(self.store, self.port, self.ca_bundle, self._beside).environment(base)

    def requests(self) -> list[dict[str, Any]]:
        """Return the request log so far."""
        return log.read(self.log)

    def writes(self) -> list[dict[str, Any]]:
        """Return the requests that may change something: neither reads, nor tokens asked for."""
        return [line for line in self.requests() if is_write(line)]

    def fail(self, *faults: Mapping[str, Any]) -> None:
        """Let requests go wrong as `faults` say, from now on and in place of what was said before; none: no more."""
        Faults(faults)  # refuses what makes no sense
        part = self._proxy / "faults.part"
        part.write_text(json.dumps(faults), "utf-8")
        part.replace(self._proxy / "faults.json")

    def cut_off(self, *, off: bool = True) -> None:
        """Let nobody reach the public index, as in a network without a way out; or let them again.

        Who runs by then and has learned his way past the proxy isn't held up.
        """
        mark = self.azure / "index-cut-off"
        mark.touch() if off else mark.unlink(missing_ok=True)

    def seed_wheel(self, path: pathlib.Path, feed: str = FEED) -> None:
        """Put a wheel into a feed, named as in `feeds.json`, as if it had been published long ago."""
        identity(path.name)
        organization, known = next(iter(self.store.read("feeds").items()))
        record = next(one for one in known["feeds"] if one["name"] == feed)
        folder = self.store.files(organization, record)
        part = folder / f".{path.name}.part"
        shutil.copyfile(path, part)
        part.replace(folder / path.name)

    def seed_torch(self, path: pathlib.Path, backend: str = "cpu") -> None:
        """Put a wheel into PyTorch's index of the builds for a backend."""
        shutil.copyfile(path, self.store.wheels(backend) / path.name)

    def advise(self, *records: Mapping[str, Any]) -> None:
        """Let the database of advisories have these records."""
        with self.store.edit("advisories") as document:
            document.update({str(each["id"]): dict(each) for each in records})

    def push(self, checkout: pathlib.Path, url: str) -> None:
        """Push what is checked out to one of our hosts of git."""
        repositories.push(self.store, checkout, url)

    def seed_release(self, path: pathlib.Path, url: str) -> None:
        """Put a file at an address of a release on the local github.com, for everybody."""
        place = releases.place(self.store, urllib.parse.urlsplit(url).path)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)

    def workspace(self, workspace: str = WORKSPACE) -> dict[str, Any]:
        """Return what a workspace holds: `connections` (with secrets), `environments` and more."""
        found: dict[str, Any] = self.store.read("arm")[SUBSCRIPTION_ID][RESOURCE_GROUP][workspace]
        return found

    def jobs(self, workspace: str = WORKSPACE) -> list[dict[str, Any]]:
        """Return the jobs that were submitted to a workspace, in order, as ARM shows them.

        What a job names is in `properties`: `environmentId`, `computeId`, `command`. Those of azureml-core are
        there too; what it sent is under `v1`.
        """
        return list(self.workspace(workspace).get("jobs", {}).values())

    def blob(self, workspace: str, filename: str) -> pathlib.Path:
        """Return the file behind a private wheel of a workspace, stored or not; it may be replaced or deleted."""
        account = self.store.blobs(storage_account(workspace_id(workspace)))
        return account / blobs.CONTAINER / "Environment" / "azureml-private-packages" / filename

    def _command(self, ready: pathlib.Path) -> list[str]:
        config = self._proxy / "rehearsal.json"
        content = {
            "state": str(self.azure),
            "log": str(self.log),
            "ready": str(ready),
            "latency_ms": self._latency_ms,
            "faults": str(self._proxy / "faults.json"),
            "through": upstream.hosts(),
            "beside": self._beside,
            "ca_bundle": str(self.ca_bundle),
        }
        config.write_text(json.dumps(content), "utf-8")
        options = {
            "listen_host": "127.0.0.1",
            "listen_port": "0",
            "confdir": str(self._proxy),
            "connection_strategy": "lazy",  # or it would dial the real host first
            "upstream_cert": "false",
            "termlog_verbosity": "warn",
            "flow_detail": "0",
            "rehearsal": str(config),
        }
        addon = pathlib.Path(__file__).with_name("addon.py")
        settings = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
        return [sys.executable, "-c", _START, "-s", str(addon), *settings]

    def _wait(self, ready: pathlib.Path) -> int:
        assert self._process is not None  # noqa: S101  # we come from __enter__
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if ready.exists() and (text := ready.read_text("utf-8")):
                return int(text)
            time.sleep(0.02)
        output = (self._proxy / "mitmdump.log").read_text("utf-8", "replace")
        raise RuntimeError(f"the local Azure didn't start (status {self._process.poll()}):\n{output}")

    def _write_ca_bundle(self) -> None:
        own = (self._proxy / "mitmproxy-ca-cert.pem").read_text("utf-8")
        self.ca_bundle.write_text(trusted_roots().rstrip("\n") + "\n" + own, "utf-8")

    def _stop(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def is_write(line: Mapping[str, Any]) -> bool:
    """Tell whether a line of the log may have changed something."""
    if line["method"] in {"GET", "HEAD", "OPTIONS", "CONNECT"}:
        return False
    # What git fetches, OSV, and a registry for a token, are asked by POST.
    asks = ("/git-upload-pack", "/v1/querybatch", "/oauth2/exchange", "/oauth2/token")
    return not line["url"].startswith(f"https://{LOGIN_HOST}/") and not (
        line["url"].endswith(asks) or "/oidctoken?" in line["url"]
    )


def _proxy_environment() -> dict[str, str]:
    """Return the proxy's own environment: it imports this package."""
    scripts = str(pathlib.Path(__file__).parents[2])
    action = str(pathlib.Path(__file__).parents[3] / "action")
    bytecode = str(pathlib.Path(sys.prefix) / "bytecode")  # without it each start takes two seconds more
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([scripts, action]),
        "PYTHONPYCACHEPREFIX": bytecode,
        "PYTHONUTF8": "1",
    }
