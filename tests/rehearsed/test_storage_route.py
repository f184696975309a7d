"""`route: storage`: the wheel, or the whole lock, in a container of blobs, which Azurite keeps behind the proxy."""

import collections
import json
import os
import pathlib
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from rehearsal.artifacts import upstream
from rehearsal.builder.build import build
from rehearsal.proxy.world import World
from rehearsal.state import names
from rehearsal.state.names import OTHER_WORKSPACE, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE, workspace_id
from rehearsal.storage import roles
from rehearsed.steps import DEBUG, ROOT, WORKSPACE_LABEL, Result, Step, refused, sha256, write_wheel

pytestmark = pytest.mark.network  # npm brings Azurite, and two locks have public packages
HOST = rf"^{names.STORAGE_ACCOUNT}\.blob\.core\.windows\.net$"
OTHER_LABEL = f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}"
PRINCIPAL = names.guid("principal", names.CLIENT_ID)
# Small, pure, and hardly ever released; what they need is among them.
SIXTY = (
    "alabaster attrs babel blinker cachetools certifi click cloudpickle colorama decorator deprecated "
    "docutils et-xmlfile filelock fsspec gitdb gitpython humanize idna imagesize inflection "
    "iniconfig isodate itsdangerous jinja2 jmespath jsonpatch jsonpointer locket mako more-itertools nest-asyncio "
    "networkx oauthlib packaging partd pathspec platformdirs pluggy portalocker prettytable ptyprocess pexpect pyasn1 "
    "pyasn1-modules pycparser pygments pyparsing python-dateutil pytz retrying semver six smmap sniffio "
    "snowballstemmer sortedcontainers soupsieve tabulate termcolor texttable toml toolz tqdm typing-extensions "
    "tzdata uritemplate urllib3 wcwidth websocket-client xmltodict zict zipp"
).split()


def account(document: dict[str, Any]) -> dict[str, Any]:
    """Return the account's record, to be changed."""
    found: dict[str, Any] = document["accounts"][names.STORAGE_ACCOUNT]
    return found


def assign(world: World, principal: str, role: str = "") -> None:
    """Leave a principal this role on the account, or none."""
    with world.store.edit("storage") as document:
        scope = roles.account_id(world.store, names.STORAGE_ACCOUNT)
        others = [one for one in document["assignments"] if one["principal"] != principal]
        own = [{"scope": scope, "principal": principal, "role": role}] if role else []
        document["assignments"] = [*others, *own]


def release(step: Step, container: str, wheel: pathlib.Path, **more: Any) -> Result:  # noqa: ANN401
    """Release a wheel through the container, without a feed."""
    return step(wheel=wheel, feed="", route="storage", storage_container=container, verify="none", **more)


def stored(requests: list[dict[str, Any]]) -> list[str]:
    """Return the paths of the blobs that were stored, in order."""
    done = [line for line in requests if line["method"] == "PUT" and line["status"] == 201]
    parts = [urllib.parse.urlsplit(line["url"]) for line in done if ".blob." in line["url"]]
    return [each.path for each in parts if "comp=block&" not in f"{each.query}&"]


def receipt(result: Result) -> dict[str, Any]:
    """Return the receipt, which is valid by its schema."""
    said: dict[str, Any] = json.loads(result.files["aml-release.json"])
    jsonschema.validate(said, json.loads((ROOT / "templates/aml-release.schema.json").read_text("utf-8")))
    return said


def test_a_wheel_is_stored_once_and_each_workspace_builds_from_it(
    world: World, step: Step, container: str, wheel: pathlib.Path
) -> None:
    given: dict[str, Any] = {"wheel": wheel, "feed": "", "route": "storage", "storage_container": container}
    result = step(**given, workspace=(WORKSPACE_LABEL, OTHER_LABEL), env=DEBUG)
    assert result.status == 0, result.output
    address = f"{container}/acme-features/{wheel.name}"
    assert [line["url"] for line in result.writes if ".blob." in line["url"]] == [address]
    head = next(line for line in result.writes if ".blob." in line["url"])["request_headers"]
    assert (head["if-none-match"], head["x-ms-meta-sha256"]) == ("*", sha256(wheel))
    assert not [line for line in result.requests if "pkgs.dev.azure.com" in line["url"]]
    said = receipt(result)
    assert (said["route"], said["feed"], said["connection"]) == ("storage", None, None)
    pin = {"name": "acme-features", "version": "0.3.0", "url": address, "sha256": sha256(wheel)}
    assert said["storage"] == {"container": container, "mirror": True, "wheels": [pin]}  # it needs nothing else
    assert f"- {address} --hash=sha256:{sha256(wheel)}" in result.files["conda.yml"].decode()
    assert f"./dist/{wheel.name} --hash=" in result.files["requirements.lock"].decode()
    assert "eyJ" not in result.output  # no token, in whatever form
    environment = said["environment"]
    for each in (WORKSPACE, OTHER_WORKSPACE):
        assert build(world, workspace_id(each), environment["name"], environment["version"]).ok
    again = step(**given, workspace=(WORKSPACE_LABEL, OTHER_LABEL))
    assert (again.status, again.writes, again.outputs["changed"]) == (0, [], "false"), again.output
    assert again.released == result.released
    program: list[str | pathlib.Path] = [sys.executable, "-B", ROOT / "action" / "bootstrap.py", "consume"]
    companion = Step(world, step.scratch, step.caches, [*program, "--receipt", result.folder / "aml-release.json"])
    consumed = companion.plainly()
    assert (consumed.status, consumed.outputs["environment"]) == (0, environment["reference"]), consumed.output


def test_another_container_is_another_environment(step: Step, container: str, wheel: pathlib.Path) -> None:
    with step.world.store.edit("storage") as document:
        account(document)["containers"][names.CONTAINER] = None
    places = (container, names.container_url())
    runs = [release(step, each, wheel, dry_run="true", output_dir=each[-8:]) for each in places]
    assert [(run.status, run.writes) for run in runs] == [(0, [])] * 2
    assert len({receipt(run)["environment"]["version"] for run in runs}) == 2


def test_a_container_that_is_not_there_is_refused(step: Step, container: str, wheel: pathlib.Path) -> None:
    refused(release(step, f"{container}-x", wheel), 100, f"There is no container {container}-x (ContainerNotFound).")


def test_an_account_that_is_not_there_has_no_address(step: Step, wheel: pathlib.Path) -> None:
    refused(release(step, "https://nobody0.blob.core.windows.net/wheels", wheel), 70, "No connection to nobody0.blob.")


def test_a_firewall_is_told_from_a_missing_role(world: World, step: Step, container: str, wheel: pathlib.Path) -> None:
    with world.store.edit("storage") as document:
        account(document)["firewall"] = True
    refused(release(step, container, wheel), 102, "AuthorizationFailure", "Networking of the storage account")


@pytest.mark.parametrize("role", ["", "Storage Blob Data Reader", "Contributor"])
def test_who_may_not_store_is_refused_before_anything_happens(
    world: World, step: Step, container: str, wheel: pathlib.Path, role: str
) -> None:
    assign(world, PRINCIPAL, role)
    scope = roles.container_id(world.store, names.STORAGE_ACCOUNT, container.rpartition("/")[2])
    command = f"az role assignment create --role 'Storage Blob Data Contributor' --assignee CLIENT-ID --scope {scope}"
    refused(release(step, container, wheel), 101, command)


def test_where_nothing_is_told_the_upload_tells(world: World, step: Step, container: str, wheel: pathlib.Path) -> None:
    with world.store.edit("storage") as document:
        account(document)["hidden"] = True
    assign(world, PRINCIPAL, "Storage Blob Data Reader")
    result = release(step, container, wheel)
    assert result.status == 101, result.output
    assert "AuthorizationPermissionMismatch" in result.told
    assert "--scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/" in result.told
    assert [line["status"] for line in result.writes] == [403]  # nothing was registered
    assert not result.outputs


def test_other_bytes_under_the_name_are_refused(
    step: Step, container: str, wheel: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = write_wheel(tmp_path / "other", "acme-features", "0.3.0", text="changed")
    assert release(step, container, other, output_dir="first").status == 0
    refused(release(step, container, wheel), 103, f"sha256 {sha256(other)[:12]}…", "Bump the version")


@pytest.mark.parametrize("public", ["blob", "container"])
def test_a_container_that_is_open_to_anybody_is_refused(
    world: World, step: Step, container: str, wheel: pathlib.Path, public: str
) -> None:
    with world.store.edit("storage") as document:
        account(document).update(containers={container.rpartition("/")[2]: public}, allow_public=True)
    refused(
        release(step, container, wheel), 106, f"Anybody on the internet may read {container}", "--public-access off"
    )


def test_a_workspace_that_cannot_read_is_warned_of(
    world: World, step: Step, container: str, wheel: pathlib.Path
) -> None:
    name, identity = container.rpartition("/")[2], roles.identity(WORKSPACE)
    assign(world, identity)
    result = release(step, container, wheel)
    assert result.status == 0, result.output
    scope = roles.container_id(world.store, names.STORAGE_ACCOUNT, name)
    command = f"az role assignment create --role 'Storage Blob Data Reader' --assignee {identity} --scope {scope}"
    assert command in result.told
    said = receipt(result)["environment"]
    assert not build(world, workspace_id(), said["name"], said["version"]).ok
    assign(world, identity, "Storage Blob Data Reader")
    assert build(world, workspace_id(), said["name"], said["version"]).ok


def test_an_answer_that_was_lost_is_no_conflict(world: World, step: Step, container: str, wheel: pathlib.Path) -> None:
    world.fail({"host": HOST, "method": "PUT", "status": 503, "times": 1, "after": True})
    result = release(step, container, wheel)
    assert result.status == 0, result.output
    assert [line["status"] for line in result.writes if ".blob." in line["url"]] == [503, 409]


def test_what_comes_from_the_feed_is_mirrored_too_and_needs_no_connection(
    world: World, step: Step, container: str, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "base", "acme-base", "2.1"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.4.0", requires=["acme-base"])
    given: dict[str, Any] = {"wheel": wheel, "route": "storage", "storage_container": container, "mirror": "true"}
    result = step(**given, env={"AMLWHEEL_CONNECTION_TOKEN": ""})
    assert result.status == 0, result.output
    said = receipt(result)
    assert [each["name"] for each in said["storage"]["wheels"]] == ["acme-base", "acme-features"]
    assert (said["connection"], world.workspace()["connections"]) == (None, {})
    assert "--extra-index-url" in result.files["requirements.lock"].decode()
    assert "pkgs.dev.azure.com" not in result.files["conda.yml"].decode()
    world.cut_off()
    assert build(world, workspace_id(), said["environment"]["name"], said["environment"]["version"]).ok


def test_without_a_mirror_the_feed_is_read_with_its_connection(
    world: World, step: Step, container: str, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "base", "acme-base", "2.1"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.5.0", requires=["acme-base"])
    result = step(wheel=wheel, route="storage", storage_container=container)
    assert result.status == 0, result.output
    assert [kind for _, kind in result.written] == ["blob", "connections", "environments"]
    said = receipt(result)["environment"]
    assert build(world, workspace_id(), said["name"], said["version"]).ok


@pytest.mark.long
def test_two_runs_at_once_end_in_one_container(step: Step, container: str, wheel: pathlib.Path) -> None:
    def run(name: str) -> Result:
        return release(step, container, wheel, mirror="true", requirements="six\nidna", output_dir=name)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(run, ("one", "other"))
    assert (one.status, other.status) == (0, 0), one.output + other.output
    assert one.files["conda.yml"] == other.files["conda.yml"]
    counts = collections.Counter(stored(step.world.requests()))
    assert max(counts[each] for each in counts if container.rpartition("/")[2] in each) == 1
    again = run("again")
    assert (again.status, again.writes) == (0, []), again.output
    read = [line["url"] for line in again.requests if line["method"] == "GET" and line["url"].endswith(".whl")]
    assert read == [f"{container}/acme-features/{wheel.name}"]  # of mirrored ones size and note are enough


@pytest.mark.long
def test_a_mirror_that_was_killed_is_completed_and_images_need_no_index(
    world: World, step: Step, container: str, wheel: pathlib.Path
) -> None:
    def kill(pid: int) -> None:
        while len(stored(world.requests()[seen:])) < 25:
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)

    def watch(pid: int) -> None:
        threading.Thread(target=kill, args=(pid,), daemon=True).start()

    seen = len(world.requests())
    given: dict[str, Any] = {
        "wheel": wheel,
        "feed": "",
        "route": "storage",
        "storage_container": container,
        "mirror": "true",
    }
    given["requirements"] = "\n".join(SIXTY)
    world.fail({"host": HOST, "method": "PUT", "delay": 0.25})
    killed = step(**given, watch=watch)
    assert killed.status == -signal.SIGKILL, killed.output
    time.sleep(1)  # what was on its way arrives
    world.fail()
    result = step(**given)
    assert result.status == 0, result.output
    said = receipt(result)
    locked = said["storage"]["wheels"]
    assert said["storage"]["mirror"]
    assert len(locked) == said["lock"]["packages"] > 60
    assert "CREATE mirror of " in result.told
    paths = stored(world.requests()[seen:])
    assert len(set(paths)) == len(paths)  # none was stored twice
    assert set(paths) <= {urllib.parse.urlsplit(each["url"]).path for each in locked}
    missing = [line["url"] for line in result.requests if (line["method"], line["status"]) == ("HEAD", 404)]
    assert sorted(each["url"] for each in result.writes if ".blob." in each["url"]) == sorted(missing)
    assert 0 < len(missing) <= len(locked) - 25
    world.cut_off()
    proxy = urllib.request.ProxyHandler({"https": f"http://127.0.0.1:{world.port}"})
    with pytest.raises(urllib.error.URLError, match="403"):
        urllib.request.build_opener(proxy).open(upstream.index_url())
    before = len(world.requests())
    built = build(world, workspace_id(), said["environment"]["name"], said["environment"]["version"])
    assert built.ok, built.log
    assert len(built.installed) == len(locked)
    assert not [line for line in world.requests()[before:] if line.get("refused")]
