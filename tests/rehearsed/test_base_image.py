"""Base images of private registries, and images that Azure ML can't build on."""

import json
import pathlib

from rehearsal.builder.build import BuildResult, build
from rehearsal.proxy.world import World
from rehearsal.state.images import digest
from rehearsal.state.names import (
    OTHER_REGISTRY,
    PRIVATE_REGISTRY,
    REGISTRY_TOKEN,
    REGISTRY_USER,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    workspace_id,
)
from rehearsed.steps import Result, Step, refused


def image(world: World, released: Result) -> BuildResult:
    names = released.outputs
    return build(world, workspace_id(), names["environment-name"], names["environment-version"])


def image_of(result: Result) -> str:
    assert result.status == 0, result.output
    return str(json.loads(result.files["aml-release.json"])["environment"]["image"])


def test_azures_private_registry_is_read_by_the_identity_that_signs_in(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    tagged = f"{PRIVATE_REGISTRY}/ml/base:1.0"
    world.fail({"host": PRIVATE_REGISTRY, "path": "/oauth2/exchange", "status": 401, "body": {"errors": []}})
    denied = step(wheel=wheel, base_image=tagged)
    command = "az role assignment create --role AcrPull --assignee CLIENT-ID --scope $(az acr show --name acmeprivate"
    refused(denied, 173, f"let the step read {tagged} (401)", "The identity that signs in to Azure may not", command)
    world.fail()  # the role was granted
    released = step(wheel=wheel, base_image=tagged)
    manifest = world.store.read("registry")[PRIVATE_REGISTRY]["ml/base"]["1.0"]
    assert image_of(released) == f"{PRIVATE_REGISTRY}/ml/base@{digest(manifest)}"
    assert "Base image: linux/amd64, Ubuntu 22.04, made 2025-11-30, " in released.told
    assert "conda in /opt/miniconda/bin" in released.told
    assert released.written[-1] == ("PUT", "environments")
    assert image(world, released).ok
    asked = [line["url"].rpartition("/")[2] for line in released.requests if PRIVATE_REGISTRY in line["url"]]
    assert asked[2:4] == ["exchange", "token"]

    laptop = f"{PRIVATE_REGISTRY}/ml/laptop:1.0"
    refused(step(wheel=wheel, base_image=laptop, output_dir="laptop"), 172, f"has {laptop} for linux/arm64 only")
    with world.store.edit("registry") as hosts:  # built for linux/amd64, and pushed under the same tag
        hosts[PRIVATE_REGISTRY]["ml/laptop"] = {"1.0": manifest}
    assert image_of(step(wheel=wheel, base_image=laptop, output_dir="laptop")).startswith(f"{PRIVATE_REGISTRY}/ml/")


def test_another_private_registry_takes_its_own_user(step: Step, world: World, wheel: pathlib.Path) -> None:
    tagged, secret = f"{OTHER_REGISTRY}/ml/base:1.0", {"AMLWHEEL_BASE_IMAGE_TOKEN": REGISTRY_TOKEN}
    advice = "Set `--base-image-user` and `AMLWHEEL_BASE_IMAGE_TOKEN` to a user who may pull the image."
    refused(step(wheel=wheel, base_image=tagged), 173, f"let the step read {tagged} (401)", advice)
    wrong = {"AMLWHEEL_BASE_IMAGE_TOKEN": "fake-wrong-token"}
    cause = "The registry doesn't take `AMLWHEEL_BASE_IMAGE_TOKEN` with its user"
    refused(step(wheel=wheel, base_image=tagged, base_image_user=REGISTRY_USER, env=wrong), 173, cause, advice)
    realm = {"WWW-Authenticate": 'Bearer realm="https://tokens.elsewhere.example/",service="x"'}
    world.fail({"host": OTHER_REGISTRY, "path": "/manifests/", "status": 401, "headers": realm})
    elsewhere = step(wheel=wheel, base_image=tagged, base_image_user=REGISTRY_USER, env=secret)
    refused(elsewhere, 174, "to be sent to tokens.elsewhere.example, so it was sent nowhere", "with its digest")
    assert not [line for line in elsewhere.requests if "elsewhere" in line["url"]]
    for status, kind, code, said in (
        (403, "json", 173, "let the step read"),
        (200, "html", 62, "a page for people (200)"),
    ):
        page = {"status": status, "body": "<html></html>", "headers": {"Content-Type": f"text/{kind}"}}
        world.fail({"host": OTHER_REGISTRY, "path": "/manifests/", **page})
        refused(step(wheel=wheel, base_image=tagged, base_image_user=REGISTRY_USER, env=secret), code, said)
    world.fail()

    slim = f"{OTHER_REGISTRY}/ml/slim:1.0"
    none = step(wheel=wheel, base_image=slim, base_image_user=REGISTRY_USER, env=secret)
    refused(none, 171, f"{slim} has no conda", "Set `--base-image` to one with conda")
    released = step(wheel=wheel, base_image=tagged, base_image_user=REGISTRY_USER, env=secret)
    assert image_of(released).startswith(f"{OTHER_REGISTRY}/ml/base@sha256:")
    assert "linux/amd64, Ubuntu 22.04" in released.told
    assert REGISTRY_TOKEN not in released.output + b"".join(released.files.values()).decode("latin-1")
    with world.store.edit("arm") as document:  # as with the digest of an image without conda, which isn't asked for
        (version,) = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["environments"]["acme-features"].values()
        kept, manifests = version["properties"]["image"], world.store.read("registry")[OTHER_REGISTRY]
        version["properties"]["image"] = f"{OTHER_REGISTRY}/ml/slim@{digest(manifests['ml/slim']['1.0'])}"
    assert "Conda command not found" in image(world, released).log
    with world.store.edit("arm") as document:
        (version,) = document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["environments"]["acme-features"].values()
        version["properties"]["image"] = kept
    pinned = step(wheel=wheel, base_image=image_of(released))
    assert (pinned.status, pinned.writes) == (0, []), pinned.output
