"""action/bootstrap.py for real: environments made from a tiny hash lock, and a stand-in step run in one of them."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import bootstrap
import pytest

STEP = """
import json, os, signal, sys, time
import idna

def main(argv=None):
    print(json.dumps({
        "argv": sys.argv[1:], "utf8": sys.flags.utf8_mode, "isolated": sys.flags.isolated, "prefix":
        sys.prefix, "index": os.environ.get("PIP_EXTRA_INDEX_URL"), "café": "é",
    }, ensure_ascii=False), flush=True)
    if "--wait" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print("waiting", flush=True)
        time.sleep(60)
    return 7
"""
HOSTILE = {
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_NO_BINARY": ":all:",
    "PIP_EXTRA_INDEX_URL": "https://feed.invalid/simple",
    "UV_EXTRA_INDEX_URL": "https://feed.invalid/simple",
    "UV_SYSTEM_PYTHON": "1",
    "UV_OFFLINE": "1",
    "UV_EXCLUDE_NEWER": "2001-01-01",
    "PYTHONPATH": "/nowhere",
    "PYTHONDONTWRITEBYTECODE": "1",
    "VIRTUAL_ENV": "/nowhere",
}

pytestmark = pytest.mark.network


@pytest.fixture
def lock(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a lock of one small package, the way scripts/locks writes it."""
    lines = bootstrap.requirement(bootstrap.LOCK.read_text("utf-8"), "idna")
    path = tmp_path / "tiny.txt"
    path.write_text(lines)
    return path


@pytest.fixture
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide every uv on PATH, as on the hosted runners."""
    folders = os.environ["PATH"].split(os.pathsep)
    monkeypatch.setenv("PATH", os.pathsep.join(path for path in folders if not shutil.which("uv", path=path)))


def versions(python: pathlib.Path) -> dict[str, str]:
    """Ask an environment what is installed in it."""
    ask = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    said = subprocess.run([python, "-I", "-c", ask], check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = json.loads(said)
    return found


def test_with_the_uv_on_path(lock: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    python = bootstrap.environment(lock, tmp_path / "root")
    assert versions(python) == {"idna": re.findall(r"==(\S+)", lock.read_text())[0]}
    assert re.fullmatch(
        r"amlwheel: installing the packages of tiny\.txt \.\.\. 1 with own uv, \d+\.\d s\n", capsys.readouterr().out
    )
    assert bootstrap.environment(lock, tmp_path / "root") == python
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("no_uv")
def test_with_a_uv_fetched_by_its_hash(
    lock: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(versions(bootstrap.environment(lock, tmp_path / "root"))) == ["idna"]
    assert "1 with fetched uv" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.usefixtures("no_uv")
def test_with_pip_where_no_uv_runs(
    lock: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "UV_INSTALL", ["no-such-command"])
    assert "idna" in versions(bootstrap.environment(lock, tmp_path / "root"))
    assert "with pip" in capsys.readouterr().out


@pytest.mark.parametrize("uv_on_path", [True, False])
def test_the_users_own_settings_do_not_bend_it(
    lock: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    *,
    uv_on_path: bool,
) -> None:
    if not uv_on_path:
        request.getfixturevalue("no_uv")
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    assert list(versions(bootstrap.environment(lock, tmp_path / "root"))) == ["idna"]


def test_a_package_with_another_hash_is_refused(
    lock: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock.write_text(re.sub(r"sha256:[0-9a-f]{4}", "sha256:0000", lock.read_text()))
    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.environment(lock, tmp_path / "root")
    assert caught.value.status == 91
    assert "tiny.txt" in caught.value.cause
    for installer in ("with own uv", "with fetched uv", "with pip"):
        assert installer in caught.value.output
    assert "hash" in caught.value.output.lower()
    assert not list((tmp_path / "root").iterdir())
    assert capsys.readouterr().out.endswith("... failed\n")


@pytest.mark.long
def test_a_package_without_a_hash_is_refused(lock: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lock.write_text(lock.read_text().partition(" ")[0] + "\n")
    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.environment(lock, tmp_path / "root")
    assert caught.value.output.lower().count("hash") >= 3


def test_several_at_once_all_end_well(lock: pathlib.Path, tmp_path: pathlib.Path) -> None:
    code = "import bootstrap, pathlib, sys; print(bootstrap.environment(*map(pathlib.Path, sys.argv[1:])))"
    command = [sys.executable, "-c", code, str(lock), str(tmp_path / "root")]
    env = {**os.environ, "PYTHONPATH": str(bootstrap.HERE)}
    runs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for run in runs:
        said = run.communicate(timeout=120)[0]
        assert run.returncode == 0
        assert list(versions(pathlib.Path(said.splitlines()[-1]))) == ["idna"]
    assert len(list((tmp_path / "root").glob("*.ready"))) == 1


def test_what_a_killed_run_left_does_not_count(lock: pathlib.Path, tmp_path: pathlib.Path) -> None:
    code = (
        "import bootstrap, os, pathlib, sys\n"
        "real = bootstrap.publish\n"
        "bootstrap.publish = lambda *_: os.kill(os.getpid(), 9)\n"
        "bootstrap.environment(*map(pathlib.Path, sys.argv[1:]))"
    )
    env = {**os.environ, "PYTHONPATH": str(bootstrap.HERE)}
    killed = subprocess.run([sys.executable, "-c", code, lock, tmp_path / "root"], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    (half,) = (tmp_path / "root").iterdir()
    python = bootstrap.environment(lock, tmp_path / "root")
    assert half not in python.parents
    assert list(versions(python)) == ["idna"]


def test_a_home_that_cannot_be_written_to_is_no_obstacle(
    lock: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    python = bootstrap.environment(lock, tmp_path / "file" / "root")
    assert list(versions(python)) == ["idna"]
    assert tmp_path in python.parents


@pytest.fixture
def action(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make an Action folder of the real bootstrap.py, a small lock and a stand-in step that tells how it was run."""
    folder = tmp_path / "açtion dir"
    (folder / "locks").mkdir(parents=True)
    (folder / "amlwheel").mkdir()
    shutil.copy(bootstrap.__file__, folder)
    shutil.copy(bootstrap.LOCK, folder / "locks")
    (folder / "amlwheel" / "__init__.py").touch()
    (folder / "amlwheel" / "__main__.py").write_text(STEP, "utf-8")
    text = (folder / "locks" / "step.txt").read_text("utf-8")
    (folder / "locks" / "step.txt").write_text(bootstrap.requirement(text, "idna") + bootstrap.requirement(text, "uv"))
    return folder


@pytest.fixture
def start(action: pathlib.Path, tmp_path: pathlib.Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Return a function that starts the step as a host does."""

    def start(*argv: str, **more: str) -> "subprocess.Popen[str]":
        env = {**os.environ, "RUNNER_TEMP": str(tmp_path / "temp"), **more}
        command = [sys.executable, "-B", str(action / "bootstrap.py"), *argv]
        return subprocess.Popen(
            command,
            env=env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    return start


def test_the_step_runs_isolated_in_its_environment_and_its_status_is_kept(
    action: pathlib.Path, tmp_path: pathlib.Path, start: Callable[..., "subprocess.Popen[str]"]
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the project shadows the standard library')")
    before = sorted(action.rglob("*"))
    for installs in (1, 0, 0):
        run = start("--feed", "a b", "é", PIP_EXTRA_INDEX_URL="https://theirs", LC_ALL="C.UTF-8")
        lines = run.communicate(timeout=120)[0].splitlines()
        assert run.returncode == 7
        assert len(lines) == 1 + installs
        told = json.loads(lines[-1])
        assert told["argv"] == ["--feed", "a b", "é"]
        assert (told["utf8"], told["isolated"], told["café"]) == (1, 1, "é")
        assert told["index"] == "https://theirs"  # the step itself decides what its own tools may see
        assert tmp_path / "temp" / "amlwheel" in pathlib.Path(told["prefix"]).parents
    assert sorted(action.rglob("*")) == before


def test_a_signal_of_the_host_reaches_the_step(start: Callable[..., "subprocess.Popen[str]"]) -> None:
    run = start("--wait")
    assert run.stdout
    deadline = time.monotonic() + 120
    while "waiting" not in run.stdout.readline():
        assert time.monotonic() < deadline
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=20) == 5
    run.stdout.close()


def test_without_network_github_gets_the_cause_and_the_remedy(
    start: Callable[..., "subprocess.Popen[str]"], tmp_path: pathlib.Path
) -> None:
    nowhere = "http://user:fake-proxy-password@127.0.0.1:9"
    caches = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_CACHE_DIR": str(tmp_path / "pip")}
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), nowhere)
    quick = {"PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0", "NO_PROXY": "", "no_proxy": ""}
    run = start(GITHUB_ACTIONS="true", **proxies, **caches, **quick)
    said = run.communicate(timeout=120)[0]
    assert run.returncode == 91
    last = said.splitlines()[-1]
    said = "the packages that it runs on (step.txt) could not be installed.%0A"
    assert last.startswith(f"::error title=amlwheel AW91::{said}")
    assert "HTTPS_PROXY" in last
    assert "fake-proxy-password" not in said
    assert not list((tmp_path / "temp" / "amlwheel").iterdir())


def old_pythons() -> list[str]:
    """Return the interpreters on this machine that are too old for the step."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
    found = [str(path) for minor in range(6, 10) for path in root.glob(f"3.{minor}.*/bin/python")]
    return found + [path for minor in range(6, 10) if (path := shutil.which(f"/usr/bin/python3.{minor}"))]


@pytest.mark.parametrize("python", old_pythons() or [pytest.param("", marks=pytest.mark.skip("no old Python here"))])
def test_an_old_python_says_so_itself(python: str) -> None:
    run = subprocess.run(
        [python, "-B", bootstrap.__file__],
        env={"TF_BUILD": "True", "INPUT_FEED": "acme/ml/wheels"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert re.search(
        r"issue type=error;code=AW90;\]amlwheel AW90: Python 3\.10 or newer is needed, found 3\.[6-9]\.%0A", run.stdout
    )
    assert "##vso[task.complete result=Failed;]amlwheel AW90: " in run.stdout
    assert not run.stderr
