"""The main job: from a project, or wheels, to a registered environment; and again, without changing anything."""

import json
import pathlib
import re
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from amlwheel.report.outputs import OUTPUTS
from amlwheel.transport import landlock
from rehearsal.builder.build import BuildResult, build
from rehearsal.command.projects import commit
from rehearsal.proxy.world import World, is_write
from rehearsal.state.names import (
    FEED,
    MIRROR_FEED,
    ORGANIZATION,
    ORGANIZATION_FEED,
    OTHER_WORKSPACE,
    PROJECT,
    READ_TOKEN,
    RESOURCE_GROUP,
    SPACED_PROJECT,
    SUBSCRIPTION_ID,
    TOKEN_REGISTRY,
    WORKSPACE,
    workspace_id,
)
from rehearsed.steps import (
    EMITTED,
    FEED_LABEL,
    PROJECTS,
    ROOT,
    SIGN_IN,
    WORKSPACE_LABEL,
    Result,
    Step,
    in_feed,
    released,
    sha256,
    waits,
    write_wheel,
)

PAGE = {"Content-Type": "text/html"}
SLOW = 0.8  # seconds an answer takes: longer than it takes to ask for all that doesn't wait for one another
RELEASE = [("POST", "upload"), ("PUT", "connections"), ("PUT", "environments")]


def registered(world: World, result: Result, workspace: str = WORKSPACE) -> dict[str, Any]:
    """Return the properties of the environment that a run says it registered."""
    name, version = result.outputs["environment-name"], result.outputs["environment-version"]
    found: dict[str, Any] = world.workspace(workspace)["environments"][name][version]["properties"]
    return found


def pins(result: Result) -> dict[str, str]:
    """Return the emitted lock's lines by package, each with what follows its name."""
    lines = result.files["requirements.lock"].decode().splitlines()
    return dict(line.split("==", 1) for line in lines if "==" in line)


def test_a_project_becomes_a_registered_environment_and_the_second_run_changes_nothing(
    step: Step, world: World, features: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    first = step(package_dir=features)
    assert first.status == 0, first.output
    assert first.written == RELEASE
    assert not [line["url"] for line in first.requests if line.get("refused")]
    assert first.outputs.keys() == OUTPUTS.keys()
    assert all(first.outputs.values())
    assert first.outputs["changed"] == "true"
    wheel = "acme_features-0.3.0-py3-none-any.whl"
    assert first.files.keys() == EMITTED | {f"dist/{wheel}"}
    assert in_feed(world) == {wheel: sha256(first.folder / "dist" / wheel)} == {wheel: first.outputs["wheel-sha256"]}
    (connection,) = world.workspace()["connections"].values()
    assert connection["properties"]["target"] == f"https://pkgs.dev.azure.com/{ORGANIZATION}"
    assert connection["properties"]["credentials"] == {"pat": READ_TOKEN}
    assert registered(world, first)["condaFile"] == first.files["conda.yml"].decode()

    trace = tmp_path / "trace.json"
    again = step(package_dir=features, trace=trace)
    if landlock.version():  # what the project declares was locked while it was built, and that counted
        spans = json.loads(trace.read_text("utf-8"))["traceEvents"]
        begins = [each["ts"] for each in spans if each.get("name") == "uv pip compile"]
        assert len(begins) == 1  # without requirements there is no question but this
        assert begins < [each["ts"] for each in spans if each.get("name") == "Lock"]
    assert again.status == 0, again.output
    assert again.writes == []
    assert again.outputs == first.kept
    assert again.released == first.released


def test_few_requests_wait_for_one_another(step: Step, world: World, wheel: pathlib.Path) -> None:
    """A first release waits ten times for an answer: three times before its plan, and so in a run without a change."""
    world.fail({"delay": SLOW})
    first = step(wheel=wheel, verify="files")
    assert first.written == RELEASE
    planned = next(each for each in first.requests if "/environments/" in each["url"] or "osv.dev" in each["url"])
    # What is asked before begins when the step has loaded what asks, so its order says nothing. Each service is asked a
    # second time for what the first answer has told; Azure once, after two answers of Entra.
    before = [urlsplit(each["url"]).netloc for each in first.requests[: first.requests.index(planned)]]
    assert before.count("login.microsoftonline.com") == 2
    assert before.count("feeds.dev.azure.com") <= 3
    assert before.count("management.azure.com") == 3  # at once
    chain = waits(first.requests[len(before) :], SLOW)
    assert len(chain) <= 7, chain
    assert [number for number, url in enumerate(chain) if url.endswith("/upload/")] == [1]


def test_the_emitted_files_agree_with_each_other(step: Step, wheel: pathlib.Path) -> None:
    result = step(wheel=wheel, dry_run="true")
    files, outputs = result.files, result.outputs
    asset, conda = yaml.safe_load(files["environment.yml"]), yaml.safe_load(files["conda.yml"])
    receipt, core = json.loads(files["aml-release.json"]), json.loads(files["azureml_environment.json"])
    jsonschema.validate(receipt, json.loads((ROOT / "templates" / "aml-release.schema.json").read_text()))
    assert (
        outputs["environment"] == f"azureml:{asset['name']}:{asset['version']}" == receipt["environment"]["reference"]
    )
    assert asset["image"] == receipt["environment"]["image"] == core["docker"]["baseImage"]
    assert conda == core["python"]["condaDependencies"]
    option, hashed, *requirements = conda["dependencies"][-1]["pip"]
    assert (option, hashed) == (f"--extra-index-url {outputs['index-url']}", "--require-hashes")
    assert requirements == [f"acme-features==0.3.0 --hash=sha256:{sha256(wheel)}"]
    assert files["requirements.lock"].decode().splitlines()[1:] == [option, *requirements]
    for name in ("environment-file", "conda-file", "lock-file", "receipt", "wheel"):
        assert pathlib.Path(outputs[name]).is_file()


def test_a_dry_run_changes_nothing_and_tells_all_that_the_real_run_then_does(step: Step, wheel: pathlib.Path) -> None:
    planned = step(wheel=wheel, dry_run="true")
    assert planned.status == 0, planned.output
    assert planned.writes == []
    assert "Would release azureml:acme-features:" in planned.output
    real = step(wheel=wheel)
    assert real.written == RELEASE
    assert real.released == planned.released
    assert real.outputs == planned.outputs
    idle = step(wheel=wheel, dry_run="true")
    assert idle.outputs == real.kept
    assert idle.released == real.released


def test_a_second_workspace_gets_what_the_first_one_has(step: Step, world: World, wheel: pathlib.Path) -> None:
    one = step(wheel=wheel)
    both = step(wheel=wheel, workspace=(WORKSPACE_LABEL, f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{OTHER_WORKSPACE}"))
    assert both.status == 0, both.output
    assert both.written == [("PUT", "connections"), ("PUT", "environments")]
    assert all(f"/workspaces/{OTHER_WORKSPACE}/" in line["url"] for line in both.writes)
    studio = both.outputs["studio-url"].split(", ")
    assert (studio[0], len(studio)) == (one.outputs["studio-url"], 2)
    targets = json.loads(both.outputs["environments"])
    assert [(each["changed"], each["studio-url"]) for each in targets] == [(False, studio[0]), (True, studio[1])]
    more = {name: both.outputs[name] for name in ("studio-url", "environments")}
    assert both.outputs == {**one.outputs, **more}
    assert registered(world, both)["condaFile"] == registered(world, both, OTHER_WORKSPACE)["condaFile"]


def test_a_network_that_keeps_images_from_being_built_is_warned_of(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    """Each warning foretells a build that fails; where its command was run, the build goes on to the next."""
    closed: dict[str, Any] = {"isolationMode": "AllowOnlyApprovedOutbound", "outboundRules": {}}
    network: dict[str, Any] = {"publicNetworkAccess": "Disabled", "managedNetwork": closed}
    held(world, network)
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert result.output.count("warning: ") == 3
    assert f"az ml workspace update --name {WORKSPACE} " in result.told
    assert "--type fqdn --destination pkgs.dev.azure.com" in result.told
    assert "the hosts of conda-forge" in result.told
    assert "ImageBuildComputeNotValid" in image(world, result).log
    held(world, {**network, "imageBuildCompute": "CLUSTER"})
    assert "pkgs.dev.azure.com: no rule of the managed network" in image(world, result).log
    closed["outboundRules"]["packages"] = {"type": "FQDN", "destination": "pkgs.dev.azure.com"}
    held(world, {**network, "imageBuildCompute": "CLUSTER"})
    assert "the channel conda-forge" in image(world, result).log
    closed["outboundRules"]["public"] = {"type": "FQDN", "destination": "*.example"}
    held(world, {**network, "imageBuildCompute": "CLUSTER"})
    assert image(world, result).ok
    again = step(wheel=wheel)
    assert (again.status, again.writes, again.output.count("warning: ")) == (0, [], 0), again.output


def held(world: World, network: dict[str, Any]) -> None:
    """Give the workspace such a network."""
    with world.store.edit("arm") as document:
        document[SUBSCRIPTION_ID][RESOURCE_GROUP][WORKSPACE]["network"] = network


def image(world: World, released: Result) -> BuildResult:
    names = released.outputs
    return build(world, workspace_id(), names["environment-name"], names["environment-version"])


def test_several_packages_share_one_environment_that_the_first_one_leads(
    step: Step, world: World, features: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    colours = commit(PROJECTS / "backends" / "hatchling", tmp_path / "colours")
    result = step(package_dir=(colours, features))
    assert result.status == 0, result.output
    assert result.outputs["package-name"] == "acme-hatchling, acme-features"
    assert result.outputs["package-version"] == "0.1.0, 0.3.0"
    assert result.outputs["environment"].startswith("azureml:acme-hatchling:0.1.0-")
    assert result.outputs["wheel-sha256"].split(", ") == [sha256(tmp_path / "work" / path) for path in wheels(result)]
    assert len(in_feed(world)) == 2
    assert result.written == [RELEASE[0], *RELEASE]
    assert pins(result).keys() == {"acme-features", "acme-hatchling"}
    assert step(package_dir=(colours, features)).writes == []


def wheels(result: Result) -> list[str]:
    return result.outputs["wheel"].split(", ")


def test_wheels_built_earlier_are_found_by_patterns(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    built = tmp_path / "work" / "dist"
    write_wheel(built, "acme-core", "1.0")
    write_wheel(built / "more", "acme-features", "0.3.0", requires=["acme-core>=1"])
    (built / "more" / "notes.txt").write_text("no wheel")
    result = step(wheel=("dist/**/acme_features-*", "dist/*.whl"))
    assert result.status == 0, result.output
    assert result.outputs["package-name"] == "acme-features, acme-core"
    assert in_feed(world).keys() == {path.name for path in built.rglob("*.whl")}


@pytest.mark.long
@pytest.mark.parametrize(
    ("spelling", "index"),
    [
        (
            f"https://{ORGANIZATION}.pkgs.visualstudio.com/{PROJECT}/_packaging/{FEED}/pypi/simple/",
            f"{PROJECT}/_packaging/{FEED}",
        ),
        (f"https://dev.azure.com/{ORGANIZATION}/{PROJECT}/_artifacts/feed/{FEED}", f"{PROJECT}/_packaging/{FEED}"),
        (f"{ORGANIZATION}/{ORGANIZATION_FEED}", f"_packaging/{ORGANIZATION_FEED}"),
        (f"{ORGANIZATION}/{SPACED_PROJECT}/lab", "Data%20Science/_packaging/lab"),
    ],
)
def test_every_kind_of_feed(step: Step, world: World, wheel: pathlib.Path, spelling: str, index: str) -> None:
    result = step(wheel=wheel, feed=spelling)
    assert result.status == 0, result.output
    assert result.outputs["index-url"] == f"https://pkgs.dev.azure.com/{ORGANIZATION}/{index}/pypi/simple/"
    assert in_feed(world, index.rpartition("/")[2]) == {wheel.name: sha256(wheel)}
    assert step(wheel=wheel, feed=spelling).writes == []


def test_an_image_of_a_registry_that_wants_a_token(step: Step, wheel: pathlib.Path) -> None:
    tagged = step(wheel=wheel, dry_run="true", base_image=f"{TOKEN_REGISTRY}/ml/base:1.0")
    assert tagged.status == 0, tagged.output
    image = json.loads(tagged.files["aml-release.json"])["environment"]["image"]
    assert re.fullmatch(rf"{TOKEN_REGISTRY}/ml/base@sha256:[0-9a-f]{{64}}", image)
    pinned = step(wheel=wheel, dry_run="true", base_image=image)
    assert not [line for line in pinned.requests if TOKEN_REGISTRY in line["url"]]
    assert pinned.outputs == tagged.outputs


@pytest.mark.long
def test_the_version_of_the_environment_follows_its_content(step: Step, tmp_path: pathlib.Path) -> None:
    def version(wheel: pathlib.Path, *more: str) -> str:
        result = step(*more, wheel=wheel, dry_run="true")
        assert result.status == 0, result.output
        return result.outputs["environment-version"]

    wheel = write_wheel(tmp_path / "a", "acme-features", "0.3.0")
    usual = version(wheel)
    assert re.fullmatch(r"0\.3\.0-[0-9a-f]{12}", usual)
    elsewhere = write_wheel(tmp_path / "b", "acme-features", "0.3.0")
    assert version(elsewhere, "--environment-name=another", f"--output-dir={tmp_path / 'other'}") == usual
    others = [
        version(write_wheel(tmp_path / "c", "acme-features", "0.3.0", text="changed")),
        version(wheel, "--python-version=3.12"),
        version(wheel, "--base-image=mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251025.v1"),
        version(wheel, "--requirements=acme-features>=0.2"),
    ]
    assert len({usual, *others[:3]}) == 4
    assert others[3] == usual  # asks for nothing new


# --- where packages come from


@pytest.mark.long
@pytest.mark.network
def test_requirements_are_lines_or_a_file_and_each_is_another_environment(step: Step, wheel: pathlib.Path) -> None:
    lines = step(wheel=wheel, requirements=("iniconfig==2.3.1", "six  # a comment"), dry_run="true")
    assert lines.status == 0, lines.output
    assert pins(lines).keys() == {"acme-features", "iniconfig", "six"}
    (step.folder("work") / "more.txt").write_text("# one a line\niniconfig == 2.3.1\n\nsix\n")
    file = step(wheel=wheel, requirements="more.txt", dry_run="true")
    assert file.outputs == lines.outputs
    fewer = step(wheel=wheel, requirements="iniconfig==2.3.1", dry_run="true")
    assert fewer.outputs["environment-version"] != lines.outputs["environment-version"]
    assert fewer.outputs["environment-version"].startswith("0.3.0-")


def test_private_dependencies_of_private_dependencies_come_from_the_feed(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    seeds = tmp_path / "seeds"
    base = write_wheel(seeds, "acme-base", "4.2")
    core = write_wheel(seeds, "acme-core", "1.1", requires=["acme-base>=4"])
    for each in (base, core, write_wheel(seeds, "acme-base", "3.9")):
        world.seed_wheel(each)
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert pins(result) == {
        "acme-base": f"4.2 --hash=sha256:{sha256(base)}",
        "acme-core": f"1.1 --hash=sha256:{sha256(core)}",
        "acme-features": f"0.3.0 --hash=sha256:{sha256(wheel)}",
    }
    assert step(wheel=wheel).writes == []


@pytest.mark.network
@pytest.mark.parametrize(
    ("asked", "version"),
    [("six", "0.1"), ("python-dateutil==2.9.0.post0", "1.6")],
    ids=["by-our-package", "by-a-public-package"],
)
def test_nobody_can_put_a_public_package_before_the_feeds_own(
    step: Step, world: World, tmp_path: pathlib.Path, asked: str, version: str
) -> None:
    ours = write_wheel(tmp_path / "seeds", "six", version)
    world.seed_wheel(ours)
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=[asked])
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert pins(result)["six"] == f"{version} --hash=sha256:{sha256(ours)}"


@pytest.mark.network
def test_where_nobody_tells_the_feeds_own_names_the_feed_goes_first(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    """A token may be good for packages and not for Azure DevOps' own interface, which answers with a page then."""
    ours = write_wheel(tmp_path / "seeds", "six", "0.2")
    world.seed_wheel(ours)
    world.fail({"host": r"^(feeds\.)?dev\.azure\.com$", "status": 203, "body": SIGN_IN, "headers": PAGE})
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["six", "iniconfig==2.3.1"])
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert pins(result)["six"] == f"0.2 --hash=sha256:{sha256(ours)}"
    assert pins(result).keys() == {"acme-features", "iniconfig", "six"}


@pytest.mark.network
def test_index_only_takes_public_packages_through_the_feed(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["iniconfig==2.3.1"])
    feed = f"{ORGANIZATION}/{PROJECT}/{MIRROR_FEED}"
    result = step(wheel=wheel, feed=feed, index="only")
    assert result.status == 0, result.output
    assert pins(result).keys() == {"acme-features", "iniconfig"}
    conda = yaml.safe_load(result.files["conda.yml"])
    assert conda["dependencies"][-1]["pip"][0] == f"--index-url {result.outputs['index-url']}"
    assert in_feed(world, MIRROR_FEED).keys() == {wheel.name}
    assert step(wheel=wheel, feed=feed, index="only").writes == []


def test_without_an_upstream_index_only_knows_the_feeds_packages_alone(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "acme-core", "1.2"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    assert step(wheel=wheel, index="only").status == 0
    refused = step(wheel=wheel, index="only", requirements="six")
    assert refused.status == 59
    assert "give the feed the public index as an upstream" in refused.told
    assert refused.writes == []


# --- the command for people


@pytest.mark.network
def test_the_rehearsal_of_the_sample_project_twice(tmp_path: pathlib.Path, caches: dict[str, str]) -> None:
    def rehearse() -> tuple[str, dict[str, bytes], list[dict[str, Any]]]:
        command = [sys.executable, "-B", str(ROOT / "scripts" / "rehearse"), "--keep", str(tmp_path)]
        done = subprocess.run(command, env={**rehearsing, **caches}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        files = {name: (tmp_path / name).read_bytes() for name in EMITTED}
        log = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text("utf-8").splitlines()]
        assert (tmp_path / "log.txt").read_text("utf-8") in done.stdout
        return done.stdout, files, log

    rehearsing = dict(Step.inherited())
    first, files, log = rehearse()
    assert re.search(r"^Released azureml:acme-churn:1\.4\.0-[0-9a-f]{12}$", first, re.MULTILINE)
    assert "\nchanged=true\n" in first
    assert sum(map(is_write, log)) == 3
    lock = files["requirements.lock"].decode()
    assert all(f"\n{name}==" in lock for name in ("acme-churn", "azureml-mlflow", "numpy", "pandas", "scikit-learn"))
    assert all("--hash=sha256:" in line for line in lock.splitlines() if "==" in line)

    second, same_files, log = rehearse()
    assert "\nchanged=false\n" in second
    assert not any(map(is_write, log))
    assert released(same_files) == released(files)
    assert FEED_LABEL in second
