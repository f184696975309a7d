"""Why a build failed: what happened, one cause and one fix."""

from pathlib import Path

import pytest
from amlwheel.build import failure, package
from amlwheel.errors.base import NoNetwork
from amlwheel.errors.build import BuildFailed
from amlwheel.transport import process, sandbox

UV = """\
* Installing packages in isolated environment:
> /venv/bin/uv pip install acme-buildtools
< Using Python 3.11.7 environment at: /tmp/build-env-x
< error: No solution found when resolving dependencies
<   cause: Because {0}
  you require it, we can conclude that your requirements are
  unsatisfiable.

Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/build/__main__.py", line 289, in _handle_build_error
    yield
  File "/usr/lib/python3.11/subprocess.py", line 571, in run
    raise CalledProcessError(retcode, process.args,
subprocess.CalledProcessError: Command '['/venv/bin/uv']' returned non-zero exit status 1.

ERROR Command '['/venv/bin/uv', 'pip', 'install']' returned non-zero exit status 1.
"""
BACKEND = """\
* Getting build dependencies for wheel...
Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/pyproject_hooks/_in_process/_in_process.py", line 406, in <module>
    main()
  File "/tmp/build-env-x/lib/python3.11/site-packages/setuptools/build_meta.py", line 520, in run_setup
    super().run_setup(setup_script=setup_script)
  File "<string>", line 3, in <module>
{0}

TIP pass --env-dir and --sdist-extract-dir to keep the build environment
ERROR Backend subprocess exited when trying to invoke get_requires_for_build_wheel
"""
KEY = BACKEND.format("  File \"<frozen os>\", line 679, in __getitem__\nKeyError: '{0}'")


def fail(output: str, folder: Path = Path("acme"), env: dict[str, str] | None = None) -> BuildFailed:
    with pytest.raises(BuildFailed) as caught:
        failure.check(folder, process.Finished(1, output), env or {})
    return caught.value


@pytest.mark.parametrize(
    ("output", "what", "cause", "fix"),
    [
        (
            UV.format("acme-buildtools was not found in the\n  package registry and"),
            "no index has its build requirement acme-buildtools",
            "has a package of this name",
            "Publish acme-buildtools to the feed of `feed`",
        ),
        (
            UV.format("there is no version of setuptools==1.0.99 and"),
            "there is no fitting version of its build requirement setuptools==1.0.99.",
            "no version of it that",
            "Allow a version of setuptools in",
        ),
        (
            UV.format("only inflection<=0.0.1 is available and"),
            "there is no fitting version of its build requirement inflection.",
            "no version of it that",
            "Allow a version of inflection in",
        ),
        (
            "ERROR Failed to parse /x/pyproject.toml: Expected ']' at the\n  end (at line 1, column 14)",
            "isn't valid TOML: Expected ']' at the end (at line 1, column 14).",
            "has a mistake",
            "Correct that line",
        ),
        (
            BACKEND.format("ModuleNotFoundError: No module named 'foo.bar'"),
            "it imports foo.bar",
            "names, and nothing that is installed beside it",
            "Add the package that has foo.bar to",
        ),
        (
            "error: command 'gcc' failed: No such file or directory",
            "there is no gcc",
            "runs gcc",
            "Install or make gcc",
        ),
        (
            BACKEND.format("FileNotFoundError: [Errno 2] No such file or directory: 'README.md'"),
            "there is no README.md",
            "reads it",
            "make README.md",
        ),
        ("the table of prices is missing", "acme doesn't build (status 1).", "clean environment", "python -m build"),
    ],
)
def test_a_failure_has_its_own_cause_and_fix(output: str, what: str, cause: str, fix: str) -> None:
    error = fail(output)
    assert what in error.what
    assert cause in error.cause
    assert fix in error.fix


def test_a_variable_that_the_build_reads_is_named_with_the_line_that_passes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKAGE_VERSION", "2.7.0")
    error = fail(KEY.replace("{0}", "PACKAGE_VERSION"))
    assert error.what.endswith("it reads the variable PACKAGE_VERSION, which was withheld.")
    assert error.fix == "Add the line PACKAGE_VERSION to `build-env`."
    for told in ("environment variable `PACKAGE_VERSION` is not set", "The 'PACKAGE_VERSION' environment variable"):
        assert fail(BACKEND.format(f"RuntimeError: {told}")).fix == error.fix
    monkeypatch.delenv("PACKAGE_VERSION")
    unset = fail(KEY.replace("{0}", "PACKAGE_VERSION"))
    assert unset.cause == "PACKAGE_VERSION isn't set for this step."
    assert unset.fix.startswith("Set PACKAGE_VERSION for this step, and add")
    assert "named like a secret" in fail(KEY.replace("{0}", "DATA_TOKEN")).cause
    given = fail(KEY.replace("{0}", "PACKAGE_VERSION"), env={"PACKAGE_VERSION": "1"})  # lacks in a dict of its own
    assert given.cause == BuildFailed.cause


def test_frames_of_the_tools_that_build_are_left_out() -> None:
    shown = fail(BACKEND.format("ValueError: no")).details.splitlines()
    assert shown == [
        "* Getting build dependencies for wheel...",
        "Traceback (most recent call last):",
        '  File "<string>", line 3, in <module>',
        "ValueError: no",
        "ERROR Backend subprocess exited when trying to invoke get_requires_for_build_wheel",
    ]


def test_of_uvs_failure_its_error_is_left() -> None:
    shown = fail(UV.format("a was not found in the package registry and")).details
    assert shown.startswith("< error: No solution found")
    assert "Traceback" not in shown
    assert "CalledProcessError" not in shown


def test_without_a_network_that_is_the_reason() -> None:
    with pytest.raises(NoNetwork):
        failure.check(Path(), process.Finished(1, "error sending request for url (https://x.example/)"), {})
    failure.check(Path(), process.Finished(0, "error"), {})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pyproject.toml", "[project]".encode("utf-8-sig")),
        ("pyproject.toml", "[project]".encode("utf-16")),
        ("setup.cfg", "[metadata]".encode("utf-8-sig")),
    ],
)
def test_a_byte_order_mark_is_told_before_the_build(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "setup.py").touch()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BuildFailed, match=f"{name} in .* begins with a byte order mark") as caught:
        package.check_projects([str(tmp_path)])
    assert f"Save {name} as UTF-8 without BOM" in caught.value.fix
    assert "byte order mark" in fail("Invalid statement (at line 1, column 1)", tmp_path).what


@pytest.mark.parametrize(
    "output",
    [
        "ValueError: Unable to determine which files to ship inside",
        "Error: Expected a Python module at: src/x/__init__.py",
    ],
)
def test_a_root_without_code_names_the_packages_below_it(tmp_path: Path, output: str) -> None:
    (tmp_path / "libs/a").mkdir(parents=True)
    assert failure._root(tmp_path, output) is None
    (tmp_path / "libs/a/pyproject.toml").write_text('[project]\nname = "a"\n')
    with pytest.raises(BuildFailed) as caught:
        failure.check(tmp_path, process.Finished(1, output), {})
    assert caught.value.what == f"{tmp_path} doesn't build (status 1): it has no code of its own."
    assert caught.value.fix == (
        f"Write in `package-dir` those to release, each on a line of its own: {tmp_path.as_posix()}/libs/a"
    )


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("package", '[tool.setuptools.packages.find] the line include = ["acme*"]'),
        ("module", '[tool.setuptools] the line py-modules = ["acme", "training"]'),
    ],
)
def test_a_flat_layout_of_several_packages_or_modules_names_the_line(tmp_path: Path, kind: str, lines: str) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/__init__.py").touch()
    error = fail(f"error: Multiple top-level {kind}s discovered in a flat-layout: ['acme', 'training'].\n", tmp_path)
    assert error.what.endswith(f"setuptools finds several {kind}s in it: acme, training.")
    assert error.fix == f"Write into pyproject.toml, below {lines}, and commit it."


@pytest.mark.parametrize(
    "output",
    [
        "PermissionError: [Errno 13] Permission denied: '{0}'",
        "mkdir: cannot create directory \u2018{0}\u2019: Permission denied",
    ],
)
def test_where_a_build_can_make_nothing_new_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    kept: list[Path | None] = [tmp_path / "uv", None]
    monkeypatch.setattr(sandbox, "closed", lambda _: kept.pop(0))
    for cause, fix in (
        ("uv lies there", f"mkdir -p {tmp_path}/.conan"),
        ("clean environment", "build"),
    ):
        with pytest.raises(BuildFailed) as caught:
            failure.check(tmp_path, process.Finished(1, output.format(tmp_path / ".conan" / "data")), {})
        assert cause in caught.value.cause
        assert fix in caught.value.fix


def test_a_build_without_sudo_is_told_so(tmp_path: Path) -> None:
    said = 'sudo: The "no new privileges" flag is set, which prevents sudo from running as root.'
    with pytest.raises(BuildFailed, match="it calls sudo") as caught:
        failure.check(tmp_path, process.Finished(1, said), {})
    assert "in a step before this one" in caught.value.fix
