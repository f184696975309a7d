"""What the feed, the workspace, the resolver or the registry refuses stops the step before it changes anything."""

import pathlib
import shutil
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import (
    BUILD_TOKEN,
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
    guid,
    workspace_id,
)
from rehearsed.steps import FEED_LABEL, PACKAGES, SIGN_IN, Step, refused, write_wheel

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
    world.fail({"host": PACKAGES, "path": r"/pypi/simple/", "status": answer, **more})
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
    ("feed", "advice"),
    [
        (f"{ORGANIZATION}/{PROJECT}/wheel", "Connect to feed > pip"),
        (f"{ORGANIZATION}/mi/wheels", "Connect to feed > pip"),
        (f"{ORGANIZATION}/wheels", f"Write `--feed` as ORG/{ORGANIZATION}/wheels"),
    ],
)
def test_a_feed_or_project_that_does_not_exist(step: Step, wheel: pathlib.Path, feed: str, advice: str) -> None:
    refused(step(wheel=wheel, feed=feed), 34, f"There is no feed {feed}", advice)


@pytest.mark.parametrize("token", [READ_TOKEN, BUILD_TOKEN], ids=["reader", "collaborator"])
def test_an_identity_that_may_not_publish_is_told_before_the_build(
    step: Step, features: pathlib.Path, token: str
) -> None:
    result = step(package_dir=features, env={"AMLWHEEL_FEED_TOKEN": token})
    refused(result, 33, "isn't a Contributor there", "Feed Publisher (Contributor)")
    assert "---- Build" not in result.told


def test_the_same_version_with_other_bytes(
    step: Step, world: World, wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-features", "0.3.0", text="other"))
    refused(step(wheel=wheel), 35, "already has acme_features-0.3.0-py3-none-any.whl with sha256", "Bump the version")


# --- the workspace


def sign_in(client_id: str, secret: str) -> dict[str, str]:
    return {"AZURE_CLIENT_ID": client_id, "AZURE_CLIENT_SECRET": secret}


def test_an_identity_without_a_role(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env=sign_in(OUTSIDER_CLIENT_ID, OUTSIDER_CLIENT_SECRET))
    refused(
        result, 41, "403 AuthorizationFailed", "does not have authorization to perform action", "az role assignment"
    )


def test_an_identity_that_only_reads(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, env=sign_in(READER_CLIENT_ID, READER_CLIENT_SECRET))
    refused(result, 41, "connections/write", "az role assignment create")


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
        "target": f"https://pkgs.dev.azure.com/{ORGANIZATION}",
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
        "systemData": {"createdAt": "2026-01-15T12:00:00Z", "createdBy": "somebody", "createdByType": "User"},
    }
    with world.store.edit("arm") as document:
        document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["connections"][name] = record


def test_another_connection_for_the_same_target(step: Step, world: World, wheel: pathlib.Path) -> None:
    for number in range(6):  # so that the one in question is on the second page
        connect(world, f"storage-{number}", target=f"https://acme{number}.example/")
    connect(world, "made-by-hand", target=f"https://PKGS.dev.azure.com/{ORGANIZATION}/")
    told = "Connection made-by-hand of ws-train is for https://PKGS.dev.azure.com/acme/"
    refused(step(wheel=wheel), 43, told, "set `--connection-name` to its name")
    taken_over = step(wheel=wheel, connection_name="made-by-hand")
    assert taken_over.status == 0, taken_over.output
    assert taken_over.outputs["connection"] == "made-by-hand"


def test_a_connection_that_is_nearer_to_the_feed(step: Step, world: World, wheel: pathlib.Path) -> None:
    """Image builds take the credentials of the closest target: ours would never be used."""
    connect(world, "elsewhere", target=f"https://pkgs.dev.azure.com/{ORGANIZATION}/other")
    assert step(wheel=wheel, dry_run="true").status == 0
    connect(world, "nearer", target=f"https://pkgs.dev.azure.com/{ORGANIZATION}/{PROJECT}")
    refused(step(wheel=wheel, output_dir="again"), 43, "Connection nearer of ws-train", "nearer to the feed")


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
    ("requirements", "code", "told"),
    [
        (("six==1.16.0", "six==1.17.0"), 50, "you require six==1.16.0 and six==1.17.0"),
        (("no-such-package-of-acme",), 59, "No package of the name no-such-package-of-acme"),
        (("acme-features>=1",), 107, "but this run releases acme-features 0.3.0"),
    ],
)
def test_requirements_that_cannot_be_met(
    step: Step, wheel: pathlib.Path, requirements: tuple[str, ...], code: int, told: str
) -> None:
    refused(step(wheel=wheel, requirements=requirements), code, told)


def test_requirements_that_are_none(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, requirements=("--index-url https://elsewhere.example/simple", "six"))
    refused(result, 107, "line 1 of `--requirements`: https://elsewhere.example/simple is another index")


def test_a_requirement_that_only_the_feed_has_while_the_token_is_refused(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    """The token passes the first look, and is revoked before the resolver uses it: which reads as "not found"."""
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "1.3"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    world.fail({"host": PACKAGES, "path": r"/pypi/simple/", "skip": 3, "status": 401})
    refused(step(wheel=wheel), 30, "The feed refused `AMLWHEEL_FEED_TOKEN`")


def test_an_unknown_tag_of_the_image(step: Step, wheel: pathlib.Path) -> None:
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    result = step(wheel=wheel, base_image=f"{image}:20251130.v2")
    refused(result, 61, f"{image} has no tag 20251130.v2.", "`--base-image`", "the nearest are 20251130.v1")
    refused(step(wheel=wheel, base_image="mcr.microsoft.com/azureml/nothing:1"), 61, "doesn't know")
