"""The command line of a rehearsal, the arguments that it makes for the step, and the projects that it takes."""

import io
import pathlib
import tarfile
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pytest
from rehearsal.command import options, own, projects
from rehearsal.command.rehearse import own_servers, pushed, step_arguments, step_environment
from rehearsal.state import names

if TYPE_CHECKING:
    from rehearsal.proxy.world import World
from rehearsal.state.store import Store


def test_command_line_keeps_the_steps_inputs_apart(tmp_path: pathlib.Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    argv = [str(tmp_path), "--latency", "50", "--feed", "a/b", "--keep=d", "--dry-run=true", "--build-image"]
    parsed = options.parse(argv)
    assert parsed == options.Options(
        tmp_path.resolve(), 50.0, pathlib.Path("d"), build_image=True, inputs=["--feed", "a/b", "--dry-run=true"]
    )
    assert isinstance(parsed, options.Options)
    assert [parsed.value(name) for name in ("feed", "dry-run", "index")] == ["a/b", "true", None]


def test_the_step_runs_in_the_project_that_is_named_as_in_a_pipeline(tmp_path: pathlib.Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    there = [str(tmp_path), "--requirements", "requirements.txt"]
    cases = {tuple(there): True, (*there, "--package-dir", "a"): False, (): False, ("--command", "connect"): True}
    for argv, inside in cases.items():
        parsed = options.parse([*argv])
        assert isinstance(parsed, options.Options)
        assert parsed.in_project is inside


@pytest.mark.parametrize(
    ("argv", "inputs"),
    [
        (["--python-version", "3.12", "--dry-run"], ["--python-version", "3.12", "--dry-run", "true"]),
        (["--dry-run", "--python-version", "3.12"], ["--dry-run", "true", "--python-version", "3.12"]),
        (["--dry-run", "false"], ["--dry-run", "false"]),
        (["--check", "--dry-run"], ["--check", "true", "--dry-run", "true"]),
        (["--base-image", "x"], ["--base-image", "x"]),
        (["--no-color", "--base-image", "x"], ["--no-color", "--base-image", "x"]),
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


def test_connect_gets_nothing_that_belongs_to_a_release(tmp_path: pathlib.Path) -> None:
    parsed = options.parse(["--command", "connect", "--route", "storage"])
    assert isinstance(parsed, options.Options)
    arguments = step_arguments(parsed, tmp_path, tmp_path)
    assert [each for each in arguments if each.startswith("--")] == [
        "--command",
        "--route",
        "--workspace",
        "--output-dir",
    ]


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
        (["--chek"], "--chek is no option; did you mean --check?"),
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


def test_a_committed_project_keeps_a_package_called_build_and_not_what_a_build_leaves(tmp_path: pathlib.Path) -> None:
    for file in ("src/acme/build/__init__.py", "build/lib/acme.py", "dist/acme-1.tar.gz", "src/acme/__pycache__/x.pyc"):
        path = tmp_path / "project" / file
        path.parent.mkdir(parents=True)
        path.touch()
    place = projects.commit(tmp_path / "project", tmp_path / "copy")
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith(".git/")} == {"src/acme/build/__init__.py"}


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


# --- the project's own table


ELSEWHERE = """
[tool.amlwheel]
feed = "contoso/ml/wheels"
feed-upload-url = ""
workspace = ["00000000-0000-0000-0000-000000000001/rg/one", "00000000-0000-0000-0000-000000000001/rg/two"]
route = "storage"
mirror = true
storage-container = "https://contoso.blob.core.windows.net/wheels"
base-image = "mcr.microsoft.com/azureml/openmpi5.0-cuda12.6-ubuntu24.04:20260101.v1"
"""


def given(arguments: list[str]) -> dict[str, str]:
    return {name.removeprefix("--"): value for name, value in zip(arguments[::2], arguments[1::2], strict=True)}


def with_table(folder: pathlib.Path, text: str, *argv: str) -> options.Options:
    (folder / "pyproject.toml").write_text(text)
    parsed = options.parse([str(folder), *argv])
    assert isinstance(parsed, options.Options)
    parsed.own = own.table(folder)
    return parsed


def test_only_what_the_local_azure_cannot_have_is_replaced(tmp_path: pathlib.Path) -> None:
    parsed = with_table(tmp_path, ELSEWHERE)
    assert (parsed.route, parsed.mirror) == ("storage", True)
    workspaces = [f"{names.SUBSCRIPTION_ID}/rg-ml/{name}" for name in ("ws-train", "ws-prod")]
    assert given(step_arguments(parsed, tmp_path, tmp_path)) == {
        "package-dir": str(tmp_path),
        "output-dir": str(tmp_path),
        "feed": "acme/ml/wheels",
        "workspace": "\n".join(workspaces),
        "storage-container": names.container_url(),
    }


def test_what_the_local_azure_has_counts_as_the_table_says(tmp_path: pathlib.Path) -> None:
    text = f'[tool.amlwheel]\nfeed = "acme/ml/wheels"\nworkspace = "{names.SUBSCRIPTION_ID}/rg-ml/ws-prod"\n'
    arguments = given(step_arguments(with_table(tmp_path, text), tmp_path, tmp_path))
    assert set(arguments) == {"package-dir", "output-dir"}


def test_what_a_person_gives_wins_over_both(tmp_path: pathlib.Path) -> None:
    text = '[tool.amlwheel]\nfeed = "contoso/wheels"\nindex = "only"\n'
    arguments = given(step_arguments(with_table(tmp_path, text), tmp_path, tmp_path))
    assert arguments["feed"] == "acme/ml/mirror"
    arguments = given(step_arguments(with_table(tmp_path, text, "--feed", "acme/shared"), tmp_path, tmp_path))
    assert arguments["feed"] == "acme/shared"
    assert with_table(tmp_path, ELSEWHERE, "--route", "feed", "--mirror", "false").route == "feed"


@pytest.mark.parametrize(
    ("argv", "lead", "folders"),
    [
        (["here"], "here", ["here"]),
        (["here", "--wheel", "x.whl"], "here", ["here"]),
        (["here", "--package-dir", "one", "--package-dir=two"], "one", ["one", "two"]),
        (["--wheel", "x.whl"], ".", []),
    ],
)
def test_the_table_is_that_of_the_first_package(
    argv: list[str], lead: str, folders: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/pyproject.toml").touch()
    parsed = options.parse(argv)
    assert isinstance(parsed, options.Options)
    assert parsed.lead(pathlib.Path("here")) == pathlib.Path(lead)
    parsed.inputs = step_arguments(parsed, pathlib.Path("here"), tmp_path)
    assert parsed.values("package-dir") == folders


def test_a_project_that_publishes_to_its_own_server_needs_a_local_one(tmp_path: pathlib.Path) -> None:
    text = '[tool.amlwheel]\nfeed = "https://x.example/simple/"\nfeed-upload-url = "https://x.example/"\n'
    with pytest.raises(ValueError, match="give --feed"):
        step_arguments(with_table(tmp_path, text), tmp_path, tmp_path)
    local = with_table(tmp_path, text, "--feed", "http://127.0.0.1:1/simple/")
    assert given(step_arguments(local, tmp_path, tmp_path))["feed"] == "http://127.0.0.1:1/simple/"


@pytest.mark.parametrize("text", ["", "[tool]\namlwheel = 3\n", "[tool.amlwheel\n", "tool = 3\n"])
def test_a_table_that_the_step_refuses_says_nothing_to_the_rehearsal(text: str, tmp_path: pathlib.Path) -> None:
    assert with_table(tmp_path, text).own == {}


def test_the_local_registry_has_the_image_of_the_table(tmp_path: pathlib.Path) -> None:
    store = Store(tmp_path / "azure")
    own.provide_image(with_table(tmp_path, ELSEWHERE).own, store)
    own.provide_image({"base-image": "acme.azurecr.io/x:1"}, store)
    tags = store.read("registry")["mcr.microsoft.com"]["azureml/openmpi5.0-cuda12.6-ubuntu24.04"]
    assert list(tags) == ["20260101.v1"]


def test_a_tag_and_variables_are_told_as_a_host_does() -> None:
    argv = ["--tag", "refs/tags/acme/v1.4.0", "--env", "PACKAGE_VERSION=1.4.0", "--env=EMPTY=", "--env", "A=b=c"]
    parsed = options.parse(argv)
    assert isinstance(parsed, options.Options)
    assert (parsed.tag, parsed.inputs) == ("acme/v1.4.0", [])
    assert parsed.variables == {"PACKAGE_VERSION": "1.4.0", "EMPTY": "", "A": "b=c"}
    told = {"GITHUB_REF": "refs/tags/acme/v1.4.0", "GITHUB_REF_NAME": "acme/v1.4.0", "GITHUB_REF_TYPE": "tag"}
    assert pushed(parsed.tag) == told
    assert pushed("") == {}


class _Inside:
    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        return {**base, "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "NO_PROXY": ""}


def test_variables_reach_the_step_and_do_not_lead_out_of_the_local_azure() -> None:
    world = cast("World", _Inside())
    wanted = options.Options(tag="v1", variables={"GITHUB_REF": "refs/heads/main", "HOME": "/elsewhere"})
    found = step_environment(world, {"HOME": "/home/me", "CI": "true"}, wanted)
    assert (found["GITHUB_REF"], found["GITHUB_REF_NAME"], found["HOME"]) == ("refs/heads/main", "v1", "/elsewhere")
    assert "CI" not in found
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY"):
        with pytest.raises(ValueError, match=f"--env can't set {name}"):
            step_environment(world, {}, options.Options(variables={name: "http://proxy.example"}))
