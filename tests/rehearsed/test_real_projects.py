"""Real projects of the public index, over all the build backends that matter, released by the command for people."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest
from rehearsal.artifacts import upstream
from rehearsal.state.names import FEED, RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE
from rehearsed.steps import EMITTED, ROOT, Step, sha256


@dataclass(frozen=True)
class Project:
    """An sdist of the public index, and how it is built."""

    name: str
    version: str
    backend: str
    compiled: bool = False


PROJECTS = [
    Project("python-dotenv", "1.2.4", "setuptools"),
    Project("inflection", "0.5.1", "setuptools, setup.py alone"),
    Project("markupsafe", "3.0.4", "setuptools, C", compiled=True),
    Project("attrs", "26.1.0", "hatchling"),
    Project("tomli", "2.5.0", "flit"),
    Project("tomlkit", "0.13.3", "poetry-core"),
    Project("annotated-doc", "0.0.7", "pdm"),
    Project("django-stubs-ext", "6.1.2", "uv_build"),
    Project("meson-python", "0.18.0", "meson-python"),
]


def download(project: Project, folder: pathlib.Path) -> pathlib.Path:
    """Fetch a project's sdist from the index that this machine uses."""
    file = next(
        one
        for one in upstream.files(project.name)
        if re.fullmatch(rf".*-{re.escape(project.version)}\.tar\.gz", one.filename)
    )
    path = folder / file.filename
    path.write_bytes(upstream.fetch(file))
    assert sha256(path) == file.sha256
    return path


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: f"{project.name}-{project.backend.split(',')[0]}")
def test_a_real_project_is_released(project: Project, tmp_path: pathlib.Path, caches: dict[str, str]) -> None:
    if project.compiled and not shutil.which("cc"):
        pytest.skip("there is no C compiler here")
    sdist, kept = download(project, tmp_path), tmp_path / "kept"
    fitting = ["--python-version", ".".join(map(str, sys.version_info[:2]))] if project.compiled else []
    command = [sys.executable, "-B", str(ROOT / "scripts" / "rehearse"), str(sdist), "--keep", str(kept), *fitting]
    env = {**Step.inherited(), **caches, "HOME": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((kept / name).is_file() for name in EMITTED)
    receipt = json.loads((kept / "aml-release.json").read_text("utf-8"))
    (package,) = receipt["packages"]
    assert (package["name"], package["version"]) == (project.name, project.version)
    (published,) = (kept / "azure" / "feeds").glob(f"*/*/{FEED}/published/*")
    assert published.name == package["wheel"]
    assert sha256(published) == sha256(kept / "dist" / package["wheel"]) == package["sha256"]
    assert f"{project.name}=={project.version} --hash=sha256:{package['sha256']}\n" in (
        kept / "requirements.lock"
    ).read_text("utf-8")
    workspaces = json.loads((kept / "azure" / "arm.json").read_text("utf-8"))[SUBSCRIPTION_ID][RESOURCE_GROUP]
    environment = receipt["environment"]
    assert environment["version"] in workspaces[WORKSPACE]["environments"][environment["name"]]
    assert f"Released {environment['reference']}" in done.stdout
    assert ("none-any" in package["wheel"]) is not project.compiled
