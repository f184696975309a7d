"""The rehearsal's pure parts: faults, the log, hosts, the command line, projects."""

import io
import pathlib
import re
import tarfile
import zipfile
from typing import Any

import pytest
from rehearsal.artifacts import upstream
from rehearsal.azureml import host as azureml
from rehearsal.command import options, projects
from rehearsal.command.rehearse import own_servers, step_arguments
from rehearsal.proxy import log
from rehearsal.proxy.faults import Faults
from rehearsal.proxy.hosts import Hosts
from rehearsal.proxy.world import World, is_write
from rehearsal.state import images, names
from rehearsal.storage import blobs
from rehearsal.web import tokens


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


def test_token_is_verified_by_its_key_alone() -> None:
    token = tokens.issue({"aud": "a"}, "key")
    assert tokens.verified(token, "key") == {"aud": "a"} == tokens.claims(token)
    assert tokens.verified(token, "other") is None
    assert tokens.verified("x.y.z", "key") is None
    assert tokens.claims("not a token") is None


def test_image_digest_is_of_the_manifest_and_latest_is_the_newest() -> None:
    tags = images.document()["mcr.microsoft.com"]["azureml/openmpi4.1.0-ubuntu22.04"]
    assert tags["latest"] == tags["20251130.v1"] != tags["20251025.v1"]
    assert images.digest("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


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


def test_command_line_keeps_the_steps_inputs_apart(tmp_path: pathlib.Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    argv = [str(tmp_path), "--latency", "50", "--feed", "a/b", "--keep=d", "--dry-run=true", "--build-image"]
    parsed = options.parse(argv)
    assert parsed == options.Options(
        tmp_path.resolve(), 50.0, pathlib.Path("d"), build_image=True, inputs=["--feed", "a/b", "--dry-run=true"]
    )
    assert isinstance(parsed, options.Options)
    assert [parsed.value(name) for name in ("feed", "dry-run", "index")] == ["a/b", "true", None]


@pytest.mark.parametrize(
    ("argv", "inputs"),
    [
        (["--python-version", "3.12", "--dry-run"], ["--python-version", "3.12", "--dry-run", "true"]),
        (["--dry-run", "--python-version", "3.12"], ["--dry-run", "true", "--python-version", "3.12"]),
        (["--dry-run", "false"], ["--dry-run", "false"]),
        (["--base-image", "x"], ["--base-image", "x"]),
    ],
)
def test_dry_run_needs_no_value(argv: list[str], inputs: list[str]) -> None:
    parsed = options.parse(argv)
    assert isinstance(parsed, options.Options)
    assert parsed.inputs == inputs


@pytest.mark.parametrize(
    ("argv", "feed"),
    [
        ([], ["--feed", "acme/ml/wheels"]),
        (["--route", "workspace", "--sdk", "v1"], None),
        (["--route=workspace"], None),
        (["--route", "storage", "--mirror", "true"], None),
        (["--route", "workspace", "--feed", "a/b"], ["--feed", "a/b"]),
        (["--route", "feed"], ["--feed", "acme/ml/wheels"]),
    ],
)
def test_a_feed_is_named_by_default_unless_the_route_needs_none(
    argv: list[str], feed: list[str] | None, tmp_path: pathlib.Path
) -> None:
    parsed = options.parse(argv)
    assert isinstance(parsed, options.Options)
    arguments = step_arguments(parsed, tmp_path, tmp_path)
    assert arguments[: len(argv)] == argv
    place = arguments.index("--feed") if "--feed" in arguments else None
    assert feed == (None if place is None else arguments[place : place + 2])


@pytest.mark.parametrize(
    ("argv", "container", "mirror"),
    [
        (["--route", "storage"], names.container_url(), False),
        (["--route", "storage", "--mirror", "--dry-run"], names.container_url(), True),
        (["--route", "storage", "--mirror", "false"], names.container_url(), False),
        (["--route", "storage", "--storage-container", "https://x"], "https://x", False),
        ([], None, False),
    ],
)
def test_the_rehearsal_has_a_container(
    argv: list[str], container: str | None, tmp_path: pathlib.Path, *, mirror: bool
) -> None:
    parsed = options.parse(argv)
    assert isinstance(parsed, options.Options)
    assert parsed.mirror is mirror
    arguments = step_arguments(parsed, tmp_path, tmp_path)
    place = arguments.index("--storage-container") if "--storage-container" in arguments else None
    assert container == (None if place is None else arguments[place + 1])


def test_a_world_begins_with_the_index_in_reach(tmp_path: pathlib.Path) -> None:
    first = World(tmp_path)
    assert first.environment({})["NO_PROXY"]
    first.cut_off()
    assert not first.environment({})["NO_PROXY"]
    assert World(tmp_path).environment({})["NO_PROXY"]  # whoever kept the folder of a mirror's rehearsal


def test_command_line_defaults_to_the_sample() -> None:
    parsed = options.parse([])
    assert isinstance(parsed, options.Options)
    assert (parsed.project / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["nowhere"], "neither a folder nor an sdist"),
        (["."], "pyproject.toml"),
        (["--latency", "fast"], "milliseconds"),
        (["--latency", "-1"], "milliseconds"),
        (["--keep"], "needs a value"),
        (["--feed"], "needs a value"),
        (["--feed", "--keep", "d"], "--feed needs a value"),
        (["--kep", "d"], "did you mean --keep?"),
    ],
)
def test_command_line_says_what_is_wrong(
    argv: list[str], text: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = options.parse(argv)
    assert isinstance(said, str)
    assert text in said
    assert not said.startswith("usage")


def test_help_is_told_from_errors() -> None:
    assert str(options.parse(["--feed", "x", "--help"])).startswith("usage")


def test_sdist_is_unpacked(tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(tmp_path / "a-1.zip", "w") as archive:
        archive.writestr("a-1/pyproject.toml", "")
    folder = projects.unpack(tmp_path / "a-1.zip", tmp_path / "out")
    assert (folder.name, [path.name for path in folder.iterdir()]) == ("a-1", ["pyproject.toml"])


def test_sdist_that_climbs_out_is_refused(tmp_path: pathlib.Path) -> None:
    sdist = tmp_path / "a-1.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        for name in ("a-1/pyproject.toml", "../evil"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match="can't be unpacked"):
        projects.unpack(sdist, tmp_path / "out")
    assert not (tmp_path / "evil").exists()


def test_what_is_no_sdist_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="can't be unpacked"):
        projects.unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a", "")
    with pytest.raises(ValueError, match="0 folders"):
        projects.unpack(tmp_path / "b.zip", tmp_path / "out2")


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ([], []),
        (["--feed", "acme/ml/wheels"], []),
        (["--feed", "https://pkgs.dev.azure.com/acme/_packaging/f/pypi/simple/"], []),
        (["--feed", "https://acme.pkgs.visualstudio.com/_packaging/f/pypi/simple/"], []),
        (["--feed", "https://management.azure.com/simple/"], []),
        (["--feed", "http://127.0.0.1:3141/ci/dev/+simple/"], ["127.0.0.1"]),
        (["--feed=HTTPS://devpi.example/a/b/+simple/"], ["devpi.example"]),
        (
            ["--feed", "https://a.example/simple/", "--feed-upload-url", "https://b.example/"],
            ["a.example", "b.example"],
        ),
    ],
)
def test_only_a_repository_server_of_the_users_own_is_reached(words: list[str], hosts: list[str]) -> None:
    parsed = options.parse(words)
    assert isinstance(parsed, options.Options)
    assert own_servers(parsed) == hosts


def test_the_help_tells_the_fake_tokens() -> None:
    help_text = options.parse(["--help"])
    assert isinstance(help_text, str)
    assert names.FEED_TOKEN in help_text
    assert names.READ_TOKEN in help_text


def test_what_is_reached_beside_the_proxy_is_named(tmp_path: pathlib.Path) -> None:
    inside = World(tmp_path, beside=["devpi.example"]).environment({})
    assert "devpi.example" in inside["NO_PROXY"].split(",")
    assert "devpi.example" not in World(tmp_path / "other").environment({})["NO_PROXY"]
