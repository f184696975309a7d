"""What a build sees: the variables that it needs, the feed's packages, and no token. Each stop's fix is followed."""

import pathlib
import shutil
from collections.abc import Mapping

import pytest
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED_TOKEN, READ_TOKEN
from rehearsed.steps import PROJECTS, Step, refused, sha256, write_wheel

CASES = PROJECTS / "cases"


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a copy of a case, which the test may change."""
    return pathlib.Path(shutil.copytree(CASES / request.param, tmp_path / "case"))


def edit(file: pathlib.Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.network
@pytest.mark.parametrize("case", ["build-number"], indirect=True)
def test_a_version_from_a_variable_is_that_version_or_none(step: Step, case: pathlib.Path) -> None:
    given = {"PACKAGE_VERSION": "2.7.0"}
    refused(
        step(package_dir=case, env=given),
        95,
        "setup.py, line 3: the version may depend on PACKAGE_VERSION, which is set for this step and withheld",
        "Add the line PACKAGE_VERSION to `--build-env`.",
    )
    result = step(package_dir=case, build_env="PACKAGE_VERSION", env=given)
    assert result.status == 0, result.output
    assert result.outputs["package-version"] == "2.7.0"
    assert b"acme-ver==2.7.0 --hash" in result.files["requirements.lock"]
    again = step(package_dir=case, build_env="PACKAGE_VERSION", env=given)
    assert (again.status, again.writes, again.files) == (0, [], {**again.files, **_but_receipt(result.files)})


def _but_receipt(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != "aml-release.json"}


def test_a_secret_is_not_for_the_build(step: Step, features: pathlib.Path) -> None:
    result = step(package_dir=features, build_env="DEPLOY", env={"DEPLOY": FEED_TOKEN})
    refused(result, 94, "names DEPLOY: a secret of this run is in each", "Take the variable out of `--build-env`")
    assert FEED_TOKEN not in result.output


SETUP = """\
import os
from setuptools import setup
assert os.environ["CI"] == "true"
assert os.environ["BUILD_BUILDNUMBER"] == "20261128.1"
for text in map(str, os.environ.values()):
    assert {0!r} not in text and {1!r} not in text
serial = os.environ["SERIAL"]
setup(name="acme-serial", version="1.0", py_modules=["acme_serial"])
"""


@pytest.mark.network
def test_a_variable_that_the_traceback_names_is_told_with_its_line(step: Step, tmp_path: pathlib.Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.py").write_text(SETUP.format(FEED_TOKEN, READ_TOKEN))
    (project / "acme_serial.py").touch()
    given = {"SERIAL": "7", "CI": "true", "BUILD_BUILDNUMBER": "20261128.1", "BUILD_NOTE": f"token {FEED_TOKEN}"}
    result = step(package_dir=project, env=given)
    warning = "setup.py, line 7, reads SERIAL, which the build doesn't get. This line passes it: build-env: SERIAL"
    refused(
        result, 22, warning, "it reads the variable SERIAL, which was withheld", "Add the line SERIAL to `--build-env`"
    )
    result = step(package_dir=project, env=given, build_env="SERIAL")
    assert result.status == 0, result.output


@pytest.mark.network
@pytest.mark.parametrize("case", ["private-build-req"], indirect=True)
def test_a_build_requirement_comes_from_the_feed_without_a_token(step: Step, case: pathlib.Path) -> None:
    top, base = case / "top", case / "base"
    refused(step(package_dir=top), 22, "no index has its build requirement acme-buildtools", "Publish acme-buildtools")
    both = step(package_dir=(base, top))
    refused(both, 22, "needs acme-buildtools, which this run builds as well", "Release acme-buildtools first")
    assert "site-packages/build/" not in both.output.rpartition("FAILED Build")[2]
    first = step(package_dir=base)
    assert first.status == 0, first.output
    result = step(package_dir=top)
    assert result.status == 0, result.output
    told = (
        f"for the build, from the feed: acme_buildtools-1.0.0-py3-none-any.whl (sha256 {first.outputs['wheel-sha256']})"
    )
    assert told in result.told
    assert b"acme-buildtools" not in result.files["requirements.lock"]


@pytest.mark.network
def test_the_feeds_name_never_comes_from_the_public_index(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "inflection", "0.0.1"))
    project = tmp_path / "project"
    shutil.copytree(CASES / "private-build-req" / "top", project)
    edit(project / "pyproject.toml", "acme-buildtools", "inflection")
    result = step(package_dir=project)
    assert result.status == 0, result.output
    assert "for the build, from the feed: inflection-0.0.1-py3-none-any.whl" in result.told
    edit(project / "pyproject.toml", "inflection", "inflection>=0.5")
    result = step(package_dir=project, environment_name="other", output_dir=tmp_path / "other")
    refused(result, 22, "there is no fitting version of its build requirement inflection.")


@pytest.mark.network
@pytest.mark.parametrize("case", ["bom"], indirect=True)
def test_a_byte_order_mark_is_told(step: Step, case: pathlib.Path) -> None:
    result = step(package_dir=case)
    refused(
        result, 22, "pyproject.toml in", "begins with a byte order mark", "Save pyproject.toml as UTF-8 without BOM"
    )
    assert result.requests == []
    file = case / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8-sig"), encoding="utf-8")
    assert step(package_dir=case).status == 0


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize("case", ["poetry-path"], indirect=True)
def test_a_requirement_by_path_is_told_with_a_fix_that_works(step: Step, case: pathlib.Path) -> None:
    projects = (case / "apps/train", case / "libs/common")
    refused(
        step(package_dir=projects),
        24,
        "acme_train-0.5.0-py3-none-any.whl requires acme-common by a path of this machine",
        'Require acme-common by name (Poetry: acme-common = "*" in [tool.poetry.dependencies], and the path in '
        "[tool.poetry.group.dev.dependencies])",
    )
    path = '{path = "../../libs/common", develop = true}'
    group = f"[tool.poetry.group.dev.dependencies]\nacme-common = {path}\n"
    edit(projects[0] / "pyproject.toml", f"acme-common = {path}\n", f'acme-common = "*"\n{group}')
    result = step(package_dir=projects)
    assert result.status == 0, result.output
    (common,) = (result.folder / "dist").glob("acme_common-*.whl")
    assert f"acme-common==0.2.0 --hash=sha256:{sha256(common)}" in result.files["requirements.lock"].decode()
