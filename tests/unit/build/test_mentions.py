"""Variables that the files of a build read, and which of them may decide the version."""

from pathlib import Path

import pytest
from amlwheel.build import mentions
from amlwheel.build.mentions import Mention

NAMES = {"X", "CUDA_VERSION"}


def find(folder: Path, **files: str) -> list[Mention]:
    for name, text in files.items():
        path = folder / name.replace("__", "/", 1).replace("_py", ".py").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return mentions.find(folder, NAMES)


DECIDING = [
    'setup(version=os.environ.get("X", "0.0.1"))',
    'setup(version=os.environ["X"])',
    "setup(version=f\"1.0+{os.getenv('X')}\")",
    'v = os.getenv("X") or "0"\nsetup(version=v)',
    'v: str = os.getenv("X")\nw = v\nsetup(**{"version": w})',
    'v = "1"\nv += os.environ.get("X", "")\nsetup(version=v)',
    'v = "1"\nif "X" in os.environ:\n    v = "2"\nsetup(version=v)',
    'v = "1"\ntry:\n    os.environ["X"]\nexcept KeyError:\n    v = "2"\nsetup(version=v)',
    'v = "1"\nfor v in [os.getenv("X")]:\n    w = v\nsetup(version=w)',
    'def get():\n    return os.environ.get("X")\nsetup(version=get())',
    'def get():\n    if os.environ.get("X"):\n        return "2"\n    return "1"\nsetup(version=get())',
    'def env(name):\n    return os.environ.get(name)\nsetup(version=env("X"))',
    'metadata["version"] = os.environ["X"]',
    'self.version = os.environ["X"]',
    'setup(version=(v := os.getenv("X")))',
    '__version__ = os.environ.get("X")',
    'def get_version():\n    return os.environ["X"]',
    'setup(use_scm_version={"local_scheme": lambda _: os.environ.get("X")})',
    'config = type("C", (), {})\nconfig.tag = os.environ["X"]\nsetup(version=config.tag)',
]


@pytest.mark.parametrize("text", DECIDING)
def test_a_value_that_reaches_the_version_decides_it(tmp_path: Path, text: str) -> None:
    (found,) = find(tmp_path, setup_py=f"import os\n{text}\n")
    assert (found.name, found.file, found.decides) == ("X", "setup.py", True)


@pytest.mark.parametrize(
    "text",
    [
        'setup(version="1", ext_modules=[] if os.environ.get("X") else None)',
        'setup(**{"version": "1", **more, "extras": os.environ.get("X")})',
        'cuda_version = os.environ.get("X")\nsetup(version="1", ext=cuda_version)',
        'def run(self):\n    jobs: int\n    print(os.environ.get("X"))\nsetup(version=run())',
        'if __name__ == "__main__":\n    flag = os.getenv("X")\n    setup(version="1")',
    ],
)
def test_another_use_of_a_value_decides_nothing(tmp_path: Path, text: str) -> None:
    (found,) = find(tmp_path, setup_py=f"import os\n{text}\n")
    assert not found.decides


def test_a_version_in_pyproject_is_decided_by_nothing_else(tmp_path: Path) -> None:
    reads = 'import os\n__version__ = os.environ.get("X")\n'
    assert find(tmp_path, src__acme_py="", setup_py=reads)[0].decides
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n')
    assert not mentions.find(tmp_path, NAMES)[0].decides
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry]\nversion = "0"\n[tool.poetry-dynamic-versioning]\nenable=true'
    )
    assert mentions.find(tmp_path, NAMES)[0].decides
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\ndynamic = ["version"]\n')
    assert mentions.find(tmp_path, NAMES)[0].decides


@pytest.mark.parametrize(
    ("settings", "text", "file"),
    [
        (
            "pyproject.toml",
            '[tool.setuptools.dynamic]\nversion = {attr = "acme.deep.meta.VERSION"}',
            "src/acme/deep/meta.py",
        ),
        ("setup.cfg", "[metadata]\nversion = attr: acme.deep.meta.VERSION", "acme/deep/meta.py"),
        ("pyproject.toml", '[tool.hatch.version]\npath = "src/acme/deep/meta.py"', "src/acme/deep/meta.py"),
        (
            "setup.py",
            'exec(open("../acme/meta.py").read())\nexec(open("acme/deep/meta.py").read())',
            "acme/deep/meta.py",
        ),
    ],
)
def test_a_file_that_the_settings_name_is_read(tmp_path: Path, settings: str, text: str, file: str) -> None:
    (tmp_path / settings).write_text(text)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text('import os\nVERSION = os.environ.get("X", "0")\n')
    assert mentions.find(tmp_path, NAMES) == [Mention("X", file, 2, decides=True)]


@pytest.mark.parametrize(
    ("file", "text", "decides"),
    [
        ("pyproject.toml", '[tool.hatch.version]\nsource = "env"\nvariable = "X"\n', True),
        ("pyproject.toml", '[tool.x]\nformat = "{env:X:0}"\n', True),
        ("pyproject.toml", "[tool.x]\nformat-jinja = '''{{ env['X'] }}'''\n", True),
        ("CMakeLists.txt", "set(A $ENV{X})\n", False),
        ("build.rs", 'fn main() { std::env::var("X"); }\n', False),
    ],
)
def test_other_files_name_variables_in_their_own_ways(tmp_path: Path, file: str, text: str, decides: bool) -> None:  # noqa: FBT001
    (tmp_path / file).write_text(text)
    (found,) = mentions.find(tmp_path, NAMES)
    assert (found.name, found.file, found.decides) == ("X", file, decides)


def test_what_decides_comes_before_what_does_not(tmp_path: Path) -> None:
    found = find(
        tmp_path,
        setup_py='import os\nflag = os.getenv("X")\ncuda = os.getenv("CUDA_VERSION")\n',
        version_py='import os\n\n\n__version__ = os.getenv("X")\n',
    )
    assert found == [Mention("CUDA_VERSION", "setup.py", 3, decides=False), Mention("X", "version.py", 4, decides=True)]


@pytest.mark.parametrize(
    "text",
    ['"X"\n', "import os\nos.environ[\n'X'", 'import os\nos.environ["Y"]\n', "os.environ" + "#" * mentions.LARGEST],
)
def test_what_mentions_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    assert find(tmp_path, setup_py=text) == []
    assert mentions.find(tmp_path / "nowhere", NAMES) == []


def test_a_pyproject_that_makes_no_sense_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('project = 3\ntool = "x"\nvariable = "X"\n')
    (found,) = mentions.find(tmp_path, NAMES)
    assert found.decides
