"""A team's own lock, which the real uv writes: the environment has its versions, files and indexes and no others.

Each stop is followed literally to a green run, and the emitted files are read.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping

import pytest
from amlwheel.declared import uv_lock
from amlwheel.declared.uv_lock import Asked
from amlwheel.model.environment import Python
from amlwheel.model.team_lock import LockFile
from rehearsal.command.projects import commit
from rehearsed.steps import PROJECTS, Result, Step, refused

PROJECT = """\
[project]
name = "acme-locked"
version = "{version}"
description = "Private training code."
requires-python = ">=3.10"
dependencies = [{needs}]
[project.optional-dependencies]
train = ["certifi"]
[dependency-groups]
dev = ["iniconfig", "pluggy"]
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
"""
OLD = ("--upgrade-package", "idna==3.4", "--upgrade-package", "markupsafe==2.1.3")


def project(step: Step, *needs: str, version: str = "1", more: str = "") -> pathlib.Path:
    """Write the project, in another version if its wheel is to differ; return its folder."""
    folder = step.folder("work")
    listed = ", ".join(f'"{each}"' for each in needs)
    (folder / "pyproject.toml").write_text(PROJECT.format(version=version, needs=listed) + more)
    (folder / "acme_locked.py").write_text('"""Private training code."""\n')
    return folder


def run(step: Step, command: str, folder: pathlib.Path | None = None) -> str:
    """Run a command of the team's: the real uv, with the public index that this machine has."""
    words = command.split()
    env: Mapping[str, str] = {**step.inherited(), **step.caches, "HOME": str(step.folder("home"))}
    uv = shutil.which(words[0], path=os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]))
    done = subprocess.run(
        [str(uv), *words[1:]], cwd=folder or step.folder("work"), env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def follow(step: Step, result: Result) -> None:
    """Run the command that a stop names."""
    command = re.search(r"Run `([^`]+)`", result.told)
    assert command, result.told
    run(step, command[1])


def pins(result: Result) -> dict[str, tuple[str, set[str]]]:
    """Return version and sha256 of each package in the emitted lock, but for our own."""
    assert result.status == 0, result.output
    found = re.findall(r"^([a-z0-9-]+)==(\S+) (.*)$", result.files["requirements.lock"].decode(), re.MULTILINE)
    return {
        name: (version, set(re.findall(r"sha256:(\w{64})", hashes)))
        for name, version, hashes in found
        if not name.startswith("acme-")
    }


def exported(step: Step, options: str = "") -> dict[str, tuple[str, set[str]]]:
    """Return version and sha256 of all files of each package, as uv itself exports them for pip."""
    text = run(step, f"uv export --frozen --no-emit-workspace --no-default-groups --no-annotate -q {options}")
    found = re.findall(r"^([a-z0-9-]+)==(\S+)(.*(?:\n    --hash.*)*)", text, re.MULTILINE)
    return {name: (version, set(re.findall(r"sha256:(\w{64})", hashes))) for name, version, hashes in found}


def test_a_uv_lock_is_followed_until_it_is_stale(step: Step) -> None:
    folder = project(step, "idna", "markupsafe; python_version < '4'", "pywin32; sys_platform == 'win32'")
    run(step, " ".join(["uv lock -q", *OLD]))
    result = step(requirements=(".[train]", "six"))
    found, team = pins(result), exported(step, "--extra train")
    assert set(found) == {"idna", "markupsafe", "certifi", "six"}, "neither groups nor what Windows needs"
    assert (found["idna"][0], found["markupsafe"][0]) == ("3.4", "2.1.3")
    for name in ("idna", "markupsafe", "certifi"):
        assert found[name][0] == team[name][0]
        assert found[name][1]
        assert found[name][1] <= team[name][1]
    assert "by uv.lock" in result.told
    assert "versions and sha256 by uv.lock" in result.told
    assert json.loads(result.files["aml-release.json"])["lock"]["file"] == "uv.lock"
    again = step(requirements=(".[train]", "six"))
    assert (again.status, again.writes, again.released) == (0, [], result.released)

    project(step, "idna", "markupsafe", "packaging", version="2")
    stale = step(output_dir="stale")
    refused(stale, 77, "uv.lock was made for other requirements of acme-locked", "packaging is new")
    follow(step, stale)
    mended = pins(step())
    assert set(mended) == {"idna", "markupsafe", "packaging"}
    assert mended["idna"] == found["idna"], "uv lock keeps what it has"
    assert (folder / "uv.lock").is_file()


@pytest.mark.long
def test_a_uv_lock_that_was_edited_stops_until_it_is_mended(step: Step) -> None:
    folder = project(step, "idna", "markupsafe")
    run(step, " ".join(["uv lock -q", *OLD]))
    path = folder / "uv.lock"
    good = path.read_text()
    path.write_text(re.sub(r"(idna-3\.4-py3.*sha256:)\w{8}", r"\g<1>00000000", good))
    stop = step(output_dir="other-sha")
    refused(stop, 124, "idna 3.4: the index has the file idna-3.4-py3-none-any.whl with another sha256 than uv.lock")
    follow(step, stop)
    assert path.read_text() == good
    path.write_text(re.sub(r".*cp311-cp311-manylinux.*x86_64.*\n", "", good))
    stop = step(output_dir="no-wheel")
    refused(stop, 123, "uv.lock has no wheel of markupsafe 2.1.3 for Python 3.11 on Linux x86-64")
    follow(step, stop)
    assert path.read_text() == good
    path.write_text(re.sub(r'(idna-3\.4.*?), hash = "[^"]*"', r"\1", good))
    stop = step(output_dir="no-hash")
    refused(stop, 51, "uv.lock has no sha256 for idna==3.4")
    follow(step, stop)
    path.write_text(f"<<<<<<< ours\n{good}")
    refused(step(output_dir="merged"), 122, "uv.lock isn't a lock of uv", "Restore uv.lock as it was before")
    path.write_text(good)
    assert pins(step())["markupsafe"][0] == "2.1.3"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("pylock.toml", "uv export -q --frozen --format pylock.toml --all-extras -o pylock.toml"),
        ("requirements.lock", "uv pip compile -q pyproject.toml --generate-hashes -o requirements.lock -c old.txt"),
    ],
)
def test_a_lock_of_another_kind_is_followed_as_well(step: Step, name: str, command: str) -> None:
    folder = project(step, "idna", "markupsafe")
    (folder / "old.txt").write_text("idna==3.4\nmarkupsafe==2.1.3\n")
    run(step, " ".join(["uv lock -q", *OLD]))
    run(step, command)
    team = exported(step)
    (folder / "uv.lock").unlink()
    result = step(lock=name)
    found = pins(result)
    assert {key: version for key, (version, _) in found.items()} == {"idna": "3.4", "markupsafe": "2.1.3"}
    assert all(digests <= team[key][1] for key, (_, digests) in found.items())
    assert step(lock=name).writes == []
    good = (folder / name).read_text()
    digest = next(iter(found["idna"][1]))
    (folder / name).write_text(good.replace(digest, "0" * 64))
    refused(step(lock=name, output_dir="edited"), 124, "idna 3.4: ", f"another sha256 than {name}")
    (folder / name).write_text(good)
    project(step, "idna", "markupsafe", "packaging", version="2")
    refused(step(lock=name, output_dir="stale"), 77, f"{name} doesn't have packaging, which the project requires")
    missing = step(lock="missing.lock", output_dir="missing")
    refused(missing, 10, "`--lock` names the file 'missing.lock', which doesn't exist")


@pytest.mark.long
def test_a_member_follows_the_lock_of_its_workspace(step: Step) -> None:
    team = step.folder("team")
    shutil.copytree(PROJECTS / "cases/mono", team, dirs_exist_ok=True)
    for each in team.rglob("pyproject.toml"):  # small packages in place of large ones
        each.write_text(each.read_text().replace("numpy<3", "idna").replace("scikit-learn", "markupsafe"))
    run(step, " ".join(["uv lock -q", *OLD]), team)
    commit(team, step.scratch / "work")
    alone = step(package_dir="packages/acme-train", output_dir="alone")
    refused(alone, 88, "acme-core", "Add a line to `--package-dir`: packages/acme-core")
    result = step(package_dir=("packages/acme-train", "packages/acme-core"))
    assert {name: version for name, (version, _) in pins(result).items()} == {"idna": "3.4", "markupsafe": "2.1.3"}
    assert "by uv.lock" in result.told
    assert step(package_dir="packages/acme-train").writes == [], "from the feed, which has it now"


def test_a_lock_of_six_hundred_packages_costs_less_than_a_second(step: Step) -> None:
    names, hashed = [f"package-{number}" for number in range(600)], 'hash = "sha256:' + "a" * 64 + '", size = 1'
    tags = [
        f"cp3{minor}-cp3{minor}-{each}" for minor in (10, 11, 12) for each in ("manylinux_2_17_x86_64", "win_amd64")
    ]
    text = 'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n\n[[package]]\nname = "acme-locked"\nversion = "1"\n'
    text += 'source = { editable = "." }\ndependencies = [\n'
    text += "".join(f'    {{ name = "{name}" }},\n' for name in names) + "]\n"
    for name in names:
        files = [f"{name.replace('-', '_')}-1-{tag}.whl" for tag in tags]
        text += (
            f'\n[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ registry = "https://index.example/simple" }}\n'
        )
        text += "wheels = [\n"
        text += "".join(f'    {{ url = "https://files.example/{each}", {hashed} }},\n' for each in files) + "]\n"
    project(step, *names)
    path = step.folder("work") / "uv.lock"
    path.write_text(text)
    began = os.times()
    found = uv_lock.read(path, LockFile("uv.lock", "uv lock"), [Asked("acme-locked")], Python("3.11.13"), whole=False)
    ended = os.times()
    assert len(found.packages) == len(names)
    # What the processor was busy with: a busy machine is no failure.
    assert sum(ended[:4]) - sum(began[:4]) < 1
