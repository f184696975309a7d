"""The environment is a function of the commit: what the index gets later doesn't count, unless somebody says so."""

import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from amlwheel.build import project
from amlwheel.model import limit
from amlwheel.transport import tools
from rehearsal.command.projects import commit
from rehearsal.git_host.git import git_environment
from rehearsal.proxy.world import World
from rehearsed import dated
from rehearsed.checkouts import HERE, release
from rehearsed.dated import Dated
from rehearsed.steps import PROJECTS, Result, Step, refused, sha256

MADE = "2025-06-01T12:00:00Z"
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-dated"
version = "1.0"
dependencies = ["requests>=2.32"]
"""
# What there was of these on the day of the commit. Each of them had a release in the month after it.
THEN = {"requests": "2.32.3", "certifi": "2025.4.26", "urllib3": "2.4.0"}
BACKENDS = sorted(path.name for path in (PROJECTS / "backends").iterdir())
ALL = bool(os.environ.get("AMLWHEEL_TEST_ALL_BACKENDS"))
"""Whether every backend is tried (half a minute), and not one of them."""

pytestmark = pytest.mark.network


@pytest.fixture
def index() -> Iterator[Dated]:
    """Return the public index as of the day after the commit."""
    with dated.serve("2025-06-02") as served:
        yield served


@pytest.fixture
def old(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a checkout of a commit of 2025-06-01."""
    source = tmp_path / "source"
    (source / "acme_dated").mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "acme_dated" / "__init__.py").write_text("import requests\n")
    made = commit(source, tmp_path / "old")
    env = {**git_environment(), "GIT_COMMITTER_DATE": MADE}
    subprocess.run(["git", "commit", "--quiet", "--amend", "--no-edit"], cwd=made, env=env, check=True)  # noqa: S607
    return made


def versions(result: Result) -> dict[str, str]:
    """Return the locked versions."""
    assert result.status == 0, result.output
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", result.files["requirements.lock"].decode(), re.MULTILINE))


def told(result: Result) -> list[str]:
    """Return what the receipt says of the limit."""
    found: list[str] = json.loads(result.files["aml-release.json"])["exclude_newer"]["told"]
    assert all(each in result.told for each in found)
    return found


def test_a_month_later_the_release_is_the_same(step: Step, old: pathlib.Path, index: Dated) -> None:
    first = step(package_dir=old, python_version=HERE, env=index.variables)
    assert versions(first).items() >= THEN.items()
    assert f"Files uploaded until {MADE} count (the time of the commit)" in told(first)[0]
    index.day = "2025-07-02"
    second = step(package_dir=old, python_version=HERE, env=index.variables)
    assert versions(second) == versions(first)
    assert second.writes == []
    assert second.released == first.released
    other = step(package_dir=old, python_version=HERE, env=index.variables, exclude_newer="none", dry_run="true")
    assert not versions(other).items() & THEN.items()
    assert other.outputs["environment-version"] != first.outputs["environment-version"]
    assert told(other) == ["No limit to the time of uploads: none is wanted"]
    real = step(package_dir=old, python_version=HERE, dry_run="true")
    assert (versions(real), real.outputs["changed"]) == (versions(first), "false")


@pytest.mark.long
def test_what_was_uploaded_too_late_is_named_and_the_fix_releases(step: Step, old: pathlib.Path, index: Dated) -> None:
    index.day = "2025-07-02"
    result = step(package_dir=old, python_version=HERE, env=index.variables, requirements="requests>=2.32.4")
    refused(result, 69, "requests 2.32.4, uploaded at 2025-06-09T16:43:05", "Make a new commit", MADE)
    (then,) = re.findall(r"set `--exclude-newer` to (\S+Z)\.", result.told)
    more = {"requirements": "requests>=2.32.4", "exclude_newer": then, "dry_run": "true"}
    assert versions(step(package_dir=old, python_version=HERE, env=index.variables, **more))["requests"] == "2.32.4"
    (old / "pyproject.toml").write_text(PROJECT.replace('"hatchling"', '"hatchling", "urllib3>=2.5"'))
    env = {**git_environment(), "GIT_COMMITTER_DATE": MADE}
    subprocess.run(["git", "commit", "--quiet", "--all", "--message", "x"], cwd=old, env=env, check=True)  # noqa: S607
    result = step(package_dir=old, python_version=HERE, env=index.variables, output_dir="refused")
    refused(result, 69, "What the build of", "urllib3 2.5.0, uploaded at 2025-06-18")
    (then,) = re.findall(r"set `--exclude-newer` to (\S+Z)\.", result.told)
    more = {"exclude_newer": then, "dry_run": "true"}
    assert versions(step(package_dir=old, python_version=HERE, env=index.variables, **more))


@pytest.mark.long
def test_an_index_without_upload_times_is_told(step: Step, old: pathlib.Path, index: Dated) -> None:
    index.timed = False
    result = step(package_dir=old, python_version=HERE, env=index.variables, dry_run="true")
    assert versions(result).items() >= THEN.items()
    assert told(result)[1:] == ["no limit for the public index: it has no upload times"]
    assert "no limit to the time of uploads for this build" in result.told
    asked = step(package_dir=old, python_version=HERE, env=index.variables, exclude_newer="7 days", output_dir="no")
    refused(asked, 78, "tells no upload times", "Set `--exclude-newer` to none")
    again = step(package_dir=old, python_version=HERE, env=index.variables, exclude_newer="none", dry_run="true")
    assert versions(again) == versions(result)


def test_a_changed_checkout_has_no_time_and_a_cooldown_counts_from_now(step: Step, old: pathlib.Path) -> None:
    (old / "acme_dated" / "__init__.py").write_text("import requests  # changed\n")
    result = step(package_dir=old, python_version=HERE, dry_run="true")
    assert not versions(result).items() & THEN.items()
    assert told(result) == ["No limit to the time of uploads: the checkout has uncommitted changes"]
    cooled = step(package_dir=old, python_version=HERE, dry_run="true", exclude_newer="500 weeks")
    assert cooled.status == 69, cooled.output


def test_a_commit_that_images_build_is_built_with_its_days_tools(
    step: Step, pushed: pathlib.Path, world: World
) -> None:
    assert world
    result = release(step, pushed, verify="none")
    made = limit.rfc3339(datetime.fromtimestamp(int(tools.committed(pushed)), timezone.utc))
    assert result.status == 0, result.output
    assert made in told(result)[0]
    (tool,) = re.findall(r"--find-links \S+/setuptools-([\d.]+)-", result.files["conda.yml"].decode())
    assert tool == "80.9.0"


@pytest.mark.parametrize("backend", BACKENDS if ALL else ["hatchling"])
def test_a_backends_next_release_does_not_change_a_wheel(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caches: dict[str, str], backend: str
) -> None:
    made = commit(PROJECTS / "backends" / backend, tmp_path / "project")
    limited = {limit.VARIABLE: "2026-01-15T12:00:00Z"}
    monkeypatch.setenv("UV_CACHE_DIR", caches["UV_CACHE_DIR"])

    def built(name: str, more: dict[str, str]) -> str:
        (path,) = project.build([made], tmp_path / name, print, more)
        return sha256(path)

    with dated.serve("2026-01-16") as index:
        for name, value in index.variables.items():
            monkeypatch.setenv(name, value)
        on_the_day = built("then", limited)
        index.day = "2026-11-28"
        assert built("later", limited) == on_the_day
        assert built("unlimited", {}) != on_the_day
