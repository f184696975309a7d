"""A project that is none is told before the build; a wheel that nobody can have meant, after it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from amlwheel.build import package, wheel
from amlwheel.errors.build import CheckoutIncomplete, EmptyWheel, NoProject, NothingDeclared
from amlwheel.model.wheel import Wheel
from unit.parts import pack


def put(folder: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


SETUP = "from setuptools import setup\n"
NAMED = '[project]\nname = "acme"\nversion = "1.0"\n'

# --- before the build


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    old = put(tmp_path / "old", {"setup.py": f'{SETUP}setup(name="old", version="1")\n'})
    (tmp_path / "empty").mkdir()
    package.check_projects([old])
    with pytest.raises(NoProject, match="has neither pyproject"):
        package.check_projects([old, str(tmp_path / "empty")])
    with pytest.raises(NoProject, match="is not a folder"):
        package.check_projects([str(tmp_path / "nowhere")])


@pytest.mark.parametrize(
    ("files", "what", "fix"),
    [
        (
            {"pyproject.toml": "[tool.black]\n", "acme_tools/__init__.py": "", "tests/__init__.py": ""},
            "declares no name and no version",
            'below the line [project]: name = "acme_tools" and version = "0.1.0", each on a line',
        ),
        ({"pyproject.toml": "[tool.black]\n", "src/lib/__init__.py": ""}, "no name", 'name = "lib"'),
        ({"pyproject.toml": "[tool.black]\n"}, "no name", 'name = "proj"'),
        ({"pyproject.toml": '[project]\nname = "a"\n'}, "declares no version", 'line [project]: version = "0.1.0"'),
        (
            {"pyproject.toml": '[tool.poetry]\nversion = "1"\n'},
            "declares no name of",
            "below the line [tool.poetry]: name",
        ),
        ({"setup.py": f'{SETUP}setup(name="a")\n'}, "no version", 'Write in setup() of setup.py: version="0.1.0".'),
        ({"setup.py": f"{SETUP}setup()\n"}, "no name and", 'setup.py: name="proj", version="0.1.0".'),
        ({"setup.cfg": "[metadata]\nname = a\n", "pyproject.toml": ""}, "no version", "setup.cfg: version = 0.1.0"),
        (
            {"pyproject.toml": "[tool.poetry]\npackage-mode = false\n"},
            "no name and no version",
            "Delete package-mode = false from [tool.poetry]",
        ),
    ],
)
def test_a_project_without_name_or_version_is_told_what_to_write(
    tmp_path: Path, files: Mapping[str, str], what: str, fix: str
) -> None:
    with pytest.raises(NothingDeclared, match=what) as caught:
        package.check_projects([put(tmp_path / "proj", files)])
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("root", "found"),
    [
        (
            '[tool.uv.workspace]\nmembers = ["packages/*", "apps/**"]\nexclude = ["packages/old"]\n',
            "apps/deep/api packages/core",
        ),
        ('[tool.uv.workspace]\nmembers = ["packages/old"]\n', "packages/old"),
        ("[tool.ruff]\n", "packages/core packages/old"),
        (None, "packages/core packages/old"),
    ],
)
def test_a_root_says_which_packages_are_below_it(tmp_path: Path, root: str | None, found: str) -> None:
    files = {
        f"{each}/pyproject.toml": NAMED
        for each in ("packages/core", "packages/old", "apps/deep/api", "tests/sample", ".venv/x")
    }
    files |= {"packages/README.md": "", "packages/notes/pyproject.toml": "[tool.ruff]\n"}
    folder = put(tmp_path, {**files, **({"pyproject.toml": root} if root is not None else {})})
    with pytest.raises(NoProject, match="but below it are") as caught:
        package.check_projects([folder])
    told = caught.value.fix.partition("line of its own: ")[2].split()
    assert [Path(each).relative_to(folder).as_posix() for each in told] == found.split()


def test_a_root_that_is_a_project_is_one(tmp_path: Path) -> None:
    files = {"pyproject.toml": f'{NAMED}[tool.uv.workspace]\nmembers = ["a"]\n', "a/pyproject.toml": NAMED}
    package.check_projects([put(tmp_path, files)])


# --- the wheel


def built(folder: Path, filename: str = "acme-1.0-py3-none-any.whl", files: Mapping[str, str] | None = None) -> Wheel:
    return wheel.inspect(pack(folder, filename, files=files))


def test_a_usual_wheel_passes(tmp_path: Path) -> None:
    package.check(built(tmp_path), None)
    package.check(built(tmp_path), put(tmp_path / "code", {"pyproject.toml": NAMED}))
    package.check(built(tmp_path, files={"acme-1.0.data/scripts/run": "x"}), None)


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 48605698\n"


@pytest.mark.parametrize("folder", [".", None])
def test_a_pointer_of_git_lfs_is_refused(tmp_path: Path, folder: str | None) -> None:
    files = {"acme/__init__.py": "", "acme/model.pkl": POINTER}
    with pytest.raises(CheckoutIncomplete, match=r"1 pointer.* 'acme/model.pkl'") as caught:
        package.check(built(tmp_path, files=files), folder)
    assert "git lfs pull" in caught.value.fix
    package.check(built(tmp_path, files={"acme/__init__.py": "", "acme/lfs.md": POINTER[:43] + "is a pointer"}), None)


@pytest.mark.parametrize(
    ("files", "fix"),
    [
        ({"pyproject.toml": NAMED}, "leave it out and write them in `requirements`"),
        ({"pyproject.toml": NAMED, "lib/a/__init__.py": ""}, "leave it out and write them in `requirements`"),
        ({"pyproject.toml": NAMED, "src/a/__init__.py": ""}, 'where = ["src"]'),
        ({"pyproject.toml": NAMED, "a/__init__.py": ""}, 'where = ["."]'),
        (
            {"pyproject.toml": f'{NAMED}[build-system]\nbuild-backend = "hatchling.build"\n', "src/a/__init__.py": ""},
            'below the line [tool.hatch.build.targets.wheel]: packages = ["src/a"]',
        ),
        (None, "Name the package's folder"),
    ],
)
def test_a_wheel_with_nothing_in_it_is_refused(tmp_path: Path, files: Mapping[str, str] | None, fix: str) -> None:
    folder = None if files is None else put(tmp_path / "code", files)
    with pytest.raises(EmptyWheel, match="no file beside its own metadata") as caught:
        package.check(built(tmp_path, files={"acme/": ""}), folder)
    assert fix in caught.value.fix


@pytest.mark.parametrize("text", ["", '[tool.uv.workspace]\nmembers = ["libs/*"]\n'])
def test_an_empty_root_of_a_workspace_names_its_members(tmp_path: Path, text: str) -> None:
    files = {"pyproject.toml": f"{NAMED}{text}", "libs/a/pyproject.toml": NAMED, "libs/b/pyproject.toml": NAMED}
    folder = put(tmp_path / "code", files)
    with pytest.raises(EmptyWheel) as caught:
        package.check(built(tmp_path, files={"acme/": ""}), folder)
    assert caught.value.cause == "It is the root of a workspace, or of a repository with several packages."
    assert caught.value.fix == (
        f"Write in `package-dir` those to release, each on a line of its own: {folder}/libs/a {folder}/libs/b"
    )


@pytest.mark.parametrize("table", ["tool.hatch.build.targets.wheel", "tool.hatch.build"])
def test_a_metapackage_that_says_so_passes(tmp_path: Path, table: str) -> None:
    folder = put(tmp_path / "code", {"pyproject.toml": f"{NAMED}[{table}]\nbypass-selection = true\n"})
    package.check(built(tmp_path, files={"acme/": ""}), folder)


def test_a_name_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    unknown = built(tmp_path, "UNKNOWN-1.0-py3-none-any.whl")
    with pytest.raises(NothingDeclared, match="has the name UNKNOWN"):
        package.check(unknown, None)
    with pytest.raises(NothingDeclared, match="has the name UNKNOWN"):
        package.check(unknown, put(tmp_path / "code", {"setup.py": ""}))
    package.check(unknown, put(tmp_path / "named", {"pyproject.toml": '[project]\nname = "Unknown"\nversion = "1"\n'}))


ZERO = "acme-0.0.0-py3-none-any.whl"
DYNAMIC = '[project]\nname = "acme"\ndynamic = ["version"]\n'
SCM = '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'


@pytest.mark.parametrize(
    ("pyproject", "code", "fix"),
    [
        (
            DYNAMIC,
            "",
            'below the line [project]: version = "0.1.0", each on a line of its own, and delete version from',
        ),
        (SCM + DYNAMIC, '__version__ = "0.0.0"\n', "fetch-depth: 0"),
        (None, "version = get()\n", ", and build the wheel again."),
    ],
)
def test_a_version_that_nobody_declared_is_refused(tmp_path: Path, pyproject: str | None, code: str, fix: str) -> None:
    folder = None if pyproject is None else put(tmp_path / "code", {"pyproject.toml": pyproject})
    for filename in (ZERO, "acme-0-py3-none-any.whl", "acme-0+unknown-py3-none-any.whl"):
        with pytest.raises(NothingDeclared, match="which its project doesn't declare") as caught:
            package.check(built(tmp_path, filename, {"acme/__init__.py": code}), folder)
        assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("pyproject", "code"),
    [
        ('[project]\nname = "acme"\nversion = "0.0.0"\n', ""),
        (DYNAMIC, '__version__: str = "0.0.0"\n'),
        (DYNAMIC, "VERSION = '0.0'\n"),
        (None, '__version__ = "0.0.0"\n'),
    ],
)
def test_0_0_0_may_be_meant(tmp_path: Path, pyproject: str | None, code: str) -> None:
    folder = None if pyproject is None else put(tmp_path / "code", {"pyproject.toml": pyproject})
    package.check(built(tmp_path, ZERO, {"acme/__init__.py": code}), folder)


def test_a_nightly_version_may_begin_with_zeros(tmp_path: Path) -> None:
    for version in ("0.0.0.dev20261128", "0.0.0a1", "0.0.post3", "0.0.1"):
        package.check(built(tmp_path, f"acme-{version}-py3-none-any.whl"), None)
