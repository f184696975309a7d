"""What the tables of uv, Poetry and PDM say about where packages come from, as far as it applies to the image."""

from pathlib import Path
from textwrap import dedent

import pytest
from amlwheel.model.environment import Python
from amlwheel.origins import checkout, pdm, poetry, uv
from amlwheel.origins.declared import PUBLIC, Declared, General, Target
from amlwheel.origins.tables import settings
from amlwheel.transport import tools

TARGET = Target(Python("3.11.13").markers, frozenset(["gpu"]))
CPU, OTHER = "https://download.pytorch.org/whl/cpu", "https://i.example/simple"


def write(folder: Path, text: str, name: str = "pyproject.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(dedent(text), "utf-8")
    return folder


def said(found: Declared) -> list[tuple[str, str, str, str]]:
    return [(each.name, each.kind, each.place, each.detail) for each in found.origins]


def test_uvs_sources(tmp_path: Path) -> None:
    text = """
        [tool.uv.sources]
        Torch = [
          { index = "cpu", marker = "sys_platform == 'linux'" },
          { index = "gone", marker = "sys_platform == 'win32'" },
          { index = "gpu", extra = "gpu" },
          { index = "none", extra = "none" },
        ]
        flat = { index = "flat" }
        lost = { index = "lost" }
        fork = { git = "https://github.com/acme/fork", tag = "v1" }
        model = { url = "https://i.example/model-1-py3-none-any.whl" }
        near = { path = "../near", editable = true }
        odd = { marker = "not a marker", workspace = true }
        not-ours = { workspace = false }
        nothing = "text"
        [[tool.uv.index]]
        name = "cpu"
        url = "https://download.pytorch.org/whl/cpu"
        explicit = true
        [[tool.uv.index]]
        name = "flat"
        url = "https://i.example/list.html"
        format = "flat"
        explicit = true
        [[tool.uv.index]]
        name = "gpu"
        url = "https://i.example/simple"
        [[tool.uv.index]]
        url = "https://i.example/default"
        default = true
        [tool.uv]
        extra-index-url = ["https://i.example/extra"]
        index-url = "https://i.example/first"
        torch-backend = "auto"
    """
    found = uv.read(write(tmp_path / "proj", text), TARGET)
    assert said(found) == [
        ("torch", "index", CPU, "cpu"),
        ("torch", "index", OTHER, "gpu"),
        ("flat", "files", "https://i.example/list.html", "flat"),
        ("lost", "index", "", "lost"),
        ("fork", "git", "https://github.com/acme/fork", "tag v1"),
        ("model", "url", "https://i.example/model-1-py3-none-any.whl", ""),
        ("near", "path", "../near", ""),
        ("odd", "workspace", "this workspace", ""),
    ]
    assert found.origins[6].folder == tmp_path / "near"
    assert [(each.place, each.default) for each in found.general] == [
        (OTHER, False),
        ("https://i.example/default", True),
        ("https://i.example/extra", False),
        ("https://i.example/first", True),
    ]


def test_a_member_inherits_from_its_workspace(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        """
        [tool.uv.workspace]
        members = ["packages/*", "also/"]
        exclude = ["packages/old"]
        [tool.uv.sources]
        core = { workspace = true }
        torch = { index = "cpu" }
        near = { path = "vendor/near" }
        [[tool.uv.index]]
        name = "cpu"
        url = "https://download.pytorch.org/whl/cpu"
        explicit = true
        [tool.uv.pip]
        torch-backend = "cu126"
        """,
    )
    core = write(root / "packages/core", '[project]\nname = "Core"\n')
    train = write(root / "packages/train", '[project]\nname = "train"\n[tool.uv.sources]\ntorch = { path = "own" }\n')
    old = write(root / "packages/old", '[project]\nname = "old"\n')
    (root / "packages/empty").mkdir()
    found = uv.read(train, TARGET)
    origins = {(each.name, each.kind): each for each in found.origins}
    assert origins["core", "workspace"].folder == core
    assert origins["torch", "path"].folder == train / "own"
    assert origins["near", "path"].folder == root / "vendor/near"
    assert origins["torch", "index"].place == "https://download.pytorch.org/whl/cu126"
    assert origins["torch", "index"].table.startswith("torch-backend of ")
    assert found.members == {"core": core, "train": train}
    assert uv.workspace(old) is None
    assert uv.workspace(root) == root


def test_a_uv_toml_takes_the_place_of_the_table(tmp_path: Path) -> None:
    write(tmp_path, '[[tool.uv.index]]\nurl = "https://i.example/not"\n')
    write(tmp_path, '[[index]]\nurl = "https://i.example/simple"\n', "uv.toml")
    assert [each.place for each in uv.read(tmp_path, TARGET).general] == [OTHER]


POETRY = """
[tool.poetry.dependencies]
python = "^3.10"
Torch = [
  { version = "2.5.1", source = "Cpu", platform = "linux" },
  { version = "2.5.1", source = "pypi", platform = "darwin" },
  { version = "2.5.1", source = "pypi", markers = "python_version < '3.9'" },
  { version = "2.5.1", source = "pypi", python = "<3.9" },
]
numpy = { version = "*", source = "PyPI", python = "^3.10" }
lost = { version = "*", source = "lost" }
fork = { git = "https://github.com/acme/fork", branch = "main" }
near = { path = "../near", develop = true }
model = { url = "https://i.example/model.whl" }
six = "*"
[tool.poetry.group.gpu.dependencies]
cuda = { version = "*", source = "cpu" }
[tool.poetry.group.dev.dependencies]
tool = { path = "../tool" }
[[tool.poetry.source]]
name = "cpu"
url = "https://download.pytorch.org/whl/cpu"
priority = "explicit"
"""


def test_poetrys_dependencies(tmp_path: Path) -> None:
    found = poetry.read(write(tmp_path / "proj", POETRY), TARGET)
    assert said(found) == [
        ("torch", "index", CPU, "Cpu"),
        ("numpy", "index", PUBLIC, "PyPI"),
        ("lost", "index", "", "lost"),
        ("fork", "git", "https://github.com/acme/fork", "branch main"),
        ("near", "path", "../near", ""),
        ("model", "url", "https://i.example/model.whl", ""),
        ("cuda", "index", CPU, "cpu"),
    ]
    assert found.general == ()


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ('name = "a"\nurl = "https://a.example"', [("https://a.example", True)]),
        ('name = "a"\nurl = "https://a.example"\npriority = "supplemental"', []),
        ('name = "a"\nurl = "https://a.example"\nsecondary = true', []),
        ('name = "a"\nurl = "https://a.example"\npriority = "default"', [("https://a.example", True)]),
        (
            'name = "a"\nurl = "https://a.example"\n[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"',
            [("https://a.example", False)],
        ),
        (
            'name = "a"\nurl = "https://a.example"\n[[tool.poetry.source]]\nname = "b"\nurl = "https://b.example"',
            [("https://a.example", False), ("https://b.example", True)],
        ),
    ],
)
def test_poetrys_primary_sources_stand_before_the_public_index(
    tmp_path: Path, sources: str, expected: list[tuple[str, bool]]
) -> None:
    found = poetry.read(write(tmp_path, f"[[tool.poetry.source]]\n{sources}\n"), TARGET)
    assert [(each.place, each.default) for each in found.general] == expected


def test_pdms_sources(tmp_path: Path) -> None:
    text = """
        [[tool.pdm.source]]
        name = "cpu"
        url = "https://download.pytorch.org/whl/cpu"
        include_packages = ["Torch", "torch_*"]
        [[tool.pdm.source]]
        name = "list"
        url = "https://i.example/list"
        type = "find_links"
        [[tool.pdm.source]]
        name = "pypi"
        url = "https://i.example/simple"
        exclude_packages = ["six"]
    """
    found = pdm.read(write(tmp_path, text))
    assert said(found) == [
        ("torch", "index", CPU, "cpu"),
        ("torch-*", "index", CPU, "cpu"),
        ("six", "index", PUBLIC, "pypi"),
    ]
    assert [(each.place, each.default) for each in found.general] == [(OTHER, True)]


@pytest.mark.parametrize("text", ["", "not toml [", "tool = 3", "[tool]\nuv = 1\npoetry = [1]\npdm = {source = 1}"])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert uv.read(tmp_path, TARGET) + poetry.read(tmp_path, TARGET) + pdm.read(tmp_path) == Declared()
    assert settings(tmp_path / "absent.toml") == {}


def test_projects_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "app", '[project]\nname = "app"\n[[tool.uv.index]]\nurl = "https://i.example/simple"\n')
    write(tmp_path / "libs/core", '[tool.poetry]\nname = "Acme_Core"\n')
    write(tmp_path / "tests/data", '[project]\nname = "requests"\n')
    write(tmp_path, "[tool.ruff]\n")
    files = "app/pyproject.toml\0libs/core/pyproject.toml\0pyproject.toml\0tests/data/pyproject.toml\0"
    monkeypatch.setattr(tools, "git", lambda _, first, *__: str(tmp_path) if first == "rev-parse" else files)
    assert checkout.projects(tmp_path / "app") == {"app": tmp_path / "app", "acme-core": tmp_path / "libs/core"}
    assert checkout.of_wheels(["acme-core", "other"], tmp_path) == [tmp_path / "libs/core"]
    found = checkout.read([tmp_path / "app", tmp_path / "app"], TARGET)
    assert found.general == (General(OTHER, f"[[tool.uv.index]] of {(tmp_path / 'app/pyproject.toml').as_posix()}"),)
    assert "acme-core" in found.members


def test_a_project_file_is_named_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "app", '[[tool.uv.index]]\nurl = "https://i.example/simple"\n')
    assert checkout.read([Path("app")], TARGET).general[0].table == "[[tool.uv.index]] of app/pyproject.toml"
    assert checkout.projects(tmp_path) == {}
