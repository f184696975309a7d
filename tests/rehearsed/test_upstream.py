"""`index: only`: whoever builds images may read only, so what comes through the feed has to be saved there first."""

import pathlib
import subprocess
import sys
from typing import Any

import pytest
from rehearsal.builder.build import build
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED_TOKEN, MIRROR_FEED, ORGANIZATION, PROJECT, READ_TOKEN, workspace_id
from rehearsed.steps import PACKAGES, Step, write_wheel

pytestmark = pytest.mark.network
INPUTS: dict[str, Any] = {"feed": f"{ORGANIZATION}/{PROJECT}/{MIRROR_FEED}", "index": "only"}
SAVED = "packages saved in acme/ml/mirror"
IN_FEED = "iniconfig-2.3.1-py3-none-any.whl"


@pytest.fixture
def needy(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a wheel that needs a public package."""
    return write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["iniconfig==2.3.1"])


def saved(world: World) -> set[str]:
    """Return the files that the feed has saved from its upstream."""
    return {path.name for path in (world.azure / "feeds").rglob(f"{MIRROR_FEED}/saved/*")}


def forget(world: World) -> None:
    """Let the feed have saved nothing."""
    for path in (world.azure / "feeds").rglob(f"{MIRROR_FEED}/saved/*"):
        path.unlink()


def test_what_is_not_saved_in_the_feed_is_saved_after_the_plan_and_before_the_image_needs_it(
    step: Step, world: World, needy: pathlib.Path
) -> None:
    """The resolver reads what it needs without saving it, as the run's own log of requests shows."""
    dry = step(wheel=needy, dry_run="true", **INPUTS)
    assert dry.status == 0, dry.output
    assert f"CREATE {SAVED} 1 from its upstream: iniconfig 2.3.1" in dry.told
    assert saved(world) == set()
    assert "Proven: 2 installed" in dry.output  # by the same sha256 from the public index
    files = [line for line in dry.requests if "/download/" in line["url"]]
    assert files
    assert all(line["status"] == 403 for line in files)  # nobody asked with a token that may write
    result = step(wheel=needy, **INPUTS)
    assert result.status == 0, result.output
    assert saved(world) == {"iniconfig-2.3.1-py3-none-any.whl"}
    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    order = [f"CREATE {SAVED} 1 from its upstream: iniconfig 2.3.1", f"CREATE {SAVED}", f"CREATE wheel {needy.name}"]
    assert [line for line in lines if line in order] == order, result.output  # planned, saved, published
    built = build(world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert built.ok, built.log
    assert "iniconfig 2.3.1" in built.installed
    again = step(wheel=needy, **INPUTS)
    assert again.writes == []
    assert f"KEEP {SAVED} all 1 can be read" in again.told
    assert again.outputs["changed"] == "false"


def test_what_nobody_else_tells_stops_a_dry_run_and_is_told_before_a_release_saves_it(
    step: Step, world: World, needy: pathlib.Path
) -> None:
    """A feed of the organisation is another upstream: its names may be private, so the public index isn't asked."""
    with world.store.edit("feeds") as document:
        next(one for one in document[ORGANIZATION]["feeds"] if one["name"] == MIRROR_FEED)["upstream"] = "internal"
    dry = step(wheel=needy, dry_run="true", **INPUTS)
    assert dry.status == 194, dry.output
    assert "iniconfig-2.3.1-py3-none-any.whl requires can't be read without saving it in acme/ml/mirror" in dry.told
    assert "Download the packages through the feed once with pip" in dry.told
    assert saved(world) == set()
    page = step.scratch / "page.md"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    world.fail({"host": PACKAGES, "method": "POST", "status": 403, "body": {"message": "Not today."}})
    failed = step(wheel=needy, env=github, **INPUTS)
    assert failed.status != 0
    assert saved(world) == {IN_FEED}
    assert failed.output.index(f"SAVE {IN_FEED} in acme/ml/mirror") < failed.output.index("Plan")
    told = page.read_text("utf-8")
    assert f"before there was a plan, which saves them there:\n\n- {IN_FEED} in acme/ml/mirror\n" in told
    assert "Nothing was changed" not in told
    world.fail()
    forget(world)
    token = f"any:{FEED_TOKEN}@"
    index = f"https://{token}pkgs.dev.azure.com/{ORGANIZATION}/{PROJECT}/_packaging/{MIRROR_FEED}/pypi/simple/"
    pip = [sys.executable, "-I", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "iniconfig==2.3.1"]
    env = step.environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*pip, f"--index-url={index}", "-d", step.scratch / "by-pip"], env=env, check=True)
    assert step(wheel=needy, dry_run="true", **INPUTS).status == 0  # the fix as it is told
    result = step(wheel=needy, **INPUTS)
    assert result.status == 0, result.output


def test_unsaved_it_would_have_failed_in_the_image(step: Step, world: World, needy: pathlib.Path) -> None:
    """The rule of the stand-in that all this is about."""
    result = step(wheel=needy, **INPUTS)
    assert result.status == 0, result.output
    forget(world)
    built = build(world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert not built.ok


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_feed_that_does_not_save_is_told_with_what_to_do(
    step: Step, world: World, needy: pathlib.Path, status: int
) -> None:
    world.fail({"host": PACKAGES, "path": "/download/iniconfig/", "status": status, "body": {"message": "No saving."}})
    result = step(wheel=needy, **INPUTS)
    assert result.status == 58, result.output
    assert f"acme/ml/mirror answered {status} when iniconfig 2.3.1 was to be saved." in result.told
    assert "No saving." in result.told
    assert "set `--index` to extra" in result.told
    assert result.writes == []
    assert world.workspace()["environments"] == {}


@pytest.mark.long
def test_a_reader_cannot_save(step: Step, world: World, needy: pathlib.Path) -> None:
    """With `route: workspace` the feed is only read from, and a reading token will do, unless something is unsaved."""
    result = step(wheel=needy, route="workspace", env={"AMLWHEEL_FEED_TOKEN": READ_TOKEN}, **INPUTS)
    assert result.status == 58, result.output
    assert "'AddUpstreamPackage'" in result.told
    assert world.workspace()["environments"] == {}
