"""What a project's files declare of name and version, without running them."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from amlwheel.build import declared

SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=64"{}]\nbuild-backend = "setuptools.build_meta"\n'
HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
POETRY = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
OWN = '[build-system]\nrequires = []\nbuild-backend = "maturin"\n'

CASES: list[tuple[dict[str, str], str | None, str | None]] = [
    # none at all
    ({"pyproject.toml": "[tool.ruff]\n"}, None, None),
    ({"pyproject.toml": HATCH}, None, None),
    ({"pyproject.toml": POETRY}, None, None),
    ({"pyproject.toml": "project = 3\n"}, None, None),
    ({"pyproject.toml": POETRY + '[tool.poetry]\npackage-mode = false\nname = "a"\nversion = "1"\n'}, None, None),
    ({"setup.cfg": "[metadata]\ndescription = x\n", "setup.py": "import setuptools\nsetuptools.setup()\n"}, None, None),
    ({"setup.cfg": "[flake8]\n", "setup.py": "from setuptools import setup\nsetup()\n"}, None, None),
    # half
    ({"pyproject.toml": '[project]\nname = "a"\n'}, "a", None),
    ({"pyproject.toml": '[project]\nversion = "1"\n'}, None, "1"),
    ({"pyproject.toml": '[project]\nname = "a"\ndynamic = "version"\n'}, "a", None),
    ({"setup.py": 'from setuptools import setup\nsetup(name="a", packages=["a"])\n'}, "a", None),
    ({"setup.py": 'import setuptools as s\ns.setup(version="1", name=None)\n'}, None, "1"),
    ({"setup.cfg": "[metadata]\nname = a\n", "setup.py": "setup()\n"}, "a", None),
    # all
    ({"pyproject.toml": '[project]\nname = "a"\nversion = "1"\n'}, "a", "1"),
    ({"pyproject.toml": HATCH + '[project]\nname = "a"\ndynamic = ["version"]\n'}, "a", ""),
    ({"pyproject.toml": POETRY + '[tool.poetry]\nname = "a"\nversion = "1"\n'}, "a", "1"),
    ({"pyproject.toml": POETRY + '[project]\nname = "a"\n[tool.poetry]\nversion = "1"\n'}, "a", "1"),
    (
        {
            "pyproject.toml": POETRY
            + '[tool.poetry]\nname = "a"\nversion = "0"\n[tool.poetry-dynamic-versioning]\na = 1\n'
        },
        "a",
        "",
    ),
    ({"pyproject.toml": '[tool.flit.metadata]\nmodule = "a"\n'}, "a", ""),
    ({"pyproject.toml": '[tool.flit.metadata]\nmodule = "a"\ndist-name = "b"\n'}, "b", ""),
    ({"pyproject.toml": '[tool.pdm]\nname = "a"\nversion = {source = "scm"}\n'}, "a", ""),
    ({"setup.cfg": "[metadata]\nname = a\nversion = 1.0\n", "setup.py": "setup()\n"}, "a", "1.0"),
    ({"setup.cfg": "[metadata]\nname = a\nversion = attr: a.v\n", "pyproject.toml": SETUPTOOLS}, "a", ""),
    ({"setup.py": 'setup(name="a", version="1")\n'}, "a", "1"),
    ({"setup.py": 'import os\nsetup(name=NAME, version=os.environ["V"])\n'}, "", ""),
    ({"setup.py": 'if a:\n  setup(name="a")\nelse:\n  setup(version="1")\n'}, "a", "1"),
    ({"setup.cfg": "[metadata]\nname = a\n", "setup.py": "setup(pbr=True)\n"}, "a", ""),
    ({"setup.py": 'setup(name="a", use_scm_version=True)\n'}, "a", ""),
    ({"setup.py": "setup(**about)\n"}, "", ""),
    ({"setup.py": "setup(about)\n"}, "", ""),
    ({"setup.py": "from helper import run\nrun()\n"}, "", ""),
    ({"setup.py": "print 'Python 2'\n"}, "", ""),
    ({"setup.py": "setup()\n", "setup.cfg": "no section\n"}, "", ""),
    ({"pyproject.toml": SETUPTOOLS.format(', "setuptools-scm", "!"'), "setup.py": 'setup(name="a")\n'}, "a", ""),
    # nobody can tell without running them
    ({"pyproject.toml": OWN}, "", ""),
    ({"pyproject.toml": "not toml ["}, "", ""),
    ({"pyproject.toml": "\N{BYTE ORDER MARK}[project]\n"}, "", ""),
]


@pytest.mark.parametrize(("files", "name", "version"), CASES)
def test_name_and_version(tmp_path: Path, files: Mapping[str, str], name: str | None, version: str | None) -> None:
    for path, text in files.items():
        (tmp_path / path).write_text(text.replace("]{}", "]").replace("{}", ""), encoding="utf-8")
    said = declared.read(tmp_path)
    assert (said.name, said.version) == (name, version)


@pytest.mark.parametrize(
    ("requires", "tool"),
    [("setuptools-scm[toml]>=8", True), ("hatch-vcs", True), ("cython", False)],
)
def test_a_tool_for_versions_is_known_by_its_name(tmp_path: Path, requires: str, *, tool: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[build-system]\nrequires = ["setuptools", "{requires}"]\n')
    assert declared.read(tmp_path).tool is tool
