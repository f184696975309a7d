"""What code of others does where no kernel refuses it: each ends as an error of its own, before the first write."""

import dataclasses
import pathlib
import shutil
import sys

import pytest
from rehearsal.state.names import FEED_TOKEN
from rehearsed.steps import Step, write_wheel

HERE = ".".join(map(str, sys.version_info[:2]))
"""The Python that is surely on this machine: a proof imports with it."""
PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-foreign"
version = "1.0"
"""
ITS_OWN = "a line of our own\n"


@pytest.fixture
def step(step: Step) -> Step:
    """Return the step as it runs on a kernel without Landlock, which would refuse all of this."""
    program = pathlib.Path(__file__).with_name("without_landlock.py")
    return dataclasses.replace(step, command=(sys.executable, program, *step.command))


def project(folder: pathlib.Path, code: str) -> pathlib.Path:
    """Return a project whose build runs ``code``."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "acme_foreign.py").touch()
    (folder / "setup.py").write_text(f"import setuptools\n{code}\nsetuptools.setup(py_modules=['acme_foreign'])\n")
    return folder


def github(folder: pathlib.Path) -> dict[str, str]:
    """Return a runner's variables for its files, which lie beside those of the Action around the step."""
    place = folder / "_temp" / "_runner_file_commands"
    place.mkdir(parents=True)
    names = {"GITHUB_ENV": "set_env", "GITHUB_OUTPUT": "set_output", "GITHUB_PATH": "add_path"}
    names |= {"GITHUB_STATE": "save_state", "GITHUB_STEP_SUMMARY": "step_summary"}
    for name in names.values():
        (place / f"{name}_outer").touch()
        (place / f"{name}_step").touch()
    (place / "step_summary_step").write_text(ITS_OWN)
    own = {variable: str(place / f"{name}_step") for variable, name in names.items()}
    return {"GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(folder / "_temp"), **own}


def contents(files: dict[str, str]) -> dict[str, str]:
    return {path.name: path.read_text() for path in pathlib.Path(files["GITHUB_ENV"]).parent.iterdir()}


FORGE = """\
import pathlib
for path in pathlib.Path({0!r}).iterdir():
    if path.name not in ("set_output_step", "set_env_outer"): continue
    with path.open("a") as file: file.write("wheel-sha256=0000\\n")
"""


@pytest.mark.network
def test_a_build_that_writes_the_hosts_files_is_stopped(step: Step, tmp_path: pathlib.Path) -> None:
    files = github(tmp_path)
    before = contents(files)
    forging = project(tmp_path / "project", FORGE.format(str(pathlib.Path(files["GITHUB_ENV"]).parent)))
    result = step(package_dir=forging, env=files)
    assert result.status == 185, result.output
    assert "AW185" in result.output
    assert "set_env_outer, set_output_step" in result.told
    assert result.writes == []
    assert contents(files) == {**before, "step_summary_step": (page := contents(files)["step_summary_step"])}
    assert page.startswith(f"{ITS_OWN}## Failed: AW185 ")


SWAP = """\
import pathlib, shutil
shutil.copyfile({1!r}, {0!r})
""" + FORGE.replace("{0!r}", "{2!r}")


@pytest.mark.network
def test_an_import_that_swaps_the_wheel_and_forges_outputs_publishes_nothing(
    step: Step, tmp_path: pathlib.Path
) -> None:
    files, code = github(tmp_path), pathlib.Path(tmp_path / "code.py")
    other = write_wheel(tmp_path / "other", "acme-swapped", "1.0", text="other bytes")
    name = "acme_swapped/__init__.py"
    place = tmp_path / "dist" / other.name
    code.write_text(SWAP.format(str(place), str(other), str(pathlib.Path(files["GITHUB_ENV"]).parent)))
    write_wheel(place.parent, "acme-swapped", "1.0", files={name: code.read_text()})
    forged = step(wheel=place, python_version=HERE, env=files)
    assert (forged.status, forged.writes) == (185, []), forged.output
    assert contents(files)["step_summary_step"].startswith(f"{ITS_OWN}## Failed: AW185 ")
    write_wheel(place.parent, "acme-swapped", "1.0", files={name: code.read_text()})
    swapped = step(wheel=place, python_version=HERE, env={"GITHUB_ACTIONS": ""})
    assert swapped.status == 183, swapped.output
    assert "What to do: " in swapped.output
    assert swapped.writes == []


POISON = """\
import os, pathlib, shutil
place = pathlib.Path(shutil.which("uv", path=os.environ["PATH"])).resolve().parents[1]
(module,) = place.glob("lib/python3*/site-packages/twine/repository.py")
old = module.stat()
text = module.read_text()
module.write_text("import os; open({0!r}, 'a').write(str(dict(os.environ)))\\n" + text)
os.utime(module, ns=(old.st_atime_ns, old.st_mtime_ns))
"""


@pytest.mark.network
@pytest.mark.skipif(sys.platform == "win32", reason="its environments have another layout")
def test_a_build_that_changes_the_steps_own_packages_gets_no_token(step: Step, tmp_path: pathlib.Path) -> None:
    stolen = tmp_path / "stolen"
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache")}  # an environment that no other test shares
    poisoning = project(tmp_path / "project", POISON.format(str(stolen)))
    result = step(package_dir=poisoning, env=own)
    assert not stolen.exists() or FEED_TOKEN not in stolen.read_text()
    assert result.status == 184, result.output
    assert "twine/repository.py" in result.told
    assert result.writes == []
    shutil.rmtree(poisoning)
    clean = step(package_dir=project(tmp_path / "project", ""), env=own, verify="none")  # it is made anew
    assert clean.status == 0, clean.output
    assert not stolen.exists() or FEED_TOKEN not in stolen.read_text()
