"""A project that is none, or a checkout that isn't what was tagged, stops before the first write; the fix leads on.

Each fix is taken from the step's own words and followed to the letter.
"""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from rehearsal.command.projects import commit
from rehearsed import checkouts
from rehearsed.steps import PROJECTS, ROOT, Result, Step, refused, write_wheel

CASES = PROJECTS / "cases"
POINTER = (CASES / "lfs-tracked/src/acme_score/model.pkl").read_text()
SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n\n'


def case(name: str, tmp_path: pathlib.Path) -> pathlib.Path:
    return commit(CASES / name, tmp_path / name)


def put(folder: pathlib.Path, files: Mapping[str, str]) -> pathlib.Path:
    """Commit a project of these files."""
    source = folder / "source"
    for name, text in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return commit(source, folder / "proj")


def advice(result: Result) -> str:
    found = re.search(r"What to do: (.*)", result.output)
    assert found, result.output
    return found[1].strip()


def insert(path: pathlib.Path, said: str) -> None:
    """Write into pyproject.toml what the advice says: the table, if it isn't there, and the lines below it."""
    found = re.search(r"below the line (\[[\w.]+\]): (.*?)(?:, each on a line of its own.*)?$", said)
    assert found, said
    table, lines = found[1], found[2].split(" and ")
    text = path.read_text()
    text = text if table in text else f"{text}\n{table}\n"
    path.write_text(text.replace(table, "\n".join((table, *lines))))


def green(result: Result) -> dict[str, str]:
    assert result.status == 0, result.output
    assert result.writes
    return result.outputs


@pytest.mark.network
@pytest.mark.parametrize(("name", "package"), [("toolonly", "churn"), ("no-project-table", "acme-tools")])
def test_a_project_that_declares_nothing(step: Step, tmp_path: pathlib.Path, name: str, package: str) -> None:
    project = case(name, tmp_path)
    result = step(package_dir=project)
    refused(result, 18, "declares no name and no version of a package", "settings of tools alone")
    assert result.requests == []
    insert(project / "pyproject.toml", advice(result))
    said = green(step(package_dir=project, verify="none"))
    assert (said["package-name"], said["package-version"]) == (package, "0.1.0")


@pytest.mark.network
def test_the_root_of_a_workspace(step: Step, tmp_path: pathlib.Path) -> None:
    root = case("mono", tmp_path)
    result = step(package_dir=root)
    refused(result, 20, "declares no package, but below it are", "the root of a workspace")
    assert result.requests == []
    folders = advice(result).partition("each on a line of its own: ")[2].split()
    assert folders == [f"{root}/packages/acme-core", f"{root}/packages/acme-train"]
    result = step(package_dir=tuple(folders), verify="none")
    green(result)
    lock = result.files["requirements.lock"].decode()
    for name in ("acme_core", "acme_train"):
        (built,) = (path for path in result.folder.glob(f"dist/{name}-0.3.0-*.whl"))
        assert f"{name.replace('_', '-')}==0.3.0 --hash=sha256:" in lock, built


def test_a_version_that_nobody_declares(step: Step, tmp_path: pathlib.Path) -> None:
    text = f'{SETUPTOOLS}[project]\nname = "acme-zero"\ndynamic = ["version"]\n'
    project = put(tmp_path, {"pyproject.toml": text, "acme_zero/__init__.py": "x = 1\n"})
    result = step(package_dir=project)
    refused(result, 18, "acme_zero-0.0.0-py3-none-any.whl has version 0.0.0", "found no version, and wrote 0.0.0")
    said = advice(result)
    assert said.endswith("and delete version from dynamic.")
    insert(project / "pyproject.toml", said)
    (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text().replace('["version"]', "[]"))
    assert green(step(package_dir=project, verify="none"))["package-version"] == "0.1.0"


def test_a_wheel_with_nothing_in_it(step: Step, tmp_path: pathlib.Path) -> None:
    text = f'{SETUPTOOLS}[project]\nname = "acme-void"\nversion = "1.0"\n[tool.setuptools]\npy-modules = []\n'
    project = put(tmp_path, {"pyproject.toml": text, "src/acme_void/__init__.py": "x = 1\n"})
    result = step(package_dir=project)
    refused(result, 19, "acme_void-1.0-py3-none-any.whl has no file beside its own metadata")
    said = advice(result)
    assert said.startswith("Delete packages and py-modules from [tool.setuptools] of pyproject.toml")
    (project / "pyproject.toml").write_text(text.replace("py-modules = []\n", ""))
    insert(project / "pyproject.toml", said)
    result = step(package_dir=project, verify="none")
    green(result)
    assert b"acme_void/__init__.py" in result.files["dist/acme_void-1.0-py3-none-any.whl"]


# --- an incomplete checkout


@pytest.mark.parametrize("route", ["feed", pytest.param("workspace", marks=pytest.mark.long)])
def test_a_pointer_of_git_lfs(step: Step, tmp_path: pathlib.Path, route: str) -> None:
    project = case("lfs-tracked", tmp_path)
    given: dict[str, Any] = {
        "package_dir": project,
        "route": route,
        "verify": "none",
        **({"feed": ""} if route == "workspace" else {}),
    }
    env = {"AMLWHEEL_CONNECTION_TOKEN": "", "AMLWHEEL_FEED_TOKEN": ""} if route == "workspace" else {}
    result = step(env=env, **given)
    refused(result, 120, "holds 1 pointer(s) of Git LFS in place of files: 'acme_score/model.pkl'", "git lfs pull")
    (project / "src/acme_score/model.pkl").write_bytes(b"the real model")  # git lfs isn't on every machine
    result = step(env=env, **given)
    green(result)
    assert "dist/acme_score-1.0.0-py3-none-any.whl" in result.files


def test_a_pointer_in_a_wheel_that_is_given(step: Step, tmp_path: pathlib.Path) -> None:
    quoted = {"acme_score/__init__.py": f'"""\n{POINTER}"""\n'}
    wheel = write_wheel(tmp_path / "wheels", "acme-score", "1.0.0", files=quoted)
    assert step(wheel=wheel, dry_run="true").status == 0  # quoted in a module: no pointer
    files = {**quoted, "acme_score/model.pkl": POINTER}
    wheel = write_wheel(tmp_path / "wheels", "acme-score", "1.0.0", files=files)
    refused(step(wheel=wheel, output_dir="again"), 120, "'acme_score/model.pkl'", "before the wheel is built")


@pytest.mark.network
def test_a_submodule_that_is_not_checked_out(step: Step, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(CASES / "tag-slash/src/acme_tag", other)
    (other / "prices.json").write_text("{}")
    other = commit(other, tmp_path / "prices")
    project = case("tag-slash", tmp_path)
    allowed = ("-c", "protocol.file.allow=always")
    checkouts.git(project, *allowed, "submodule", "--quiet", "add", str(other), "src/acme_tag/prices")
    checkouts.git(project, "commit", "--quiet", "--message", "prices")
    clone = tmp_path / "clone"
    checkouts.git(tmp_path, "clone", "--quiet", str(project), str(clone))
    result = step(package_dir=clone)
    refused(result, 120, "The folder of the submodule 'src/acme_tag/prices'", "submodules: recursive")
    words = advice(result).partition("Run git ")[2].partition(" before")[0]
    checkouts.git(clone, *allowed, *shlex.split(words))
    green(step(package_dir=clone, verify="none"))


# --- a changed checkout


@pytest.mark.network
def test_a_changed_file_on_a_tag(step: Step, tmp_path: pathlib.Path) -> None:
    project = case("scm-dirty-tag", tmp_path)
    checkouts.git(project, "tag", "v0.1.1")
    (project / "uv.lock").write_text("lock v2\n")
    env = {"GITHUB_REF": "refs/tags/v0.1.1"}
    result = step(package_dir=project, env=env)
    refused(result, 121, "The checkout is changed: uv.lock.", "An earlier step of the job changed the files")
    words = advice(result).partition("(git ")[2].partition(")")[0]
    checkouts.git(project, *shlex.split(words))
    (project / "report.xml").write_text("untracked files of a pipeline don't count")
    assert green(step(package_dir=project, env=env, verify="none"))["package-version"] == "0.1.1"


@pytest.mark.network
def test_a_version_that_the_pipeline_writes(step: Step, tmp_path: pathlib.Path) -> None:
    project = case("tag-slash", tmp_path)
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace("1.2.0", "1.3.0"))
    env = {"GITHUB_REF": "refs/tags/v1.3.0"}
    result = step(package_dir=project, env=env, verify="none")
    assert green(result)["package-version"] == "1.3.0"
    assert "The project has uncommitted changes" in result.told
    path.write_text(path.read_text().replace(">=3.10", ">=3.9"))
    refused(step(package_dir=project, env=env, output_dir="again"), 121, "The checkout is changed: pyproject.toml")


# --- tags of monorepos


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize(
    "tag",
    ["acme-tag/v1.2.0", "acme_tag@1.2.0", "python/acme-tag==1.2.0", "Acme.Tag_1.2", "release/1.2.0", "tag-slash-v1.2"],
)
def test_a_tag_of_a_monorepo(step: Step, tmp_path: pathlib.Path, tag: str) -> None:
    env = {"GITHUB_REF": f"refs/tags/{tag}"}
    result = step(package_dir=case("tag-slash", tmp_path), env=env, dry_run="true")
    assert result.status == 0, result.output
    assert f'"tag": "{tag}"' in result.files["aml-release.json"].decode()


@pytest.mark.long
@pytest.mark.network
def test_a_tag_of_another_package(step: Step, tmp_path: pathlib.Path) -> None:
    root = case("mono", tmp_path)
    env = {"GITHUB_REF": "refs/tags/packages/acme-core/v0.3.0"}
    both = (root / "packages/acme-train", root / "packages/acme-core")
    alone = write_wheel(tmp_path / "wheels", "acme-train", "0.3.0")
    refused(step(wheel=alone, env=env), 23, "the tag must be v0.3.0")  # no repository is around the working folder
    project = root / "packages/acme-core"
    env = {"GITHUB_REF": "refs/tags/acme-train@0.3.0"}
    result = step(package_dir=project, env=env)
    refused(result, 23, "names acme-train, another package of this repository", "for the tags of every package")
    found = re.search(r"to (\S+) for this tag", advice(result))
    assert found
    assert found[1] == str(both[0])
    assert step(package_dir=both, env=env, dry_run="true").status == 0


def test_a_tag_and_a_variable_are_rehearsed(tmp_path: pathlib.Path, caches: dict[str, str]) -> None:
    project = case("build-number", tmp_path)
    words = [
        "--tag",
        "acme-ver/v2.7.0",
        "--build-env",
        "PACKAGE_VERSION",
        "--dry-run",
        "--keep",
        str(tmp_path / "kept"),
    ]
    env = {**Step.inherited(), **caches, "HOME": str(tmp_path)}

    def rehearse(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", str(ROOT / "scripts" / "rehearse"), str(project), *words, *more]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)

    other = rehearse("--env", "PACKAGE_VERSION=2.7.1")
    assert other.returncode == 23, other.stdout
    done = rehearse("--env", "PACKAGE_VERSION=2.7.0")
    assert done.returncode == 0, done.stdout
    assert "acme_ver-2.7.0-py3-none-any.whl" in done.stdout
