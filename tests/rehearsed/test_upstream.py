"""`index: only`: whoever builds images may read only, so what comes through the feed has to be saved there first."""

import pathlib
import shutil
from typing import Any

import pytest
from rehearsal.builder.build import build
from rehearsal.proxy.world import World
from rehearsal.state.names import MIRROR_FEED, ORGANIZATION, PROJECT, READ_TOKEN, workspace_id
from rehearsed.steps import PACKAGES, Result, Step, write_wheel

pytestmark = pytest.mark.network
INPUTS: dict[str, Any] = {"feed": f"{ORGANIZATION}/{PROJECT}/{MIRROR_FEED}", "index": "only"}
SAVED = "packages saved in acme/ml/mirror"


@pytest.fixture
def needy(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a wheel that needs a public package."""
    return write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["iniconfig==2.3.1"])


def saved(world: World) -> set[str]:
    """Return the files that the feed has saved from its upstream."""
    return {path.name for path in (world.azure / "feeds").rglob(f"{MIRROR_FEED}/saved/*")}


def planned(step: Step, world: World, needy: pathlib.Path) -> Result:
    """Return a dry run, after which uv knows the public package and the feed has forgotten it.

    As when the runner keeps uv's cache and the feed's retention deletes what is old: otherwise uv, which downloads
    through the feed whatever it locks (uv#13208), has it saved.
    """
    with world.store.edit("feeds") as document:
        next(one for one in document[ORGANIZATION]["feeds"] if one["name"] == MIRROR_FEED)["cacheable"] = True
    first = step(wheel=needy, dry_run="true", **INPUTS)
    assert first.status == 0, first.output
    for folder in (world.azure / "feeds").rglob(f"{MIRROR_FEED}/saved"):
        shutil.rmtree(folder)
        folder.mkdir()
    second = step(wheel=needy, dry_run="true", **INPUTS)
    assert second.status == 0, second.output
    return second


def test_what_is_not_saved_in_the_feed_is_saved_before_the_image_needs_it(
    step: Step, world: World, needy: pathlib.Path
) -> None:
    assert f"CREATE {SAVED} from its upstream: iniconfig 2.3.1" in planned(step, world, needy).told
    assert saved(world) == set()  # a dry run changes nothing, and the token that looks may only read
    result = step(wheel=needy, **INPUTS)
    assert result.status == 0, result.output
    assert saved(world) == {"iniconfig-2.3.1-py3-none-any.whl"}
    built = build(world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert built.ok, built.log
    assert "iniconfig 2.3.1" in built.installed
    again = step(wheel=needy, **INPUTS)
    assert again.writes == []
    assert f"KEEP {SAVED} all 1 can be read" in again.told
    assert again.outputs["changed"] == "false"


def test_unsaved_it_would_have_failed_in_the_image(step: Step, world: World, needy: pathlib.Path) -> None:
    """The rule of the stand-in that all this is about."""
    result = step(wheel=needy, **INPUTS)
    assert result.status == 0, result.output
    for path in (world.azure / "feeds").rglob(f"{MIRROR_FEED}/saved/*"):
        path.unlink()
    built = build(world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert not built.ok


@pytest.mark.long
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_feed_that_does_not_save_is_told_with_what_to_do(
    step: Step, world: World, needy: pathlib.Path, status: int
) -> None:
    planned(step, world, needy)
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
    planned(step, world, needy)
    result = step(wheel=needy, route="workspace", env={"AMLWHEEL_FEED_TOKEN": READ_TOKEN}, **INPUTS)
    assert result.status == 58, result.output
    assert "'AddUpstreamPackage'" in result.told
    assert world.workspace()["environments"] == {}
