"""The rules of the stand-ins behind azureml-core, asked as it asks: discovery, environments, image builds."""

import base64
import io
import threading
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from rehearsal.builder.build import BuildResult
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.storage import sas
from unit.rehearsal.asking import AML_HOST, WORKSPACE, Answer, aml_caller, arm_caller, entra_token, message

ENVIRONMENTS = f"/environment/v1.0{WORKSPACE}/environments"
IMAGE = "mcr.microsoft.com/x@sha256:00"
LONG = "acme @ https://x.example/" + "a" * 90 + ".whl --hash=sha256:" + "0" * 64
SPEC = {"channels": ["conda-forge"], "dependencies": ["python=3.11.9", "pip=26.3", {"pip": [LONG, "b==1.10"]}]}
DOCKER = {"baseImage": IMAGE, "platform": {"os": "Linux", "architecture": "amd64"}}
DEFINITION = {
    "Name": "churn",
    "python": {"userManagedDependencies": False, "interpreterPath": "python", "condaDependencies": SPEC},
    "EnvironmentVariables": {},
    "Docker": DOCKER,
    "Spark": {"repositories": [], "packages": [], "precachePackages": True},
    "InferencingStackVersion": None,
    "r": None,
}
OTHER = {**DEFINITION, "Docker": {**DOCKER, "baseImage": f"{IMAGE}1"}}


@pytest.fixture
def service(store: Store) -> Callable[..., Answer]:
    return aml_caller(store, lambda *_: BuildResult(ok=True, log=""))


# Discovery, and the door


def test_discovery_tells_the_services_without_a_credential(service: Callable[..., Answer]) -> None:
    found = service("GET", "/discovery", authorization="").json
    services = {"api", "experimentation", "history", "hyperdrive", "modelmanagement"}
    assert found == {**dict.fromkeys(services, f"https://{AML_HOST}"), "studio": "https://ml.azure.com"}


def test_errors_have_the_shape_of_the_service(service: Callable[..., Answer]) -> None:
    answer = service("GET", f"{ENVIRONMENTS}/nope")
    assert message(answer) == (404, "Environment nope could not be found.")
    content = answer.json
    assert set(content) == {"error", "correlation", "environment", "location", "time", "componentName"}
    assert (content["error"]["code"], content["location"]) == ("UserError", "westeurope")


def test_tokens_and_roles_are_arms(store: Store, service: Callable[..., Answer]) -> None:
    def bearer(client_id: str, secret: str) -> str:
        return f"Bearer {entra_token(store, client_id=client_id, client_secret=secret).json['access_token']}"

    devops = entra_token(store, "499b84ac-1321-427f-aa17-267ca6975798").json["access_token"]
    assert [service("GET", f"{ENVIRONMENTS}/", authorization=one).status for one in ("", f"Bearer {devops}")] == [
        401,
        401,
    ]
    outsider = bearer(names.OUTSIDER_CLIENT_ID, names.OUTSIDER_CLIENT_SECRET)
    reader = bearer(names.READER_CLIENT_ID, names.READER_CLIENT_SECRET)
    assert service("GET", f"{ENVIRONMENTS}/", authorization=outsider).status == 403
    assert service("GET", f"{ENVIRONMENTS}/", authorization=reader).status == 200
    for method, path, action in (
        ("PUT", f"{ENVIRONMENTS}/churn", "environments/write"),
        ("POST", f"{ENVIRONMENTS}/churn/versions/1/image".replace("v1.0", "v2.0"), "environments/build/action"),
        ("POST", f"/artifact/v2.0{WORKSPACE}/artifacts/batch/metadata/Environment/x", "metadata/artifacts/write"),
    ):
        status, text = message(service(method, path, DEFINITION, authorization=reader))
        assert (status, f"workspaces/{action}'" in text) == (403, True)


def test_unknown_workspace_is_not_found(service: Callable[..., Answer]) -> None:
    assert service("GET", ENVIRONMENTS.replace("ws-train", "ws-nope") + "/x").status == 404
    assert service("GET", "/nope").status == 404


# Environments


def test_definition_comes_back_as_it_was_sent(service: Callable[..., Answer]) -> None:
    answers = [service("PUT", f"{ENVIRONMENTS}/churn/versions/1.0-abc", DEFINITION)]
    answers += [service("GET", f"{ENVIRONMENTS}/churn{part}") for part in ("", "/versions/1.0-abc")]
    assert [answer.status for answer in answers] == [200, 200, 200]
    for answer in answers:
        found = answer.json
        assert (found["name"], found["version"], found["environmentVariables"]) == ("churn", "1.0-abc", {})
        assert (found["python"]["condaDependencies"], found["docker"]["baseImage"]) == (SPEC, IMAGE)
        assert found["assetId"].startswith("azureml://locations/westeurope/workspaces/")
        assert found["assetId"].endswith("/environments/churn/versions/1.0-abc")


def test_registered_version_is_never_changed(store: Store, service: Callable[..., Answer]) -> None:
    path = f"{ENVIRONMENTS}/churn/versions/6"
    service("PUT", path, DEFINITION)
    before = store.read("arm")
    assert service("PUT", path, DEFINITION).status == 200
    text = "Environment churn with version 6 is already registered and cannot be changed."
    assert message(service("PUT", path, OTHER)) == (409, text)
    variables = {**DEFINITION, "EnvironmentVariables": {"A": "b"}}
    assert service("PUT", path, variables).status == 409
    assert store.read("arm") == before


def test_without_a_version_the_service_counts(service: Callable[..., Answer]) -> None:
    service("PUT", f"{ENVIRONMENTS}/churn/versions/1.0-abc", DEFINITION)
    counted = [service("PUT", f"{ENVIRONMENTS}/churn", DEFINITION).json["version"] for _ in range(2)]
    assert (counted, service("GET", f"{ENVIRONMENTS}/churn").json["version"]) == (["1", "2"], "2")


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.b", DEFINITION, "must match the pattern"),
        ("azureml-x", DEFINITION, "can not start with the prefix AzureML. To alter a curated environment"),
        ("churn", {"Name": "churn"}, "no python and docker sections"),
        ("churn", [], "no python and docker sections"),
        ("churn", {**DEFINITION, "Docker": {"baseImage": None, "baseDockerfile": "FROM x"}}, "with a base image"),
    ],
)
def test_what_is_no_environment_is_refused(
    service: Callable[..., Answer], name: str, content: object, text: str
) -> None:
    status, said = message(service("PUT", f"{ENVIRONMENTS}/{name}/versions/1", content))
    assert (status, text in said) == (400, True)
    assert service("GET", f"{ENVIRONMENTS}/{name}").status == 404


def test_latest_versions_are_listed_by_page(service: Callable[..., Answer]) -> None:
    for number in range(6):
        service("PUT", f"{ENVIRONMENTS}/e{number}", DEFINITION)
    service("PUT", f"{ENVIRONMENTS}/e0", OTHER)
    first = service("GET", f"{ENVIRONMENTS}/").json
    rest = service("GET", f"{ENVIRONMENTS}/?continuation={first['continuationToken']}").json
    found = [(one["name"], one["version"]) for one in (*first["value"], *rest["value"])]
    assert found == [("e0", "2"), ("e1", "1"), ("e2", "1"), ("e3", "1"), ("e4", "1"), ("e5", "1")]
    assert rest["continuationToken"] is None


def test_arm_sees_what_azureml_core_registered(store: Store, service: Callable[..., Answer]) -> None:
    service("PUT", f"{ENVIRONMENTS}/churn/versions/1", DEFINITION)
    record = arm_caller(store)("GET", f"{WORKSPACE}/environments/churn/versions/1").json
    assert set(record) == {"id", "name", "type", "properties", "systemData"}
    assert (record["properties"]["image"], record["properties"]["osType"]) == (IMAGE, "Linux")
    text = record["properties"]["condaFile"]
    assert yaml.safe_load(text) == SPEC
    assert LONG not in text, "long lines are folded, so that nobody compares texts"


def test_azureml_core_sees_what_arm_registered(store: Store, service: Callable[..., Answer]) -> None:
    body = {"properties": {"image": IMAGE, "condaFile": f"# mine\n{yaml.safe_dump(SPEC, width=10_000)}"}}
    assert arm_caller(store)("PUT", f"{WORKSPACE}/environments/churn/versions/1", body).status == 201
    found = service("GET", f"{ENVIRONMENTS}/churn/versions/1").json
    assert (found["python"]["condaDependencies"], found["docker"]["baseImage"]) == (SPEC, IMAGE)
    assert (found["environmentVariables"], found["python"]["userManagedDependencies"]) == ({}, False)
    assert service("PUT", f"{ENVIRONMENTS}/churn/versions/1", DEFINITION).status == 200
    assert service("PUT", f"{ENVIRONMENTS}/churn/versions/1", OTHER).status == 409


def test_tags_from_arm_leave_the_definition_alone(store: Store, service: Callable[..., Answer]) -> None:
    variables = {**DEFINITION, "EnvironmentVariables": {"A": "b"}}
    service("PUT", f"{ENVIRONMENTS}/churn/versions/1", variables)
    arm, path = arm_caller(store), f"{WORKSPACE}/environments/churn/versions/1"
    kept = {key: arm("GET", path).json["properties"][key] for key in ("image", "condaFile")}
    assert arm("PUT", path, {"properties": {**kept, "tags": {"k": "v"}}}).status == 200
    assert service("GET", f"{ENVIRONMENTS}/churn").json["environmentVariables"] == {"A": "b"}


# Image builds


class Held:
    """A build that waits until a test lets it go."""

    def __init__(self, *, ok: bool = True) -> None:
        """Succeed if ``ok``."""
        self.ok = ok
        self.begun, self.go = threading.Event(), threading.Event()
        self.asked: tuple[str, ...] = ()

    def __call__(self, workspace: str, name: str, version: str, tell: Callable[[str], object]) -> BuildResult:
        self.asked = (workspace, name, version)
        self.thread = threading.current_thread()
        tell("Collecting a\n")
        self.begun.set()
        assert self.go.wait(10)
        tell("and more\n")
        if name == "broken":
            raise KeyError(name)
        return BuildResult(ok=self.ok, log="")

    def start(self, service: Callable[..., Answer], name: str = "churn") -> str:
        """Have an environment built, and return the path at which one asks how it goes."""
        service("PUT", f"{ENVIRONMENTS}/{name}/versions/1", DEFINITION)
        started = service("POST", f"{ENVIRONMENTS}/{name}/versions/1/image".replace("v1.0", "v2.0"), {})
        assert started.status == 202
        assert self.begun.wait(10)
        return str(started.json["location"]).removeprefix(f"https://{AML_HOST}")

    def finish(self) -> None:
        self.go.set()
        self.thread.join(10)


def built(store: Store, held: Held, name: str = "churn") -> tuple[str, str, list[dict[str, Any]]]:
    """Build an environment; return its log before and after the end, and what was told of its progress."""
    service = aml_caller(store, held)
    place = held.start(service, name)
    folder = store.blobs(names.storage_account(WORKSPACE)) / "azureml" / "ImageLogs" / place.rpartition("/")[2]
    before, first = (folder / "build.log").read_text("utf-8"), service("GET", place).json
    held.finish()
    return before, (folder / "build.log").read_text("utf-8"), [first, service("GET", place).json]


def image(store: Store, name: str = "churn") -> dict[str, Any]:
    service = aml_caller(store, Held())
    found: dict[str, Any] = service("GET", f"{ENVIRONMENTS}/{name}/versions/1/image").json
    assert service("GET", f"{ENVIRONMENTS}/{name}/image").json == found
    return found


def test_build_runs_in_the_background_and_its_log_grows(store: Store) -> None:
    held = Held()
    before, after, (first, last) = built(store, held)
    assert held.asked == (WORKSPACE, "churn", "1")
    assert (before, after) == ("Collecting a\n", "Collecting a\nand more\n")
    assert (first["status"], last["status"]) == ("Running", "Succeeded")
    blob = sas.Blob(names.storage_account(WORKSPACE), "azureml", first["logUrl"].split("/azureml/")[1].split("?")[0])
    assert first["logUrl"].startswith(f"{blob.url}?")


def test_log_is_in_the_storage_also_when_its_address_is_not_told(store: Store) -> None:
    held = Held()
    service = aml_caller(store, held)
    place = held.start(service)
    with store.edit("arm") as document:
        document[names.SUBSCRIPTION_ID][names.RESOURCE_GROUP][names.WORKSPACE]["log"] = "untold"
    held.finish()
    assert service("GET", place).json["logUrl"] is None
    path = f"ImageLogs/{place.rpartition('/')[2]}/build.log"
    signed = service("GET", f"/artifact/v2.0{WORKSPACE}/artifacts/contentinfo/{path}").json["contentUri"]
    blob = sas.Blob(names.storage_account(WORKSPACE), "azureml", path)
    assert signed.startswith(f"{blob.url}?")


def test_image_exists_once_it_was_built_also_for_the_next_run(store: Store) -> None:
    aml_caller(store, Held())("PUT", f"{ENVIRONMENTS}/churn/versions/1", DEFINITION)
    assert image(store)["imageExistsInRegistry"] is False
    built(store, Held())
    found = image(Store(store.root))
    assert found["imageExistsInRegistry"] is True
    assert found["dockerImage"]["name"].startswith("azureml/azureml_")
    assert found["dockerImage"]["registry"]["address"].endswith(".azurecr.io")
    assert found["pythonEnvironment"]["interpreterPath"].startswith("/azureml-envs/azureml_")


def test_image_is_named_by_content(store: Store) -> None:
    service = aml_caller(store, Held())
    for name, definition in (("churn", DEFINITION), ("twin", DEFINITION), ("other", OTHER)):
        service("PUT", f"{ENVIRONMENTS}/{name}/versions/1", definition)
    first, twin, other = (image(store, name)["dockerImage"]["name"] for name in ("churn", "twin", "other"))
    assert first == twin != other


@pytest.mark.parametrize(("held", "name"), [(Held(ok=False), "churn"), (Held(), "broken")])
def test_failed_build_says_so_and_leaves_no_image(store: Store, held: Held, name: str) -> None:
    _, log, told = built(store, held, name)
    assert told[-1]["status"] == "Failed"
    assert ("KeyError: 'broken'" in log) is (name == "broken")
    assert image(store, name)["imageExistsInRegistry"] is False


def test_build_survives_that_the_state_is_replaced(store: Store) -> None:
    held, pristine = Held(), store.read("arm")
    service = aml_caller(store, held)
    place = held.start(service)
    store.write("arm", pristine)
    held.finish()
    assert service("GET", place).status == 404
    assert store.read("arm") == pristine


def test_what_is_not_registered_is_not_built(service: Callable[..., Answer]) -> None:
    assert service("POST", f"{ENVIRONMENTS}/nope/versions/1/image".replace("v1.0", "v2.0"), {}).status == 404


# The builder's own files


def test_recipe_has_the_definition_with_credentials_and_builds_nothing(
    store: Store, service: Callable[..., Answer]
) -> None:
    feed = {"category": "PythonFeed", "target": "https://pkgs.dev.azure.com/acme", "authType": "PAT"}
    arm_caller(store)(
        "PUT", f"{WORKSPACE}/connections/feed", {"properties": {**feed, "credentials": {"pat": "fake-pat"}}}
    )
    blob = f"https://{names.storage_account(WORKSPACE)}.blob.core.windows.net/azureml/a-1-py3-none-any.whl"
    spec = {
        **SPEC,
        "dependencies": ["python=3.11.9", "pip=26.3", {"pip": ["--index-url https://pkgs.dev.azure.com/acme/", blob]}],
    }
    service("PUT", f"{ENVIRONMENTS}/churn/versions/1", {**DEFINITION, "python": {"condaDependencies": spec}})
    wanted = {"platform": "Linux", "useDocker": True}
    answer = service("POST", f"{ENVIRONMENTS}/churn/versions/1/recipe", wanted).json
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(answer["setupContentZip"]))) as archive:
        texts = {name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert texts["Dockerfile"].startswith(f"FROM {IMAGE}\n")
    mutated = yaml.safe_load(texts["mutated_conda_dependencies.yml"])
    assert mutated["dependencies"][-1]["pip"][0] == "--index-url https://fake-pat@pkgs.dev.azure.com/acme/"
    assert mutated["dependencies"][-1]["pip"][1].startswith(f"{blob}?")
    assert "sig=" in mutated["dependencies"][-1]["pip"][1]
    assert mutated["channels"] == SPEC["channels"]
    assert "builds" not in store.read("arm")
    assert service("POST", f"{ENVIRONMENTS}/churn/versions/1/recipe", {}).status == 400
    assert service("POST", f"{ENVIRONMENTS}/churn/versions/2/recipe", wanted).status == 404


def test_recipe_fails_where_a_build_would(store: Store, service: Callable[..., Answer]) -> None:
    for name in ("one", "two"):
        content = {
            "category": "PythonFeed",
            "target": "https://x.example",
            "authType": "PAT",
            "credentials": {"pat": "p"},
        }
        arm_caller(store)("PUT", f"{WORKSPACE}/connections/{name}", {"properties": content})
    spec = {**SPEC, "dependencies": [{"pip": ["--index-url https://x.example/simple/"]}]}
    service("PUT", f"{ENVIRONMENTS}/churn/versions/1", {**DEFINITION, "python": {"condaDependencies": spec}})
    wanted = {"platform": "Linux", "useDocker": True}
    status, text = message(service("POST", f"{ENVIRONMENTS}/churn/versions/1/recipe", wanted))
    assert (status, "Unique workspace connection" in text) == (400, True)
