"""What the proxy decides by itself: which host is whose, what fails, what is logged, and whom a process trusts."""

import pathlib
import re
from typing import Any

import pytest
from rehearsal.azureml import host as azureml
from rehearsal.proxy import log
from rehearsal.proxy.faults import Faults
from rehearsal.proxy.hosts import Hosts
from rehearsal.proxy.inside import trusted_roots
from rehearsal.proxy.world import World, is_write
from rehearsal.storage import blobs


def struck(faults: Faults, count: int, method: str = "GET", host: str = "h", path: str = "/p") -> list[bool]:
    return [faults.hit(method, host, path) is not None for _ in range(count)]


def test_fault_skips_then_strikes_so_many_times() -> None:
    assert struck(Faults([{"skip": 1, "times": 2, "status": 503}]), 5) == [False, True, True, False, False]


def test_fault_without_times_strikes_always() -> None:
    assert struck(Faults([{"status": 503}]), 3) == [True, True, True]


@pytest.mark.parametrize("request_of", [("GET", "a.dev", "/x"), ("PUT", "b.dev", "/x"), ("PUT", "a.dev", "/y")])
def test_fault_strikes_only_what_all_its_patterns_match(request_of: tuple[str, str, str]) -> None:
    faults = Faults([{"method": "PUT", "host": r"^a\.dev$", "path": "/x$", "reset": True}])
    assert faults.hit(*request_of) is None
    assert faults.hit("PUT", "A.dev", "/x") is not None


def test_second_fault_counts_what_the_first_one_took() -> None:
    faults = Faults([{"times": 1, "status": 503}, {"skip": 1, "times": 1, "status": 409}])
    hits = [faults.hit("PUT", "h", "/") for _ in range(3)]
    assert [hit.status if hit else None for hit in hits] == [503, 409, None]


@pytest.mark.parametrize("fault", [{"statuss": 503}, {"host": "x"}, {"path": "(", "status": 500}])
def test_fault_that_makes_no_sense_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"statuss|needs|unterminated"):
        Faults([fault])


def test_fault_answers_json_or_text() -> None:
    faults = Faults(
        [{"status": 500, "body": {"a": 1}, "headers": {"X": "y"}, "times": 1}, {"status": 500, "body": "b"}]
    )
    first, second = faults.hit("GET", "h", "/"), faults.hit("GET", "h", "/")
    assert first is not None
    assert second is not None
    assert first.content() == (b'{"a": 1}', {"Content-Type": "application/json", "X": "y"})
    assert second.content()[0] == b"b"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"", ""),
        (None, ""),
        ("é".encode(), "é"),
        (b"\0", {"bytes": 1, "sha256": "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"}),
    ],
)
def test_log_shows_text_and_digests_the_rest(content: bytes | None, shown: object) -> None:
    assert log.body(content) == shown


def test_log_digests_large_text() -> None:
    assert log.body(b"x" * (log.LARGEST_BODY + 1)) != "x" * (log.LARGEST_BODY + 1)


def test_log_joins_repeated_headers() -> None:
    assert log.headers([("WWW-Authenticate", "Bearer"), ("www-authenticate", "Basic")]) == {
        "www-authenticate": "Bearer, Basic"
    }


def test_log_is_read_without_its_unfinished_line(tmp_path: pathlib.Path) -> None:
    written = log.RequestLog(tmp_path / "log")
    written.write(a=1)
    written.close()
    with (tmp_path / "log").open("a") as file:
        file.write('{"b')
    assert log.read(tmp_path / "log") == [{"a": 1}]


@pytest.mark.parametrize(
    ("method", "url", "is_one"),
    [
        ("PUT", "https://management.azure.com/x", True),
        ("POST", "https://pkgs.dev.azure.com/x", True),
        ("POST", "https://api.osv.dev/v1/querybatch", False),
        ("GET", "https://management.azure.com/x", False),
        ("OPTIONS", "https://dev.azure.com/x", False),
        ("CONNECT", "example.com:443", False),
        ("POST", "https://login.microsoftonline.com/t/oauth2/v2.0/token", False),
    ],
)
def test_what_counts_as_a_write(method: str, url: str, *, is_one: bool) -> None:
    assert is_write({"method": method, "url": url}) is is_one


def test_hosts_are_matched_whole() -> None:
    async def app(*_: object) -> None: ...

    hosts = Hosts({"dev.azure.com": app, re.compile(r"(?P<org>[a-z]+)\.pkgs\.visualstudio\.com"): app})
    found = ["dev.azure.com", "DEV.azure.com", "acme.pkgs.visualstudio.com"]
    missed = ["x.dev.azure.com", "devxazure.com", "a.b.pkgs.visualstudio.com", "dev.azure.com.evil.example"]
    assert all(hosts.find(host) and re.search(hosts.pattern, f"{host.lower()}:443") for host in found)
    assert not any(hosts.find(host) or re.search(hosts.pattern, f"{host}:443") for host in missed)


def test_data_plane_and_storage_have_hosts_by_pattern() -> None:
    async def app(*_: object) -> None: ...

    hosts = Hosts({azureml.HOST: app, blobs.HOST: app})
    found = ["westeurope.api.azureml.ms", "wstrain0123456789.blob.core.windows.net"]
    missed = ["api.azureml.ms", "a.b.api.azureml.ms", "no-dash.blob.core.windows.net", "ab.blob.core.windows.net"]
    assert all(hosts.find(host) and re.search(hosts.pattern, f"{host}:443") for host in found)
    assert not any(hosts.find(host) or re.search(hosts.pattern, f"{host}:443") for host in missed)


def test_a_world_begins_with_the_index_in_reach(tmp_path: pathlib.Path) -> None:
    first = World(tmp_path)
    assert first.environment({})["NO_PROXY"]
    first.cut_off()
    assert not first.environment({})["NO_PROXY"]
    assert World(tmp_path).environment({})["NO_PROXY"]  # whoever kept the folder of a mirror's rehearsal


def test_what_is_reached_beside_the_proxy_is_named(tmp_path: pathlib.Path) -> None:
    inside = World(tmp_path, beside=["devpi.example"]).environment({})
    assert "devpi.example" in inside["NO_PROXY"].split(",")
    assert "devpi.example" not in World(tmp_path / "other").environment({})["NO_PROXY"]


def test_roots_of_the_user_stand_beside_those_of_the_machine(tmp_path: pathlib.Path) -> None:
    machine = trusted_roots({})
    assert "BEGIN CERTIFICATE" in machine
    own = {name: tmp_path / name for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")}
    for name, path in own.items():
        path.write_text(f"root of {name}")
    told = {name: str(path) for name, path in own.items()} | {"PIP_CERT": str(tmp_path / "none")}
    assert trusted_roots(told) == f"{machine}\nroot of SSL_CERT_FILE\nroot of REQUESTS_CA_BUNDLE"
