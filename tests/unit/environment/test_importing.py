"""What the image's Python reports of an import: a module, a library or a variable that isn't there, and where."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from amlwheel.environment import importing

MODULES = {
    "fine": "",
    "no_module": "import yaml_nowhere",
    "other_words": "try:\n  import yaml_nowhere\nexcept ImportError:\n  raise RuntimeError('no yaml') from None",
    "no_library": "import helped",
    "helped": "raise RuntimeError('/x/libmpi.so.12: cannot open shared object file: No such file or directory')",
    "no_pango": "raise OSError(\"cannot load library 'libpango-1.0-0': nope\")",
    "variable": "import os\nos.environ['ACME_URL']",
    "variable_none": "import os\nos.getenv('ACME_LEVEL', 'info')\nint(os.getenv('ACME_PORT'))",
    "variable_in": "import os, sys\n'ACME_URL' in os.environ or sys.exit('set it')",
    "variable_of_others": "import fine_variable\n1/0",
    "fine_variable": "import os\nos.environ.get('ACME_OTHER')",
    "script": "import sys\nsys.exit(3)",
    "syntax": "def (",
    "mute": "class Mute(Exception):\n  def __str__(self): raise ValueError\nraise Mute",
    "parted.part": "import parted.lacking",
    "packed": "import packed.lacking",
}
PARTS: dict[str, dict[str, str]] = {
    "no_module": {"module": "yaml_nowhere", "partly": "", "where": "no_module.py:1", "package": "no_module"},
    "other_words": {"kind": "RuntimeError", "module": "yaml_nowhere", "where": "other_words.py:2"},
    "no_library": {"library": "libmpi.so.12", "where": "helped.py:1", "package": "helper 1.5"},
    "no_pango": {"library": "libpango-1.0-0"},
    "variable": {"variable": "ACME_URL", "where": "variable.py:2", "unset": "ACME_URL"},
    "variable_none": {"kind": "TypeError", "unset": "ACME_PORT"},
    "variable_in": {"kind": "SystemExit", "unset": "ACME_URL", "text": "set it"},
    "variable_of_others": {"kind": "ZeroDivisionError", "unset": ""},
    "script": {"kind": "SystemExit", "text": "3", "unset": ""},
    "syntax": {"kind": "SyntaxError", "where": "syntax.py:1"},
    "mute": {"kind": "Mute", "text": ""},
    "parted.part": {"module": "parted.lacking", "partly": ""},
    "packed": {"module": "packed.lacking", "partly": "yes", "where": "packed/__init__.py:1"},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Return a folder of modules; what importing does to this process is taken back."""
    folder = tmp_path / "site"
    for name, text in MODULES.items():
        parts = name.split(".")
        place = folder.joinpath(*parts[:-1], f"{parts[-1]}.py") if name != "packed" else folder / "packed/__init__.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    info = folder / "helper-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: helper\nVersion: 1.5\n")
    (info / "RECORD").write_text("helped.py,,\n")
    path, argv, loaded = list(sys.path), sys.argv, set(sys.modules)
    yield folder
    sys.path[:], sys.argv = path, argv
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


def run(site: Path, module: str) -> tuple[int, dict[str, str]]:
    report = site.parent / "report.json"
    status = importing.main(str(site), str(report), "60", module)
    return status, json.loads(report.read_text())


@pytest.mark.parametrize("module", sorted(PARTS))
def test_what_is_missing_is_reported(site: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_URL", raising=False)
    status, found = run(site, module)
    assert status == 1
    assert found | PARTS[module] == found


def test_a_module_that_can_be_imported_reports_nothing(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = type(os.environ).__getitem__
    assert run(site, "fine") == (0, {})
    assert type(os.environ).__getitem__ is before
    assert "Traceback" not in capfd.readouterr().err


def test_the_traceback_begins_in_the_packages(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(site, "no_library")
    shown = capfd.readouterr().err.splitlines()
    assert "no_library.py" in shown[1]
    assert "cannot open shared object file" in shown[-1]


def test_an_extension_module_that_is_not_loaded_is_named_by_its_file(tmp_path: Path) -> None:
    error = ImportError("libx.so.1: cannot open shared object file", name="a.b", path=f"{tmp_path}/a/b.so")
    assert importing.why(error, tmp_path, []) == {
        "kind": "ImportError",
        "text": str(error),
        "unset": "",
        "library": "libx.so.1",
        "where": "a/b.so:0",
        "package": "a",
    }


@pytest.mark.parametrize(
    ("text", "library"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "libGL.so.1"),
        ("/lib/libm.so.6: version `GLIBC_2.38' not found (required by x.so)", "libm.so.6"),
        ('no library called "cairo-2" was found', "cairo-2"),
        ("Unable to find zbar shared library", "zbar"),
        ("failed to find libmagic.  Check your installation", "libmagic"),
        ("sndfile library not found using ctypes.util.find_library", "sndfile"),
        ("Found no NVIDIA driver on your system.", "NVIDIA driver"),
        ("No CUDA GPUs are available", "CUDA GPUs"),
        ("undefined symbol: _ZN3c10", None),
    ],
)
def test_what_only_an_image_or_a_cluster_has(tmp_path: Path, text: str, library: str | None) -> None:
    assert importing.why(RuntimeError(text), tmp_path, []).get("library") == library


def test_an_error_from_nowhere_and_a_circle_of_errors_have_an_end(tmp_path: Path) -> None:
    one, other = ValueError("a"), ValueError("b")
    one.__context__, other.__context__ = other, one
    assert importing.why(one, tmp_path, []) == {"kind": "ValueError", "text": "a", "unset": ""}


def test_closed_streams_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open("w", encoding="utf-8") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
    importing._flush()
