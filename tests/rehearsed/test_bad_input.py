"""Whatever is wrong, the step says what, why and what to do, with a code of its own, and changes nothing."""

import pathlib
import re
import zipfile

import pytest
from rehearsal.command.projects import commit
from rehearsal.proxy.world import World
from rehearsal.sign_in.entra import HOST as LOGIN_HOST
from rehearsal.state.names import SUBSCRIPTION_ID
from rehearsed.steps import PROJECTS, Step, in_feed, refused, write_wheel

# --- inputs


@pytest.mark.parametrize(
    ("argument", "status", "told"),
    [
        (
            "--verify=instal",
            10,
            "`--verify` can't be 'instal'; it is one of none, files, install, import, recipe, image.",
        ),
        ("--verify=instal", 10, "What to do: Did you mean 'install'?"),
        ("--index=both", 10, "`--index` can't be 'both'; it is one of extra, only."),
        ("--dry-run=yes", 10, "`--dry-run`: 'yes' is neither true nor false."),
        ("--python-version=3.1", 10, "'3.1' is not one of 3.10, "),
        ("--environment-name=acme.features", 10, "no dots"),
        ("--feed=$(FEED)", 10, "`--feed` is the literal text of a variable that was never set: $(FEED)"),
        ("--fede=x", 10, "--fede is not an option. Did you mean --feed?"),
        ("--feed-token=fake", 10, "--feed-token is not an option. Secrets are given by environment variable"),
        ("--route=storage", 10, "`--route` storage needs a `--storage-container`."),
        ("--base-image=ubuntu", 60, "`--base-image` is 'ubuntu', which names no image of a registry"),
    ],
)
def test_a_value_that_is_unknown_or_misspelt(
    step: Step, wheel: pathlib.Path, argument: str, status: int, told: str
) -> None:
    result = step(argument, wheel=wheel)
    refused(result, status, told)
    assert "feed-token=fake" not in result.output
    assert result.requests == []


def test_all_that_is_wrong_with_the_inputs_is_told_at_once(step: Step, wheel: pathlib.Path) -> None:
    result = step(
        wheel=wheel,
        feed="just-a-name",
        workspace="ws-train",
        index="both",
        env={"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": "$(PAT)"},
    )
    refused(result, 11, "`AMLWHEEL_CONNECTION_TOKEN` is the literal text of a variable that was never set.")
    assert re.findall(r"^error: (AW\d\d) .*", result.output, re.MULTILINE) == ["AW11", "AW12", "AW10"]
    assert "error: AW10 bad input (2 times)\n" in result.output
    assert "$(PAT)" not in result.output
    assert result.requests == []


def test_a_text_that_is_not_utf8_is_refused_without_being_shown(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AMLWHEEL_FEED_TOKEN": "fake-token\udcff"})
    refused(result, 10, "`AMLWHEEL_FEED_TOKEN`: the text isn't UTF-8.", "What to do: Give the text in UTF-8.")
    assert "fake-token" not in result.output


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("wheels", "Write `--feed` as ORG/PROJECT/FEED (or ORG/FEED for an organisation's feed)"),
        (
            "https://pkgs.dev.azur.com/acme/ml/_packaging/wheels/pypi/simple/",
            "Did you mean https://pkgs.dev.azure.com/acme/ml/",
        ),
        ("pkgs.dev.azure.com/acme/ml/_packaging/wheels", "Write `--feed` as https://pkgs.dev.azure.com/acme/ml/"),
        ("https://dev.azure.com/acme/ml", "names no feed"),
        ("http://index.example/simple/", "isn't encrypted"),
    ],
)
def test_a_feed_that_cannot_be_read(step: Step, wheel: pathlib.Path, feed: str, told: str) -> None:
    result = step(wheel=wheel, feed=feed)
    refused(result, 11, told)
    assert result.requests == []


def test_a_feed_with_a_token_in_its_address_does_not_show_it(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, feed="https://user:fake-secret-in-an-address@pkgs.dev.azure.com/acme/_packaging/wheels")
    refused(result, 11, "Take the credential out of `--feed`; give it as `AMLWHEEL_FEED_TOKEN`")
    assert "fake-secret-in-an-address" not in result.output


@pytest.mark.parametrize(
    ("workspace", "told"),
    [
        ("ws-train", "has 1 part(s) between slashes; 3 are needed"),
        ("not-a-guid/rg-ml/ws-train", "'not-a-guid' can't be the subscription, a GUID such as 00000000-0000-"),
        (
            f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/rg-ml/providers/Microsoft.Storage/x/y",
            "resource id, but not one of a Machine Learning",
        ),
        (f"{SUBSCRIPTION_ID}/rg-ml/ws.train", "'ws.train' can't be the workspace's name (3 to 33 letters"),
    ],
)
def test_a_workspace_that_cannot_be_read(step: Step, wheel: pathlib.Path, workspace: str, told: str) -> None:
    result = step(wheel=wheel, workspace=workspace)
    refused(result, 12, told, "Write `--workspace` as SUBSCRIPTION-ID/RESOURCE-GROUP/NAME, or paste")
    assert result.requests == []


def test_missing_tokens(step: Step, wheel: pathlib.Path) -> None:
    nothing = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": " "}
    result = step(wheel=wheel, env=nothing)  # an Azure feed can be published to by who signs in
    refused(result, 13, "`AMLWHEEL_CONNECTION_TOKEN` is empty", "Packaging (read)")
    result = step(wheel=wheel, feed="https://index.example/simple/", env=nothing)
    refused(result, 13, "`AMLWHEEL_FEED_TOKEN` is empty", "`AMLWHEEL_CONNECTION_TOKEN` is empty")
    assert result.requests == []


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_folder_without_a_project(step: Step, place: str) -> None:
    (step.folder("work") / "empty").mkdir()
    result = step(package_dir=place)
    refused(result, 20, f"`--package-dir` '{place}' " + {"nowhere": "is not a folder", "empty": "has neither"}[place])
    assert result.requests == []


def test_an_output_folder_that_cannot_be_written(step: Step, wheel: pathlib.Path) -> None:
    (step.folder("work") / "file").touch()
    result = step(wheel=wheel, output_dir="file/below")
    refused(result, 15, "`--output-dir` 'file/below' can't be written: Not a directory")
    assert result.requests == []


# --- packages


def test_the_same_package_twice(step: Step, features: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = commit(PROJECTS / "acme-features", tmp_path / "again")
    refused(step(package_dir=(features, other)), 21, "are both the package acme-features")


def test_a_build_that_fails_shows_its_last_lines_unless_access_fails_as_well(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    """The build runs beside the questions of access, which have the first word, whichever fails first."""
    project = commit(PROJECTS / "broken-build", tmp_path / "broken")
    world.fail({"host": "management", "status": 403, "delay": 2.0})
    result = step(package_dir=project)
    refused(result, 41, "forbids this")
    assert "table of prices" not in result.output
    assert "Build" not in result.output
    world.fail()
    result = step(package_dir=project)
    refused(result, 22, f"{project} doesn't build", "the table of prices is missing; run tools/fetch_prices first")


@pytest.mark.parametrize(("tag", "status"), [("v0.3.1", 23), ("nightly", 23), ("acme-other-v0.3.0", 23)])
def test_a_tag_that_does_not_say_the_version(step: Step, wheel: pathlib.Path, tag: str, status: int) -> None:
    result = step(wheel=wheel, env={"GITHUB_REF": f"refs/tags/{tag}"})
    refused(result, status, f"The tag is '{tag}', but acme-features has version 0.3.0; the tag must be v0.3.0, 0.3.0")


@pytest.mark.parametrize("tag", ["v0.3.0", "0.3", "acme_features-v0.3.0"])
def test_a_tag_that_says_the_version_passes(step: Step, wheel: pathlib.Path, tag: str) -> None:
    assert step(wheel=wheel, dry_run="true", env={"GITHUB_REF": f"refs/tags/{tag}"}).status == 0


def test_no_wheel_where_one_should_be(step: Step) -> None:
    refused(step(wheel="dist/*.whl"), 24, "`--wheel` 'dist/*.whl' matches no .whl file")


def test_a_local_version(step: Step, tmp_path: pathlib.Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0+g1234")
    refused(step(wheel=wheel), 25, "0.3.0+g1234", "fetch-depth: 0")


def test_a_wheel_for_another_platform(step: Step, tmp_path: pathlib.Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", tag="cp311-cp311-win_amd64")
    refused(step(wheel=wheel), 28, "is for cp311-cp311-win_amd64; the environment has Python 3.11 on Linux x86-64")


def test_a_package_for_other_pythons(step: Step, tmp_path: pathlib.Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires_python=">=3.12")
    result = step(wheel=wheel)
    refused(result, 29, "acme-features 0.3.0 needs Python >=3.12; the environment has 3.11.", "`--python-version`")


# --- sign-in and network


def test_a_client_secret_that_is_wrong(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AZURE_CLIENT_SECRET": "fake-secret-that-nobody-has"})
    refused(result, 40, "Sign-in by service principal failed.", "AADSTS7000215")
    assert "fake-secret-that-nobody-has" not in result.output


def test_nothing_to_sign_in_with(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AZURE_CLIENT_SECRET": "", "PATH": str(step.folder("empty"))})
    refused(result, 40, "looked for service principal, workload identity, Azure CLI")


def test_without_a_network_every_host_is_named(step: Step, wheel: pathlib.Path) -> None:
    nowhere = "http://127.0.0.1:9"
    result = step(wheel=wheel, env={"HTTPS_PROXY": nowhere, "https_proxy": nowhere})
    refused(result, 70, "No connection to ")
    for host in ("pkgs.dev.azure.com", "feeds.dev.azure.com", LOGIN_HOST, "mcr.microsoft.com"):
        assert host in result.output
    assert result.output.count("error: AW") == 1
    assert result.requests == []


def test_a_package_index_that_cannot_be_reached(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, requirements="six", env={"UV_DEFAULT_INDEX": "https://index.invalid/simple"})
    refused(result, 70, "No connection to index.invalid.")


# --- hostile wheels


def test_a_wheel_that_pip_would_refuse_or_that_lies_is_never_published(step: Step, world: World) -> None:
    hostile = {
        "outside": ({"acme_hostile.py": "", "../../../tmp/outside.py": "x"}, "'../../../tmp/outside.py'"),
        "bomb": ({"acme_hostile.py": "", "zeros": "0" * 2**27}, "would unpack to"),
    }
    for name, (files, told) in hostile.items():
        made = write_wheel(step.scratch / name, "acme-hostile", "1.0", files=files)
        if name == "bomb":
            packed(made)
        refused(step(wheel=made), 24, told)
    lying = write_wheel(step.scratch / "lying", "acme-hostile", "1.0")
    content = lying.read_bytes()
    lying.write_bytes(content.replace(b'"""acme-hostile."""', b'"""acme-hostilE."""'))
    result = step(wheel=lying)
    refused(result, 24)
    assert in_feed(world) == {}
    built = step(wheel=write_wheel(step.scratch / "again", "acme-hostile", "1.0"))  # "build the wheel again"
    assert built.status == 0, built.output


def packed(wheel: pathlib.Path) -> None:
    """Compress what is in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {each.filename: archive.read(each) for each in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
