"""The proxy's door: every listed host is answered by a stand-in, the public index passes, all else is refused."""

import asyncio
import functools
import json
import pathlib
import socket
import sys
import threading
import time
from typing import Any

from mitmproxy import addonmanager, ctx, http
from mitmproxy.addons.asgiapp import serve

from ..advisories import host as advisories
from ..arm import host as arm
from ..artifacts import interface, pypi
from ..artifacts.feeds import Feeds
from ..azureml import host as azureml
from ..azureml.builds import Builds
from ..builder.build import build
from ..git_host import host as git_host
from ..git_host import releases
from ..registry import host as registry
from ..sign_in import entra, github
from ..state.store import Store
from ..storage import blobs
from ..storage.accounts import Accounts
from ..storage.azurite import Azurite
from ..torch_index import host as torch_index
from ..web.answers import REASON_HEADER
from ..web.moments import moment
from . import log
from .faults import Fault, LiveFaults
from .hosts import Hosts
from .inside import Inside
from .mangled import Mangler
from .scope import repaired


def stand_ins(store: Store, inside: Inside, accounts: Accounts) -> Hosts:
    """Return the local Azure: a stand-in for each of its hosts. What they run themselves is `inside`."""
    feeds = Feeds(store)
    packages = pypi.app(feeds)
    return Hosts(
        {
            pypi.HOST: packages,
            pypi.LEGACY_HOST: pypi.legacy(packages),
            interface.HOST: git_host.app(store, git_host.AZURE, interface.core_app(feeds)),
            git_host.GITHUB: git_host.app(store, git_host.GITHUB, releases.app(store)),
            releases.FILES: releases.files_app(store),
            interface.FEEDS_HOST: interface.feeds_app(feeds),
            arm.HOST: arm.app(store),
            azureml.HOST: azureml.app(store, Builds(store, functools.partial(build, inside))),
            blobs.HOST: accounts,
            entra.HOST: entra.app(store),
            github.HOST: github.app(store),
            **{host: registry.app(store, host, kind) for host, kind in registry.HOSTS.items()},
            registry.FILES: registry.files_app(store),
            torch_index.HOST: torch_index.app(store),
            torch_index.FILES_HOST: torch_index.app(store),
            advisories.HOST: advisories.app(store),
        }
    )


class Door:
    """Sends each request to its stand-in, with latency and faults, and logs it."""

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare our option."""
        loader.add_option("rehearsal", str, "", "The JSON file that says what to rehearse.")

    def running(self) -> None:
        """Set everything up, then say so: the port is written to the ready file."""
        config = json.loads(pathlib.Path(ctx.options.rehearsal).read_text("utf-8"))
        self.log = log.RequestLog(pathlib.Path(config["log"]))
        self.latency = config["latency_ms"] / 1000
        self.faults = LiveFaults(pathlib.Path(config["faults"]))
        self.through = frozenset(config["through"])
        self.mangler = Mangler()
        port = next(address[1] for address in _proxyserver().listen_addrs())
        store = Store(pathlib.Path(config["state"]))
        self.azurite = Azurite(store)
        self.accounts = Accounts(store, self.azurite)
        self.inside = Inside(store, port, pathlib.Path(config["ca_bundle"]), tuple(config["beside"]))
        self.hosts = stand_ins(store, self.inside, self.accounts)
        options: Any = ctx.options
        options.update(allow_hosts=[self.hosts.pattern])
        threading.Thread(target=_end_with_parent, args=(asyncio.get_running_loop(),), daemon=True).start()
        pathlib.Path(config["ready"]).write_text(str(port), "utf-8")

    def done(self) -> None:
        """End the log, and what runs beside us."""
        if hasattr(self, "log"):
            self.log.close()
        if hasattr(self, "azurite"):
            self.azurite.stop()

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Let a client through to a stand-in or the public index, nowhere else."""
        host, port = flow.request.host, flow.request.port
        through = host in self.through and not self.inside.cut_off
        if port == 443 and (through or self.hosts.find(host)) and self.accounts.exists(host):  # noqa: PLR2004  # https
            return
        flow.response = http.Response.make(403, f"{host} is no part of the rehearsal\n")
        self._write(flow, refused=True, url=f"{host}:{port}")

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Acknowledge the request's head at once, lest the body wait 40 ms for it.

        With a proxy urllib3 leaves Nagle's algorithm on and sends head and body apart: the body then
        waits for our delayed ACK.
        """
        if not hasattr(socket, "TCP_QUICKACK"):
            return
        for handler in _proxyserver().connections.values():
            if handler.client.id == flow.client_conn.id:
                connection = handler.transports[handler.client].writer.get_extra_info("socket")
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer a request; none is ever passed on."""
        host = flow.request.pretty_host
        app = self.hosts.find(host)
        if app is None:
            flow.response = http.Response.make(403, f"{host} is no part of the rehearsal\n")
            return
        fault = self.faults.hit(flow.request.method, host, flow.request.path)
        await asyncio.sleep(self.latency + (fault.delay if fault else 0))
        if flow.client_conn.timestamp_end:
            return  # the client has gone: a request that waited too long changes nothing, above all not the next test
        if fault is None or fault.after or not fault.answers:
            await serve(repaired(app, host), flow)
            _finish(flow)
        if fault and fault.answers:
            self._fail(flow, fault)
        elif fault and fault.mangle:
            self._write(flow, fault=True)
            await self.mangler.take(flow, fault.mangle)
            flow.metadata["mangled"] = True

    def _fail(self, flow: http.HTTPFlow, fault: Fault) -> None:
        if fault.reset:
            self._write(flow, reset=True)
            _untyped(flow).kill()
            return
        content, headers = fault.content()
        flow.response = http.Response.make(fault.status or 500, content, headers)
        flow.metadata["fault"] = True

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Hand over as it comes what is mangled."""
        if flow.response and "mangled" in flow.metadata:
            flow.response.stream = True

    def response(self, flow: http.HTTPFlow) -> None:
        """Log what was answered."""
        if "mangled" in flow.metadata:
            return  # it stands in the log since it began
        app = self.hosts.find(flow.request.pretty_host)
        fields = {"fault": True} if "fault" in flow.metadata else {}
        self._write(flow, **(fields if app else {"refused": True}))

    def _write(self, flow: http.HTTPFlow, **fields: Any) -> None:  # noqa: ANN401  # JSON
        request, response = flow.request, None if "reset" in fields else flow.response
        line = {
            "time": moment(request.timestamp_start or time.time()),
            "method": request.method,
            "url": request.pretty_url,
            "status": response.status_code if response else None,
            "request_headers": log.headers(_fields(request)),
            "response_headers": log.headers(_fields(response)) if response else {},
            "body": log.body(request.get_content(strict=False)),
            "response_body": log.body(response.get_content(strict=False)) if response else "",
        }
        self.log.write(**{**line, **fields})


def _finish(flow: http.HTTPFlow) -> None:
    """Set what ASGI has no place for: the reason phrase, and that HEAD's answer has no body."""
    if flow.response is None:
        return
    if flow.request.method == "HEAD":
        flow.response.data.content = b""
    reason = flow.response.headers.pop(REASON_HEADER, None)
    if reason and not flow.request.is_http2:
        flow.response.reason = reason


def _fields(message: http.Message) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers.fields]


def _proxyserver() -> Any:  # noqa: ANN401  # mitmproxy doesn't say either
    return _untyped(ctx.master.addons).get("proxyserver")


def _untyped(thing: Any) -> Any:  # noqa: ANN401
    """Return `thing`; mitmproxy leaves some of its methods without types."""
    return thing


def _end_with_parent(loop: asyncio.AbstractEventLoop) -> None:
    """Stop when standard input ends: the parent holds its other end, and is gone however it died."""
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(ctx.master.shutdown)
