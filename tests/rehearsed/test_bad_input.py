"""Whatever is wrong, the step says what, why and what to do, with a code of its own, and changes nothing."""

import json
import pathlib
import re
import shutil
from typing import Any

import pytest
from rehearsal.entra import HOST as LOGIN_HOST
from rehearsal.names import guid
from rehearsal.projects import commit
from rehearsal.world import (
    FEED_TOKEN,
    ORGANIZATION,
    OUTSIDER_CLIENT_ID,
    OUTSIDER_CLIENT_SECRET,
    PROJECT,
    READ_TOKEN,
    READER_CLIENT_ID,
    READER_CLIENT_SECRET,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    World,
    workspace_id,
)

from rehearsed.steps import FEED_LABEL, PROJECTS, Result, Step, write_wheel

PACKAGES, INDEX = r"^pkgs\.dev\.azure\.com$", r"/pypi/simple/"
SIGN_IN = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head><body></body></html>"


def refused(result: Result, status: int, *told: str) -> None:
    """Assert that a run failed as it should: code and cause told, the advice too, and nothing was written."""
    assert result.status == status, result.output
    assert f"error: AW{status} " in result.output
    assert "Likely cause: " in result.output
    assert "What to do: " in result.output
    for each in told:
        assert each in result.told
    assert result.writes == []
    assert result.outputs == {}
    assert not list(result.folder.glob("*.json"))


# --- inputs


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        ([], {"verify": "instal"}, "`--verify` can't be 'instal'; it is one of none, install, image. Likely"),
        ([], {"index": "both"}, "`--index` can't be 'both'; it is one of extra, only."),
        ([], {"dry_run": "yes"}, "`--dry-run`: 'yes' is neither true nor false."),
        ([], {"python_version": "3.1"}, "'3.1' is not one of 3.10, "),
        ([], {"base_image": "ubuntu"}, "`base-image` is 'ubuntu', which names no image of a registry"),
        ([], {"environment_name": "acme.features"}, "no dots"),
        ([], {"feed": "$(FEED)"}, "`--feed` is the literal text of a variable that was never set: $(FEED)"),
        ([], {"route": "git"}, "`--route` can't be 'git' in this version"),
        (["--fede", "x"], {}, "--fede is not an option. Did you mean --feed?"),
        (["--feed-token", "fake-token"], {}, "--feed-token is not an option. Secrets are given by environment variable"),
    ],
)
def test_a_value_that_is_unknown_or_misspelt(
    step: Step, wheel: pathlib.Path, arguments: list[str], given: dict[str, str], told: str
) -> None:
    result = step(*arguments, wheel=wheel, **given)
    status = 14 if "in this version" in told else 60 if "names no image" in told else 10
    told = told.replace("`base-image`", "`--base-image`")
    refused(result, status, told.removesuffix(" Likely"))
    assert "fake-token" not in result.output.replace("fake-token-", "")
    assert result.requests == []


def test_a_value_that_was_nearly_right(step: Step, wheel: pathlib.Path) -> None:
    refused(step(wheel=wheel, verify="instal"), 10, "Did you mean install?")


def test_all_that_is_wrong_with_the_inputs_is_told_at_once(step: Step, wheel: pathlib.Path) -> None:
    result = step(
        wheel=wheel,
        feed="just-a-name",
        workspace="ws-train",
        index="both",
        env={"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": "$(PAT)"},
    )
    refused(result, 11, "`AMLWHEEL_CONNECTION_TOKEN` is the literal text of a variable that was never set.")
    assert re.findall(r"^error: (AW\d\d)", result.output, re.MULTILINE) == ["AW11", "AW12", "AW10", "AW10", "AW13"]
    assert "$(PAT)" not in result.output
    assert result.requests == []


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("wheels", "Write `--feed` as ORG/PROJECT/FEED (or ORG/FEED for an organisation's feed)"),
        ("https://pkgs.dev.azur.com/acme/ml/_packaging/wheels/pypi/simple/", "Did you mean https://pkgs.dev.azure.com/acme/ml/"),
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
        (f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/rg-ml", "resource id, but not one of a Machine Learning"),
        (f"{SUBSCRIPTION_ID}/rg-ml/ws.train", "'ws.train' can't be the workspace's name (3 to 33 letters"),
    ],
)
def test_a_workspace_that_cannot_be_read(step: Step, wheel: pathlib.Path, workspace: str, told: str) -> None:
    result = step(wheel=wheel, workspace=workspace)
    refused(result, 12, told, "Write `--workspace` as SUBSCRIPTION-ID/RESOURCE-GROUP/NAME, or paste")
    assert result.requests == []


def test_missing_tokens(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": " "})
    refused(result, 13, "`AMLWHEEL_FEED_TOKEN` is empty", "`AMLWHEEL_CONNECTION_TOKEN` is empty", "Packaging (read)")
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


def test_a_build_that_fails_shows_its_last_lines(step: Step, tmp_path: pathlib.Path) -> None:
    project = commit(PROJECTS / "broken-build", tmp_path / "broken")
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


# --- the feed

FEED_ANSWERS: dict[int, tuple[int, dict[str, Any], tuple[str, ...]]] = {
    30: (401, {}, ("The feed refused `AMLWHEEL_FEED_TOKEN`, used for acme/ml/wheels: 401.", "Packaging")),
    31: (203, {"body": SIGN_IN, "headers": {"Content-Type": "text/html"}}, ("answered 203 and a sign-in page",)),
    32: (
        302,
        {"headers": {"Location": "https://spsprodweu1.vssps.visualstudio.com/_signin?realm=dev.azure.com"}},
        ("redirected `AMLWHEEL_FEED_TOKEN`", "302 to https://spsprodweu1.vssps.visualstudio.com/_signin."),
    ),
    33: (403, {"body": {"message": "You need to have 'ReadPackages'."}}, ("'ReadPackages'", "Feed Publisher")),
    38: (501, {}, ("The feed acme/ml/wheels answered 501.",)),
}


@pytest.mark.parametrize("status", FEED_ANSWERS)
def test_each_way_of_the_feed_to_say_no(step: Step, world: World, wheel: pathlib.Path, status: int) -> None:
    answer, more, told = FEED_ANSWERS[status]
    world.fail({"host": PACKAGES, "path": INDEX, "status": answer, **more})
    refused(step(wheel=wheel), status, *told)


def test_a_sign_in_page_that_looks_like_success(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail({"host": PACKAGES, "status": 200, "body": SIGN_IN, "headers": {"Content-Type": "text/html"}})
    refused(step(wheel=wheel), 31, "answered 200 and a sign-in page")


@pytest.mark.parametrize("token", ["AMLWHEEL_FEED_TOKEN", "AMLWHEEL_CONNECTION_TOKEN"])
def test_a_token_that_the_feed_does_not_know(step: Step, wheel: pathlib.Path, token: str) -> None:
    result = step(wheel=wheel, env={token: "fake-token-nobody-has-issued"})
    refused(result, 30, f"The feed refused `{token}`, used for {FEED_LABEL}: 401.", "belongs to Entra tenant")
    assert "fake-token-nobody-has-issued" not in result.output


@pytest.mark.parametrize(
    "feed", [f"{ORGANIZATION}/{PROJECT}/wheel", f"{ORGANIZATION}/mi/wheels", f"{ORGANIZATION}/wheels"]
)
def test_a_feed_or_project_that_does_not_exist(step: Step, wheel: pathlib.Path, feed: str) -> None:
    refused(step(wheel=wheel, feed=feed), 34, f"There is no feed {feed}", "exist", "Connect to feed > pip")


def test_a_view_that_does_not_show_the_wheel(step: Step, wheel: pathlib.Path) -> None:
    refused(step(wheel=wheel, feed=f"{FEED_LABEL}@Release"), 39, "is a view, and it doesn't show")


def test_the_same_version_with_other_bytes(step: Step, world: World, wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-features", "0.3.0", text="other"))
    refused(step(wheel=wheel), 35, "already has acme_features-0.3.0-py3-none-any.whl with sha256", "Bump the version")


# --- the workspace


def sign_in(client_id: str, secret: str) -> dict[str, str]:
    return {"AZURE_CLIENT_ID": client_id, "AZURE_CLIENT_SECRET": secret}


def test_an_identity_without_a_role(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env=sign_in(OUTSIDER_CLIENT_ID, OUTSIDER_CLIENT_SECRET))
    refused(result, 41, "403 AuthorizationFailed", "does not have authorization to perform action", "az role assignment")


def test_an_identity_that_only_reads(step: Step, world: World, wheel: pathlib.Path) -> None:
    before = world.workspace()
    result = step(wheel=wheel, env=sign_in(READER_CLIENT_ID, READER_CLIENT_SECRET))
    assert result.status == 41
    assert "workspaces/connections/write" in result.told
    assert result.written == [("PUT", "connections")]
    assert result.writes[0]["status"] == 403
    assert world.workspace() == before


@pytest.mark.parametrize(
    ("workspace", "told"),
    [
        (f"{guid('nobody')}/{RESOURCE_GROUP}/{WORKSPACE}", "There is no subscription"),
        (f"{SUBSCRIPTION_ID}/rg-nl/{WORKSPACE}", "There is no resource group rg-nl: 404 ResourceGroupNotFound"),
        (f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/ws-trial", "There is no workspace ws-trial: 404 ResourceNotFound"),
    ],
)
def test_a_workspace_that_does_not_exist(step: Step, wheel: pathlib.Path, workspace: str, told: str) -> None:
    refused(step(wheel=wheel, workspace=workspace), 42, told, "az ml workspace show")


def test_one_missing_workspace_of_two_stops_both(step: Step, wheel: pathlib.Path) -> None:
    missing = f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/ws-trial"
    refused(step(wheel=wheel, workspace=(f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{WORKSPACE}", missing)), 42, "ws-trial")


def connect(world: World, name: str, **properties: Any) -> None:  # noqa: ANN401  # JSON
    """Store a connection on the workspace as somebody else did."""
    stored = {
        "category": "PythonFeed",
        "target": f"https://pkgs.dev.azure.com/{ORGANIZATION}/{PROJECT}",
        "authType": "PAT",
        "credentials": {"pat": READ_TOKEN},
        "isSharedToAll": True,
        "metadata": {},
        "group": "GenericProtocol",
        **properties,
    }
    record = {
        "id": f"{workspace_id()}/connections/{name}",
        "name": name,
        "type": "Microsoft.MachineLearningServices/workspaces/connections",
        "properties": stored,
    }
    with world.store.edit("arm") as document:
        document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["connections"][name] = record


def test_another_connection_for_the_same_target(step: Step, world: World, wheel: pathlib.Path) -> None:
    for number in range(6):  # so that the one in question is on the second page
        connect(world, f"storage-{number}", target=f"https://acme{number}.example/")
    connect(world, "made-by-hand", target=f"https://PKGS.dev.azure.com/{ORGANIZATION}/{PROJECT}/")
    told = "Workspace ws-train already has connection made-by-hand for https://pkgs.dev.azure.com/acme/ml."
    refused(step(wheel=wheel), 43, told, "set `--connection-name` to its name")
    taken_over = step(wheel=wheel, connection_name="made-by-hand")
    assert taken_over.status == 0, taken_over.output
    assert taken_over.outputs["connection"] == "made-by-hand"


def test_a_connection_of_that_name_for_something_else(step: Step, world: World, wheel: pathlib.Path) -> None:
    connect(world, "taken", target="https://elsewhere.example/")
    result = step(wheel=wheel, connection_name="taken")
    refused(result, 43, "Connection taken of ws-train is for https://elsewhere.example/", "a name that is free")


def test_an_environment_version_that_holds_another_definition(step: Step, world: World, wheel: pathlib.Path) -> None:
    outputs = step(wheel=wheel).outputs
    with world.store.edit("arm") as document:
        environments = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["environments"]
        version = environments[outputs["environment-name"]][outputs["environment-version"]]
        version["properties"]["condaFile"] = "dependencies: [python=3.9]\n"
    shutil.rmtree(step.scratch / "out")
    refused(step(wheel=wheel), 44, f"{outputs['environment']} is registered on {WORKSPACE} with another definition")


# --- lock and image


@pytest.mark.network
@pytest.mark.parametrize(
    ("requirements", "told"),
    [
        (("six==1.16.0", "six==1.17.0"), "six==1.16.0 and six==1.17.0"),
        (("no-such-package-of-acme",), "no-such-package-of-acme"),
        (("acme-features>=1",), "acme-features"),
    ],
)
def test_requirements_that_cannot_be_met(
    step: Step, wheel: pathlib.Path, requirements: tuple[str, ...], told: str
) -> None:
    refused(step(wheel=wheel, requirements=requirements), 50, "uv found no set of versions.", told)


def test_requirements_that_are_none(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, requirements=("--index-url https://elsewhere.example/simple", "six"))
    refused(result, 10, "`--requirements` has 1 line(s) that aren't plain requirements: --index-url https://elsewhere")


def test_a_requirement_that_only_the_feed_has_while_the_token_is_refused(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    """The token passes the first look, and is revoked before the resolver uses it: which reads as "not found"."""
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "1.1"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    world.fail({"host": PACKAGES, "path": INDEX, "skip": 2, "status": 401})
    refused(step(wheel=wheel), 30, "The feed refused `AMLWHEEL_FEED_TOKEN`")


def test_an_unknown_tag_of_the_image(step: Step, wheel: pathlib.Path) -> None:
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    result = step(wheel=wheel, base_image=f"{image}:20251130.v2")
    refused(result, 61, f"{image} has no tag 20251130.v2.", "`--base-image`", "the nearest are 20251130.v1")
    refused(step(wheel=wheel, base_image="mcr.microsoft.com/azureml/nothing:1"), 61, "doesn't know")


# --- sign-in and network


def test_a_client_secret_that_is_wrong(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AZURE_CLIENT_SECRET": "fake-secret-that-nobody-has"})
    refused(result, 40, "Sign-in by service principal failed.", "AADSTS7000215")
    assert "fake-secret-that-nobody-has" not in result.output


def test_nothing_to_sign_in_with(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env={"AZURE_CLIENT_SECRET": "", "PATH": "/usr/bin:/bin"})
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
    result = step(wheel=wheel, requirements="six", env={"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"})
    refused(result, 70, "No connection to 127.0.0.1:9.")


def test_a_feed_that_goes_away_in_between(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "1.1"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    world.fail({"host": PACKAGES, "path": INDEX, "skip": 2, "reset": True})
    refused(step(wheel=wheel), 70, "No connection to pkgs.dev.azure.com.")
