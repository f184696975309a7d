"""The programs for people, scripts/test and scripts/locks, and the files that they keep."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import re
import subprocess
import sys
import types

import amlwheel
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKS = ["action/locks/step.txt", "scripts/rehearsal/rehearsal.txt", "tests/test.txt"]
AZUREML = "action/locks/azureml.txt"


def load(name: str) -> types.ModuleType:
    """Import a program of scripts/, which has no suffix."""
    loader = importlib.machinery.SourceFileLoader(f"scripts_{name}", str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


test = load("test")
locks = load("locks")
ALL = ["format", "lint", "types", "imports", "manifests", "linters", "lines", "rehearsed", "hosts", "chaos"]


@pytest.mark.parametrize(
    ("argv", "parts", "rest"),
    [
        ([], ALL, []),
        (["unit"], ["unit"], []),
        (["hosts", "lint"], ["hosts", "lint"], []),
        (["chaos", "--whole"], ["chaos"], ["--whole"]),
        (["-k", "immutable"], ["pytest"], ["-k", "immutable"]),
        (["unit", "-k", "immutable", "-x"], ["unit"], ["-k", "immutable", "-x"]),
        (["tests/unit/test_scripts.py::test_parts"], ["pytest"], ["tests/unit/test_scripts.py::test_parts"]),
        (["fix"], ["fix"], []),
        (["-k", "hosts"], ["pytest"], ["-k", "hosts"]),
        (["unit", "-k", "unit"], ["unit"], ["-k", "unit"]),
        (["unit", "rehearsed", "-k", "lint"], ["unit", "rehearsed"], ["-k", "lint"]),
        (["-x", "--lf"], ["pytest"], ["-x", "--lf"]),
        (["unit", "-n", "4"], ["unit"], ["-n", "4"]),
        (["-m", "not network"], ["pytest"], ["-m", "not network"]),
    ],
)
def test_parts(argv: list[str], parts: list[str], rest: list[str]) -> None:
    assert test.choose(argv) == (parts, rest)


def test_a_part_runs_all_its_commands_and_fails_if_one_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = ["python3", "-c", f"import pathlib, sys; pathlib.Path({str(tmp_path)!r}, sys.argv[1]).touch()"]
    broken = [["python3", "-c", "raise SystemExit(3)"], ["no-such-program"], [*mark, "after"]]
    monkeypatch.setattr(test, "PARTS", {"good": lambda: [[*mark, "good"]], "broken": lambda: broken})
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    env = dict(os.environ)
    assert test.run_part("good", [], env) == test.PASSED
    assert test.run_part("broken", [], env) == test.FAILED
    assert {path.name for path in tmp_path.iterdir()} == {"good", "after"}
    assert "no-such-program: not found" in capfd.readouterr().out


def test_words_for_pytest_go_to_pytest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(words: list[str], _env: dict[str, str]) -> int:
        ran.append(words)
        return 0

    monkeypatch.setattr(test, "run", run)
    monkeypatch.setattr(test, "PARTS", {"both": lambda: [["ruff", "check"], ["pytest", "tests/unit"]]})
    assert test.run_part("both", ["-k", "x"], {}) == test.PASSED
    assert ran == [["ruff", "check"], ["pytest", "tests/unit", "-k", "x"]]


@pytest.mark.parametrize(
    ("rest", "statuses", "outcome"),
    [
        (["-k", "x"], [5], "no test"),
        (["-k", "x"], [0], "passed"),
        (["-k", "x"], [5, 1], "FAILED"),
        ([], [5], "FAILED"),  # a layer without a test is broken
    ],
)
def test_words_that_leave_no_test_over_are_no_failure_of_a_test(
    rest: list[str], statuses: list[int], outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test, "PARTS", {"some": lambda: [["pytest"] for _ in statuses]})
    left = iter(statuses)
    monkeypatch.setattr(test, "run", lambda _words, _env: next(left))
    assert test.run_part("some", rest, {}) == outcome


def test_pytest_ends_with_that_status_when_no_test_has_the_name(tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one() -> None: pass\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "hosts", str(tmp_path)]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == test.NOTHING_RAN


def test_github_folds_each_part_and_obeys_nothing_in_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with contextlib.suppress(ZeroDivisionError), test.folded("unit"):
        print("::error::of a test")
        raise ZeroDivisionError
    begin, stop, inner, resume, end = capsys.readouterr().out.splitlines()
    token = stop.removeprefix("::stop-commands::")
    assert (begin, inner, resume, end) == ("::group::unit", "::error::of a test", f"::{token}::", "::endgroup::")
    assert re.fullmatch(r"[0-9a-f]{32}", token)


def test_the_table_counts_and_says_how_to_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert test.tell({"lint": ("passed", 1.0), "unit": ("FAILED", 2.0)}, []) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "lint        passed      1.0 s",
        "unit        FAILED      2.0 s",
        "again: scripts/test unit",
        "1 passed, 1 failed",
    ]
    assert test.tell({"lint": ("passed", 1.0)}, []) == 0


def test_a_name_that_no_test_has_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert test.tell({"unit": ("passed", 1.0), "hosts": ("no test", 2.0)}, ["-k", "no such"]) == 5
    assert capsys.readouterr().out.splitlines()[1:] == [
        "unit        passed      1.0 s",
        "hosts       no test     2.0 s",
        "no test has such a name or mark: -k 'no such'",
        "1 passed, 0 failed",
    ]


def test_nothing_of_a_ci_run_around_them_reaches_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    outer = ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "RUNNER_TEMP", "TF_BUILD", "AGENT_TEMPDIRECTORY", "AZURE_CLIENT_ID"]
    for name in [*outer, "AMLWHEEL_FEED", "ACTIONS_ID_TOKEN_REQUEST_URL", "PIP_FIND_LINKS", "UV_OFFLINE"]:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    monkeypatch.setattr(test.bootstrap, "pip_config", dict)
    env = test.environment(pathlib.Path("/venv/bin/python"))
    assert not [name for name in env if re.match("GITHUB|RUNNER|TF_|AGENT|AZURE|AMLWHEEL|ACTIONS", name)]
    assert "PIP_FIND_LINKS" not in env
    assert "UV_OFFLINE" not in env
    assert env["SSL_CERT_FILE"] == "/ca.pem"
    assert env["PATH"].startswith(f"/venv/bin{os.pathsep}")


def test_every_program_without_a_suffix_is_checked() -> None:
    assert {"scripts/test", "scripts/locks"} <= set(test.programs())
    assert all(os.access(ROOT / name, os.X_OK) for name in test.programs())


@pytest.mark.parametrize("path", [*LOCKS, AZUREML])
def test_every_pin_of_a_lock_is_hashed_and_names_no_place(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    pins = [entry for entry in entries if not entry.startswith("#")]
    assert len(pins) > 40
    for entry in pins:
        first, *hashes = entry.replace("\\\n", "\n").splitlines()
        assert [pin.operator for pin in Requirement(first).specifier] == ["=="], first
        assert hashes, first
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64} *", line) for line in hashes), first
    assert not re.search(r"://|file:|--index|--find|/", text.replace("scripts/locks", ""))


@pytest.mark.parametrize("path", [*LOCKS, AZUREML])
def test_every_wish_is_in_its_lock(path: str) -> None:
    wishes = (ROOT / path).with_suffix(".in").read_text("utf-8").splitlines()
    named = [Requirement(wish.partition(" #")[0]) for wish in wishes if wish and not wish.startswith("#")]
    assert named
    pinned: dict[str, list[str]] = {}
    for pin, name in locks.PIN.findall((ROOT / path).read_text("utf-8")):
        (specifier,) = Requirement(pin).specifier
        pinned.setdefault(canonicalize_name(name), []).append(specifier.version)
    for wish in named:
        found = pinned[canonicalize_name(wish.name)]
        assert any(wish.specifier.contains(version, prereleases=True) for version in found), wish


def test_the_checks_use_the_steps_versions_unless_the_stand_ins_need_others() -> None:
    step, rehearsal, ours = (locks.PIN.findall((ROOT / path).read_text("utf-8")) for path in LOCKS)
    versions = {pin.split(" ")[0] for pin, _ in ours}
    differing = {name for pin, name in step if pin.split(" ")[0] not in versions}
    assert differing <= {name for _, name in rehearsal}


def test_azureml_core_is_pinned_exactly() -> None:
    """Beside other wishes a resolver silently falls back to a release of 2021."""
    wished = (ROOT / AZUREML).with_suffix(".in").read_text("utf-8")
    assert "\nazureml-core==1.61.0.post4 " in wished
    assert "\nazureml-core==1.61.0.post4 \\\n" in (ROOT / AZUREML).read_text("utf-8")


def test_later_locks_overrule_earlier_ones() -> None:
    first = "a==1 \\\n    --hash=sha256:00\nb==1 ; python_version < '3.11' \\\n    --hash=sha256:00\n"
    second = "b==2 ; os_name == 'nt' \\\n    --hash=sha256:00\nb==3 \\\n    --hash=sha256:00\n"
    assert locks.agreed([first, second]).replace(" \n", "\n") == "a==1\nb==2 ; os_name == 'nt'\nb==3\n"


def test_the_cooldown_is_a_moment_that_many_days_ago() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", locks.days_ago(7))
    assert locks.days_ago(7) < locks.days_ago(6)


def answers(monkeypatch: pytest.MonkeyPatch, pages: dict[str, tuple[str, str]]) -> None:
    """Have a registry answer at these addresses, each with a text and a Link; others can't be reached."""

    def urlopen(url: str, timeout: int) -> contextlib.closing[io.BytesIO]:
        assert timeout
        if url not in pages:
            raise OSError("no route to host")
        text, link = pages[url]
        answer = io.BytesIO(text.encode())
        answer.headers = {"Link": link} if link else {}  # type: ignore[attr-defined]
        return contextlib.closing(answer)

    monkeypatch.setattr(locks.urllib.request, "urlopen", urlopen)


TAGS = "https://mcr.example/v2/azureml/base/tags/list"
PAGES = {
    TAGS: ('{"name": "azureml/base", "tags": ["latest", "20250101.v1", "20260715.v1"]}', '</v2/n?last=x>; rel="next"'),
    "https://mcr.example/v2/n?last=x": (
        '{"tags": ["20261101.v1", "20261101.v2", "20261125.v1", "20260801.v1-rc"]}',
        "",
    ),
}


@pytest.mark.parametrize(
    ("pages", "tag", "said"),
    [
        (PAGES, "20261101.v2", "azureml/base:20261101.v2"),
        ({TAGS: PAGES[TAGS]}, "20260715.v1", "mcr.example can't be asked for newer images: no route to host"),
        ({TAGS: ("<html>", "")}, "20260715.v1", "can't be asked"),
        ({TAGS: ('{"tags": null}', "")}, "20260715.v1", "base:20260715.v1"),
    ],
)
def test_defaults_are_refreshed_with_the_locks(  # noqa: PLR0913, PLR0917  # a table
    pages: dict[str, tuple[str, str]],
    tag: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers(monkeypatch, pages)
    read, stand_in = tmp_path / "readers.py", tmp_path / "images.py"
    read.write_text(
        'DEFAULT_IMAGE = "mcr.example/azureml/base:20260715.v1"\nPYTHONS = {"3.9": "3.9.1", "3.10": "3.10.2"}\n'
    )
    stand_in.write_text('["20250101.v1", "20260715.v1"]')
    monkeypatch.setattr(locks, "READERS", read)
    monkeypatch.setattr(locks, "STAND_IN", stand_in)
    locks.refresh_defaults({"3.11": "3.11.9", "3.10": "3.10.22", "3.9": "3.9.25"}, "20261121")
    assert read.read_text().splitlines() == [
        f'DEFAULT_IMAGE = "mcr.example/azureml/base:{tag}"',
        'PYTHONS = {"3.9": "3.9.25", "3.10": "3.10.22"}',
    ]
    assert stand_in.read_text() == f'["20250101.v1", "{tag}"]'
    assert said in capsys.readouterr().out


def test_a_refresh_takes_the_defaults_as_of_the_same_day(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(locks, "refresh", lambda *_, **__: True)
    monkeypatch.setattr(locks.bootstrap, "pip_config", dict)
    monkeypatch.setattr(locks.bootstrap, "environment", pathlib.Path)
    monkeypatch.setattr(locks, "known_pythons", lambda *_: ({"3.11": "3.11.9"}, "20260101"))
    monkeypatch.setattr(locks, "refresh_defaults", lambda *given: asked.append(given))
    monkeypatch.setattr(locks.subprocess, "run", lambda command, **_: asked.append(command))
    assert locks.main(["--cooldown-days", "7"]) == 0
    assert asked == [({"3.11": "3.11.9"}, locks.days_ago(7)[:10].replace("-", "")), [ROOT / "scripts/manifests"]]


@pytest.mark.parametrize("status", [0, 1])
def test_a_check_changes_nothing_and_names_the_locks_that_do_not_fit(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "refresh", lambda source, *_, **__: status == 0 or source != locks.TEST)
    monkeypatch.setattr(locks.bootstrap, "pip_config", dict)
    assert locks.main(["--check"]) == status
    said = capsys.readouterr().out
    assert said == ("" if status == 0 else "tests/test.txt doesn't fit test.in: run scripts/locks\n")


def test_the_version_is_the_same_in_both_places() -> None:
    assert f'\nversion = "{amlwheel.__version__}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_gate_of_ci_waits_for_every_job() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]
    gate = jobs["all-passed"]
    assert set(gate["needs"]) == set(jobs) - {"all-passed"}
    assert gate["if"] == "always()"


def test_every_action_in_a_workflow_is_pinned_by_its_commit() -> None:
    uses = [
        line.strip().removeprefix("- ")
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(- )?uses:", line)
    ]
    assert uses
    for line in uses:
        assert re.fullmatch(r"uses: (\./.*|[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line), line


def test_what_the_release_attests_is_named_by_its_digest() -> None:
    """A path may lead to another file by the time when it is read."""
    places = [ROOT / ".github/workflows/release.yml", *(ROOT / "templates/github").glob("*.yml")]
    attesting = [path for path in places if "uses: actions/attest@" in path.read_text("utf-8")]
    assert {path.name for path in attesting} == {"release.yml", "build-then-release.yml", "plan-then-apply.yml"}
    for path in attesting:
        text = path.read_text("utf-8")
        assert text.count("uses: actions/attest@") == text.count("subject-checksums: ${{ steps.wheel.outputs.") == 2
        assert "subject-path" not in text
        assert "steps.wheel.outputs.all" in text


def test_one_action_has_one_pin_wherever_it_stands() -> None:
    """Dependabot raises those in workflows only; the templates and the pages have to follow."""
    pins: dict[str, set[str]] = {}
    places = [".github/workflows/*.yml", "templates/github/*.yml", "action.yml", "action/*/action.yml", "docs/*.md"]
    for path in (path for place in [*places, "README.md"] for path in ROOT.glob(place)):
        for name, pin in re.findall(r"uses: ([\w-]+/[\w./-]+)@([0-9a-f]{40} # v\S+)", path.read_text("utf-8")):
            pins.setdefault(name, set()).add(pin)
    assert "actions/checkout" in pins
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


def test_both_hosts_check_every_python_from_the_oldest_on() -> None:
    pythons = [f"3.{minor}" for minor in range(10, 15)]
    github = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["checks"]
    assert github["strategy"]["matrix"]["python"] == pythons
    azure = yaml.safe_load((ROOT / "azure-pipelines.yml").read_text("utf-8"))["jobs"][0]
    assert [each["python"] for each in azure["strategy"]["matrix"].values()] == pythons


def test_hooks_call_what_the_checks_call() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert local["repo"] == "local"  # nothing is downloaded
    for hook in local["hooks"]:
        program, *parts = hook["entry"].split()
        assert (program, hook["name"], hook["language"]) == ("scripts/test", hook["entry"], "system")
        assert parts
        assert set(parts) <= set(ALL) | {"unit"}


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_form_asks_each_thing_once(name: str) -> None:
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text("utf-8"))
    assert {"name", "description", "body"} <= set(form)
    asked = [each["id"] for each in form["body"] if each["type"] != "markdown"]
    assert len(asked) == len(set(asked)) > 2
