"""The proof comes before the first write: what can't be imported or installed spends no version."""

import base64
import pathlib
import shutil
import stat
import sys
from typing import Any

import pytest
from rehearsal.command.projects import commit
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED_TOKEN, READ_TOKEN
from rehearsed.steps import PACKAGES, PROJECTS, Result, Step, in_feed, refused, sha256, write_wheel

BROKEN = {
    "acme_undeclared/__init__.py": "import yaml\n",
    "acme_setting/__init__.py": "import os\nURL = os.environ['ACME_URL']\n",
    "acme_other_words/__init__.py": "import os\nPORT = int(os.getenv('ACME_PORT'))\n",
    "acme_script/__init__.py": "import argparse\nargparse.ArgumentParser().parse_args(['--epochs'])\n",
    "acme_exit/__init__.py": "import sys\nsys.exit(0)\n",
    "acme_silent/__init__.py": "import os\nos._exit(0)\n",
    "acme_syntax/__init__.py": "print 'Python 2'\n",
    "acme_crash/__init__.py": "import ctypes\nctypes.string_at(0)\n",
    "acme_lost/__init__.py": "from acme_lost import part\nimport acme_lost.models\n",
    "acme_lost/part.py": "",
    "acme_loud/__init__.py": "print('#' * 3_000_000)\n1 / 0\n",
    "acme_fine/__init__.py": "",
}
NAMED = (
    "acme_undeclared/__init__.py:1 imports yaml, and no package of the lock has it",
    "Add PyYAML to the dependencies",
    "acme_setting/__init__.py:2 needs the environment variable ACME_URL",
    "Read ACME_URL in the function that needs it",
    "It reads ACME_PORT when it is imported",
    "acme_script is a script: importing it ended Python with exit status 2",
    "acme_exit is a script: importing it ended Python with exit status 0",
    "acme_silent is a script: importing it ended Python with exit status 0",
    "acme_syntax can't be imported: SyntaxError",
    "Importing acme_crash ended Python with signal SIGSEGV",
    "acme_lost/__init__.py:2 imports acme_lost.models, and the installed acme_lost has no such module",
    "acme_loud can't be imported: ZeroDivisionError",
)


def test_each_module_that_cannot_be_imported_is_named_and_the_version_is_not_spent(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    broken = write_wheel(tmp_path / "broken", "acme-kinds", "1.0", files=BROKEN)
    result = step(wheel=broken)
    refused(result, 81, *NAMED, "nothing was published, so the version may stay")
    assert "acme_fine" not in result.told.partition("error:")[2]
    assert len(result.output) < 20_000
    refused(step(wheel=broken, dry_run="true"), 81, *NAMED)
    # A folder without __init__.py, and a name that the locked dependency doesn't have.
    names = {"acme_space/part.py": "from yaml import no_such_name\n"}
    declared = write_wheel(tmp_path / "declared", "acme-kinds", "1.0", files=names, requires=["PyYAML"])
    refused(step(wheel=declared), 81, "acme_space.part can't be imported: ImportError", "The locked version of what it")
    mended = dict.fromkeys(BROKEN, "") | {"acme_undeclared/__init__.py": "import yaml\n"}
    wheel = write_wheel(tmp_path / "mended", "acme-kinds", "1.0", files=mended, requires=["PyYAML"])
    released = step(wheel=wheel)
    assert released.status == 0, released.output
    assert [kind for _, kind in released.written] == ["upload", "connections", "environments"]
    assert in_feed(world) == {wheel.name: sha256(wheel)}
    assert "imported acme_crash, acme_exit, acme_fine, acme_lost, acme_loud" in released.told


@pytest.mark.long
def test_an_import_that_never_ends_is_named_and_the_version_is_not_spent(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    waiting = {"acme_waits/__init__.py": "import threading\nprint('connecting')\nthreading.Event().wait()\n"}
    hanging = write_wheel(tmp_path / "hanging", "acme-waits", "1.0", files=waiting)
    refused(step(wheel=hanging), 81, "acme_waits wasn't imported within", "Put that into a function")
    mended = write_wheel(
        tmp_path / "mended", "acme-waits", "1.0", files={"acme_waits/__init__.py": "def wait(): ...\n"}
    )
    released = step(wheel=mended)
    assert released.status == 0, released.output
    assert in_feed(world) == {mended.name: sha256(mended)}


@pytest.mark.long
def test_an_import_that_never_ends_is_ended_and_the_version_is_not_spent(step: Step, tmp_path: pathlib.Path) -> None:
    endless = {
        "acme_waits/__init__.py": "import time\nwhile True:\n    time.sleep(1)\n",
        "acme_writes/__init__.py": "while True:\n    print('#' * 1_000_000)\n",
    }
    broken = write_wheel(tmp_path / "broken", "acme-endless", "1.0", files=endless)
    result = step(wheel=broken)
    named = ("acme_waits wasn't imported within 120 seconds", "acme_writes wasn't imported within 120 seconds")
    refused(result, 81, *named, "Put that into a function, and run the step again")
    assert len(result.output) < 100_000
    mended = dict.fromkeys(endless, "def main():\n    while True:\n        pass\n")
    released = step(wheel=write_wheel(tmp_path / "mended", "acme-endless", "1.0", files=mended))
    assert released.status == 0, released.output
    assert "imported acme_waits, acme_writes" in released.told


def test_reading_a_setting_while_being_imported(step: Step, tmp_path: pathlib.Path) -> None:
    """The case `import-env`: the fix is followed to the letter, and the version stays."""
    project = commit(PROJECTS / "cases/import-env/proj", tmp_path / "proj")
    told = "acme_env can't be imported: acme_env/__init__.py:2 needs the environment variable SCORING_ENDPOINT"
    refused(step(package_dir=project), 81, told, "Read SCORING_ENDPOINT in the function that needs it")
    code = "import os\n\n\ndef endpoint():\n    return os.environ['SCORING_ENDPOINT']\n"
    (project / "src/acme_env/__init__.py").write_text(code)
    released = step(package_dir=project)
    assert released.status == 0, released.output
    assert released.outputs["package-version"] == "1.0.0"


def test_a_library_that_the_image_may_have_is_a_warning(step: Step, tmp_path: pathlib.Path) -> None:
    """The case `mpi`: the library and its package are named; whoever wants the import gets an error."""
    project = commit(PROJECTS / "cases/mpi", tmp_path / "proj")
    told = "needs libmpi.so"
    refused(step(package_dir=project, verify="import"), 98, "acme_mpi: mpi4py", told, "Set `--verify` to install")
    page = tmp_path / "summary.md"
    page.touch()
    result = step(package_dir=project, env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)})
    assert result.status == 0, result.output
    assert "::warning title=amlwheel::The packages were installed, not imported" in result.output
    assert told in result.told
    assert "Installed, not imported: " in page.read_text()
    assert told in page.read_text()


# --- the environment's Python

MINOR = "3.13" if sys.version_info[:2] != (3, 13) else "3.12"
# A runner's tool cache has Pythons that aren't on PATH. This one says that it is another than it is.
PRETENDING = f"""#!/bin/sh
case "$*" in *version_info*) echo {MINOR};; *) echo "$*" >> "$0.log"; exec {sys.executable} "$@";; esac
"""


@pytest.fixture
def bare(tmp_path: pathlib.Path) -> dict[str, str]:
    """Return the variables of a machine that has one Python, which isn't the environment's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return {"PATH": str(folder), "UV_PYTHON_INSTALL_DIR": str(tmp_path / "none"), "GITHUB_ACTIONS": "true"}


def test_the_environments_python_is_found_in_the_tool_cache(
    step: Step, wheel: pathlib.Path, bare: dict[str, str], tmp_path: pathlib.Path
) -> None:
    place = tmp_path / f"tools/Python/{MINOR}.7/x64"
    (place / "bin").mkdir(parents=True)
    place.with_name("x64.complete").touch()
    python = place / "bin/python3"
    python.write_text(PRETENDING)
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    for variable in ("RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"):
        env = {**bare, variable: str(tmp_path / "tools")}
        result = step(wheel=wheel, python_version=MINOR, dry_run="true", env=env)
        assert result.status == 0, result.output
        assert "imported acme_features" in result.told
        assert "::warning" not in result.output
    assert (place / "bin/python3.log").read_text().count("importing.py") == 2


def test_without_it_both_hosts_warn_with_the_lines_that_give_one(
    step: Step, wheel: pathlib.Path, bare: dict[str, str], tmp_path: pathlib.Path
) -> None:
    page = tmp_path / "summary.md"
    page.touch()
    why = f"installed, not imported: there is no Python {MINOR} on this machine"
    given: dict[str, Any] = {"wheel": wheel, "python_version": MINOR}
    result = step(**given, env={**bare, "GITHUB_STEP_SUMMARY": str(page)})
    assert result.status == 0, result.output
    assert f"::warning title=amlwheel::The packages were {why}." in result.output
    assert f"there is no Python {MINOR} on this machine" in page.read_text()
    assert "Installed, not imported: 1 installed" in page.read_text()
    assert f'python-version: "{MINOR}", update-environment: false' in page.read_text()
    azure = step(
        **given,
        dry_run="true",
        output_dir="again",
        environment_name="b",
        env={**bare, "GITHUB_ACTIONS": "", "TF_BUILD": "True"},
    )
    assert f"##vso[task.logissue type=warning;]The packages were {why}." in azure.output
    assert f'versionSpec: "{MINOR}", addToPath: false' in azure.output
    strict = step(**given, output_dir="c", environment_name="c", verify="import", env={**bare, "GITHUB_ACTIONS": ""})
    refused(strict, 98, f"there is no Python {MINOR}", "Put these lines before the step", f"uv python install {MINOR}")


# --- with whose token, and what is fetched when


def tokens(result: Result, name: str) -> list[str]:
    """Return user or password with which a file of the feed was asked for, in order; uv first asks without any."""
    lines = [line for line in result.requests if "/download/" in line["url"] and name in line["url"]]
    given = filter(None, (line["request_headers"].get("authorization") for line in lines))
    pairs = [base64.b64decode(each.removeprefix("Basic ")).decode().partition(":") for each in given]
    return [password or f"{user}:" for user, _, password in pairs]


def test_other_packages_of_the_feed_are_proven_with_the_workspaces_token_and_ours_when_published(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seed", "acme-secret", "2.0"))
    wheel = write_wheel(
        tmp_path / "wheels",
        "acme-user",
        "1.0",
        requires=["acme-secret"],
        files={"acme_user/job.py": "import acme_secret\n"},
    )
    result = step(wheel=wheel)
    assert result.status == 0, result.output
    assert "imported acme_user.job" in result.told
    assert set(tokens(result, "acme_secret")) <= {READ_TOKEN, FEED_TOKEN}
    assert READ_TOKEN in tokens(result, "acme_secret")
    assert sorted(tokens(result, "acme_user")) == sorted([READ_TOKEN, f"{READ_TOKEN}:"])  # both forms of the builder
    order = [line["method"] for line in result.requests if "acme_user" in line["url"] or "/upload" in line["url"]]
    assert order == ["POST", "GET", "GET"]


def test_what_readers_are_not_given_is_not_registered_and_the_next_run_goes_on(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    world.fail({"host": PACKAGES, "path": "/download/.*acme_features", "status": 404})
    result = step(wheel=wheel)
    assert result.status == 80, result.output
    assert "gives `AMLWHEEL_CONNECTION_TOKEN` no file" in result.told
    assert [kind for _, kind in result.written] == ["upload", "connections"]
    world.fail()
    again = step(wheel=wheel)
    assert [kind for _, kind in again.written] == ["environments"]


def test_a_damaged_wheel_and_files_that_are_only_asked_for(step: Step, tmp_path: pathlib.Path) -> None:
    broken = write_wheel(
        tmp_path / "broken", "acme-files", "1.0", requires=["numpy"], files={"acme_files.py": "1 / 0\n"}
    )
    refused(step(wheel=broken), 81, "acme_files.py:1")
    result = step(wheel=broken, verify="files")
    assert result.status == 0, result.output
    assert "Files proven, nothing installed or imported: 1 of 1 file from elsewhere" in result.told
    assert "Prepared" not in result.output
