"""Packages come from where the project says, or the run stops: PyTorch's index, commits, folders, other indexes."""

import json
import pathlib
import re
import shutil
import subprocess
import textwrap
from typing import Any

import jsonschema
import pytest
import yaml
from rehearsal.builder.build import build
from rehearsal.command.projects import commit
from rehearsal.git_host import repositories
from rehearsal.proxy.world import World
from rehearsal.state.names import ORGANIZATION, ORGANIZATION_FEED, REPOSITORY, workspace_id
from rehearsed import checkouts
from rehearsed.steps import PROJECTS, ROOT, Result, Step, in_feed, refused, sha256, write_wheel

CPU, CU126 = "https://download.pytorch.org/whl/cpu", "https://download.pytorch.org/whl/cu126"
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


@pytest.fixture
def torch(world: World, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a small torch in PyTorch's index for CPUs; torchvision is there, too."""
    made = write_wheel(tmp_path / "cpu", "torch", "2.5.1+cpu", requires=["idna"])
    world.seed_torch(made)
    world.seed_torch(write_wheel(tmp_path / "cpu", "torchvision", "0.20.1+cpu", requires=["torch==2.5.1"]))
    return made


def project(place: pathlib.Path, name: str, requires: str, more: str = "") -> pathlib.Path:
    """Write a project, and return its folder."""
    module = name.replace("-", "_")
    (place / "src" / module).mkdir(parents=True)
    (place / "src" / module / "__init__.py").write_text("")
    head = f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = {requires}\n'
    (place / "pyproject.toml").write_text(f"{BUILD}{head}{textwrap.dedent(more)}", "utf-8")
    return place


def items(result: Result) -> list[str]:
    """Return the items of the `pip:` list in conda.yml."""
    assert result.status == 0, result.output
    listed: list[str] = yaml.safe_load(result.files["conda.yml"])["dependencies"][-1]["pip"]
    return listed


def installs(world: World, result: Result) -> tuple[str, ...]:
    """Let the image builder install what was registered."""
    name, version = result.outputs["environment-name"], result.outputs["environment-version"]
    built = build(world, workspace_id(), name, version)
    assert built.ok, built.log
    return built.installed


@pytest.mark.network
def test_the_index_that_uvs_table_names_for_a_package(
    step: Step, world: World, torch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    place = commit(PROJECTS / "cases/torch-index", tmp_path / "torch-index")
    result = step(package_dir=place)
    listed = items(result)
    assert listed[:2] == [listed[0], f"--extra-index-url {CPU}"]
    assert f"torch==2.5.1+cpu --hash=sha256:{sha256(torch)}" in listed
    assert not [each for each in listed if "nvidia" in each]
    assert f"torch from {CPU}" in result.told
    assert f"--extra-index-url {CPU}" in result.files["requirements.lock"].decode()
    bom = json.loads(result.files["sbom.cdx.json"])
    purls = [each["purl"] for each in bom["components"] if each["name"] == "torch"]
    assert "download.pytorch.org" in purls[0]
    assert "torch 2.5.1+cpu" in installs(world, result)
    again = step(package_dir=place)
    assert again.writes == []


def test_a_deep_package_comes_from_its_index_too(
    step: Step, world: World, torch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    made = write_wheel(tmp_path / "wheels", "acme-vision", "1.0", requires=["torchvision==0.20.1"])
    day = "2026-01-15T12:00:00Z"  # PyTorch's index tells no upload times
    result = step(wheel=made, torch_backend="cpu", python_version="3.11", exclude_newer=day)
    listed = items(result)
    assert f"no limit for index {CPU}: it has no upload times" in result.told
    assert f"torch==2.5.1+cpu --hash=sha256:{sha256(torch)}" in listed
    assert "torchvision==0.20.1+cpu" in "".join(listed)
    assert f"torch, torchvision from {CPU}" in result.told
    assert {"torch 2.5.1+cpu", "torchvision 0.20.1+cpu"} <= {*installs(world, result)}


def test_a_fork_by_commit_is_not_the_public_package(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    place = commit(PROJECTS / "cases/uv-source-git", tmp_path / "uv-source-git")
    told = (
        "more-itertools comes from git https://github.com/acme/more-itertools-fork rev abc1234 by [tool.uv.sources] of",
        "neither part of this run nor published to acme/ml/wheels.",
        "it would give the public package of that name",
        "Write the commit's whole id into [tool.uv.sources] of",
        "Then set `--from-source` to more-itertools: the step builds that commit. Or publish it to the feed.",
    )
    refused(step(package_dir=place), 88, *told)
    world.seed_wheel(write_wheel(tmp_path, "more-itertools", "99.1"))
    result = step(package_dir=place)
    assert "more-itertools==99.1" in "".join(items(result))


@pytest.mark.long
def test_a_fork_is_built_from_its_commit(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    fork = commit(project(tmp_path / "fork/py", "more-itertools", "[]").parent, tmp_path / "pushed")
    address = "https://github.com/acme/more-itertools-fork"
    world.push(fork, address)
    text = (PROJECTS / "cases/uv-source-git/pyproject.toml").read_text("utf-8")
    place = commit(PROJECTS / "cases/uv-source-git", tmp_path / "proj")
    (place / "pyproject.toml").write_text(text.replace('rev = "abc1234"', 'rev = "abc1234", subdirectory = "py"'))
    refused(
        step(package_dir=place, from_source="more-itertools"),
        88,
        "rev abc1234 by [tool.uv.sources]",
        "a shortened id may become ambiguous",
    )
    git = [shutil.which("git") or "git", "-C", str(fork), "rev-parse", "HEAD"]
    head = subprocess.check_output(git, encoding="utf-8").strip()
    (place / "pyproject.toml").write_text(text.replace('rev = "abc1234"', f'rev = "{head}", subdirectory = "py"'))
    refused(step(package_dir=place, from_source="more-itertools"), 88, "isn't public: such a build gets no token.")
    with world.store.edit("git") as document:
        document["public"] = ["github.com/acme/more-itertools-fork"]
    result = step(package_dir=place, from_source="more-itertools")
    assert "more-itertools==1.0" in "".join(items(result))
    assert "more_itertools-1.0-0amlwheel-py3-none-any.whl" in in_feed(world)
    receipt = json.loads(result.files["aml-release.json"])
    assert f"git+{address}@{head}#subdirectory=py" in json.dumps(receipt["from_source"])
    jsonschema.validate(receipt, json.loads((ROOT / "templates/aml-release.schema.json").read_text("utf-8")))
    assert "more_itertools 1.0" in installs(world, result)
    assert step(package_dir=place, from_source="more-itertools").writes == []


def test_the_other_case_of_a_fork(step: Step, tmp_path: pathlib.Path) -> None:
    place = commit(PROJECTS / "cases/uv-git-source", tmp_path / "uv-git-source")
    revision = "rev 6fdee8f2727f4506cfbbe553e23b895e27956588"
    refused(step(package_dir=place), 88, f"git https://github.com/facebookresearch/segment-anything {revision} by")


@pytest.mark.network
def test_a_member_of_the_workspace_is_built_as_well_or_nothing_is(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    place = commit(PROJECTS / "cases/mono", tmp_path / "mono")
    train, core = place / "packages/acme-train", place / "packages/acme-core"
    result = step(package_dir=train)
    refused(result, 88, "acme-core comes from", "by [tool.uv.sources] of", "Add a line to `--package-dir`: ")
    added = result.told.partition("Add a line to `--package-dir`: ")[2].split()[0].rstrip(".")
    both = step(package_dir=(train, step.folder("work") / added))
    assert (step.folder("work") / added).resolve() == core
    assert "acme-core==0.3.0" in "".join(items(both))
    assert "acme_core 0.3.0" in installs(world, both)


def test_a_neighbour_in_the_checkout_is_never_asked_of_the_public_index(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    root = tmp_path / "origin"
    project(root / "libs/idna", "idna", "[]")
    project(root / "app", "acme-app", '["idna"]')
    place = commit(root, tmp_path / "checkout")
    refused(step(package_dir=place / "app"), 88, "idna is developed in", "libs/idna of the same checkout")
    world.seed_wheel(write_wheel(tmp_path, "idna", "77.0"))
    assert "idna==77.0" in "".join(items(step(package_dir=place / "app")))


TABLES = {
    "uv, with markers": (
        """
        [tool.uv.sources]
        torch = [
          {{ index = "gpu", marker = "sys_platform == 'darwin'" }},
          {{ index = "cpu", marker = "sys_platform != 'darwin'" }},
        ]
        [[tool.uv.index]]
        name = "cpu"
        url = "{cpu}"
        explicit = true
        [[tool.uv.index]]
        name = "gpu"
        url = "{cu126}"
        explicit = true
        """
    ),
    "Poetry": (
        """
        [tool.poetry.dependencies]
        torch = {{ source = "cpu" }}
        [[tool.poetry.source]]
        name = "cpu"
        url = "{cpu}/"
        priority = "explicit"
        """
    ),
    "PDM": (
        """
        [[tool.pdm.source]]
        name = "cpu"
        url = "{cpu}"
        include_packages = ["torch*"]
        """
    ),
    "uv, before the public index": (
        """
        [[tool.uv.index]]
        name = "cpu"
        url = "{cpu}"
        """
    ),
}


@pytest.mark.parametrize("tool", TABLES)
def test_each_tools_table(step: Step, world: World, torch: pathlib.Path, tmp_path: pathlib.Path, tool: str) -> None:
    del torch
    more = TABLES[tool].format(cpu=CPU, cu126=CU126)
    result = step(package_dir=project(tmp_path / "proj", "acme-torch", '["torch==2.5.1"]', more))
    listed = items(result)
    assert listed[1].rstrip("/") == f"--extra-index-url {CPU}"
    assert "torch==2.5.1+cpu" in "".join(listed)
    assert f"torch from {CPU}" in result.told
    assert ("is asked before the public index for every package" in result.told) == (tool.endswith("public index"))
    assert "torch 2.5.1+cpu" in installs(world, result)


@pytest.mark.long
def test_inputs_and_tables_must_agree(step: Step, torch: pathlib.Path, tmp_path: pathlib.Path) -> None:
    del torch
    place = project(tmp_path / "proj", "acme-torch", '["torch==2.5.1"]', TABLES["PDM"].format(cpu=CPU))
    refused(
        step(package_dir=place, torch_backend="cu126"), 89, CU126, f"torch* comes from {CPU} by [[tool.pdm.source]] of"
    )
    refused(step(package_dir=place, torch_backend="cpu", package_indexes=f"{CU126} torch"), 89, "Leave torch out of")
    refused(step(package_dir=place, index="only"), 89, "Set `--index` to extra")
    refused(step(package_dir=place, index="only", torch_backend="cpu"), 89, "leave `--torch-backend` out")
    assert "torch==2.5.1+cpu" in "".join(items(step(package_dir=place, package_indexes=f"{CPU} torch")))


def test_no_credential_in_an_index(step: Step, torch: pathlib.Path, tmp_path: pathlib.Path) -> None:
    del torch
    secret = CPU.replace("//", "//me:fake-hidden@")
    place = project(tmp_path / "proj", "acme-torch", '["torch==2.5.1"]', TABLES["PDM"].format(cpu=secret))
    result = step(package_dir=place)
    refused(result, 97, f"its address, {CPU}, has a user name, a token or a variable in it")
    given = step(package_dir=place, package_indexes=f"{secret} torch")
    refused(given, 10, "`--package-indexes`", "without a credential")
    assert "fake-hidden" not in result.output + given.output


def test_an_index_that_lacks_its_package(step: Step, tmp_path: pathlib.Path) -> None:
    made = write_wheel(tmp_path / "wheels", "acme-vision", "1.0", requires=["certifi"])
    refused(step(wheel=made, package_indexes=f"{CPU} certifi"), 97, f"{CPU}, which is named for certifi, has no such")


def test_a_project_in_the_place_of_the_organisation(step: Step, wheel: pathlib.Path) -> None:
    read = "`ml` was read as the organisation."
    refused(step(wheel=wheel, feed="ml/wheels"), 30, read, "Write `--feed` as ORG/ml/wheels, if ml is a project.")
    job = {"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/", "AMLWHEEL_FEED": "ml/wheels"}
    result = step(wheel=wheel, feed="ml/wheels", env=job)
    assert result.writes == []
    assert read in result.told, result.output
    fix = re.search(r"Write `[a-z-]+` as ([a-z/]+)\.", result.told)
    assert fix, result.output
    assert fix[1] == "acme/ml/wheels"
    assert step(wheel=wheel, feed=fix[1]).status == 0


def test_a_local_version_comes_from_the_index_that_is_named_for_it(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    world.seed_torch(write_wheel(tmp_path / "cu118", "torch", "2.4.1+cu118"), "cu118")
    place = commit(PROJECTS / "cases/req-torch-index/proj", tmp_path / "proj")
    given: dict[str, Any] = {"package_dir": place, "requirements": "torch==2.4.1+cu118"}
    named = step(**given, package_indexes="https://download.pytorch.org/whl/cu118 torch")
    assert "torch==2.4.1+cu118" in "".join(items(named))
    assert "torch 2.4.1+cu118" in installs(world, named)
    assert step(**given, torch_backend="cu118").writes == []


@pytest.mark.network
def test_a_mirror_holds_what_another_index_has(
    step: Step, world: World, torch: pathlib.Path, container: str, tmp_path: pathlib.Path
) -> None:
    made = write_wheel(tmp_path / "wheels", "acme-vision", "1.0", requires=["torchvision==0.20.1"])
    storage: dict[str, Any] = {"feed": "", "route": "storage", "storage_container": container, "mirror": "true"}
    result = step(wheel=made, torch_backend="cpu", **storage)
    listed = items(result)
    assert listed[0] == "--no-index"
    assert f"{container}/torch/torch-2.5.1%2Bcpu-py3-none-any.whl --hash=sha256:{sha256(torch)}" in listed
    assert "torch 2.5.1+cpu" in installs(world, result)


@pytest.mark.long
def test_a_commit_with_what_another_index_has(
    step: Step, world: World, torch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    place = project(tmp_path / "proj", "acme-torch", '["torch==2.5.1"]', TABLES["PDM"].format(cpu=CPU))
    place = commit(place, tmp_path / "checkout")
    world.push(place, REPOSITORY)
    repositories.set_origin(place, REPOSITORY)
    result = checkouts.release(step, place, package_dir=place)
    address = "https://download-r2.pytorch.org/whl/cpu/torch-2.5.1%2Bcpu-py3-none-any.whl"
    assert f"torch @ {address}#sha256={sha256(torch)}" in items(result)
    assert "torch 2.5.1+cpu" in installs(world, result)


def test_another_feed_of_the_organisation(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    address = f"https://pkgs.dev.azure.com/{ORGANIZATION}/_packaging/{ORGANIZATION_FEED}/pypi/simple/"
    world.seed_wheel(write_wheel(tmp_path, "acme-shared", "3.0"), ORGANIZATION_FEED)
    made = write_wheel(tmp_path / "wheels", "acme-vision", "1.0", requires=["acme-shared"])
    result = step(wheel=made, package_indexes=f"{address} acme-shared")
    assert items(result)[1] == f"--extra-index-url {address}"
    assert f"acme-shared from {address}" in result.told
    assert "acme_shared 3.0" in installs(world, result)
