"""action/bootstrap.py without network: which variables it keeps, which Pythons it refuses, how it reports."""

import ast
import atexit
import io
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import bootstrap
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

LINES = st.text(st.sampled_from("#[]:;v s\r\n\x85\u2028\x1b\taddmaskVSO=") | st.characters(), max_size=60)


@pytest.mark.parametrize(
    "name",
    [
        "PIP_TARGET",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_REQUIRE_VIRTUALENV",
        "UV_SYSTEM_PYTHON",
        "UV_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_EXCLUDE_NEWER",
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "__PYVENV_LAUNCHER__",
        "AMLWHEEL_FEED_TOKEN",
        "AZURE_CLIENT_SECRET",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "ENDPOINT_AUTH_PARAMETER_X_SERVICEPRINCIPALKEY",
        "SECRET_PAT",
    ],
)
def test_settings_that_bend_an_install_and_secrets_are_dropped(name: str) -> None:
    assert name not in bootstrap.clean_environment({name: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "SYSTEMROOT",
        "LD_LIBRARY_PATH",
        "HTTPS_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "NETRC",
        "PIP_INDEX_URL",
        "PIP_CERT",
        "UV_DEFAULT_INDEX",
        "UV_INDEX_MIRROR_PASSWORD",
        "UV_SYSTEM_CERTS",
        "UV_CACHE_DIR",
    ],
)
def test_the_machine_and_its_network_are_kept(name: str) -> None:
    assert bootstrap.clean_environment({name: "x"})[name] == "x"


def test_configuration_files_do_not_count() -> None:
    cleaned = bootstrap.clean_environment({"PIP_CONFIG_FILE": "mine", "UV_CONFIG_FILE": "mine", "UV_NO_CONFIG": "0"})
    assert cleaned["PIP_CONFIG_FILE"] == os.devnull
    assert cleaned["UV_NO_CONFIG"] == "1"
    assert "UV_CONFIG_FILE" not in cleaned


@pytest.mark.parametrize(
    ("base", "config", "uv", "pip"),
    [
        ({}, {}, None, None),
        ({"PIP_INDEX_URL": "https://p"}, {}, "https://p", "https://p"),
        ({"UV_INDEX_URL": "https://u"}, {}, "https://u", "https://u"),
        ({"UV_DEFAULT_INDEX": "mirror=https://u/?a=b"}, {}, "mirror=https://u/?a=b", "https://u/?a=b"),
        ({"UV_DEFAULT_INDEX": "https://u", "PIP_INDEX_URL": "https://p"}, {}, "https://u", "https://p"),
        ({}, {"index-url": "https://c"}, "https://c", "https://c"),
        ({"PIP_INDEX_URL": "https://p"}, {"index-url": "https://c"}, "https://p", "https://p"),
        ({"UV_DEFAULT_INDEX": "https://u"}, {"index-url": "https://c"}, "https://u", "https://c"),
    ],
)
def test_pip_and_uv_share_their_index(
    base: dict[str, str], config: dict[str, str], uv: str | None, pip: str | None
) -> None:
    env = bootstrap.tool_environment(base, config)
    assert (env.get("UV_DEFAULT_INDEX"), env.get("PIP_INDEX_URL")) == (uv, pip)
    assert "UV_INDEX_URL" not in env


def test_certificates_and_proxy_of_pip_serve_uv_too() -> None:
    config = {"cert": "/ca.pem", "proxy": "http://proxy:3128", "trusted-host": "mirror"}
    env = bootstrap.tool_environment({}, config)
    assert env["SSL_CERT_FILE"] == env["REQUESTS_CA_BUNDLE"] == env["PIP_CERT"] == "/ca.pem"
    assert env["HTTPS_PROXY"] == env["PIP_PROXY"] == "http://proxy:3128"
    assert env["UV_INSECURE_HOST"] == "mirror"


def test_what_the_environment_says_wins_over_pips_configuration() -> None:
    base = {"SSL_CERT_FILE": "/env.pem", "https_proxy": "http://env"}
    env = bootstrap.tool_environment(base, {"cert": "/ca.pem", "proxy": "http://conf"})
    assert env["SSL_CERT_FILE"] == "/env.pem"
    assert "HTTPS_PROXY" not in env


def test_pips_configuration_is_read_as_pip_merges_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror/simple\n[install]\nproxy = http://p\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    config = bootstrap.pip_config()
    assert (config["index-url"], config["proxy"]) == ("https://mirror/simple", "http://p")


def test_pip_is_asked_for_its_configuration_only_if_it_may_have_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(
        os.path, "exists", lambda path: str(path).startswith(str(tmp_path)) and os.access(path, os.R_OK)
    )
    monkeypatch.setattr(os, "environ", {"XDG_CONFIG_DIRS": f"/none:{tmp_path}/etc", "HOME": f"{tmp_path}/home"})
    monkeypatch.setattr(bootstrap, "run", lambda *_: "global.index-url='https://mirror/simple'\n")
    assert bootstrap.pip_config() == {}
    for place in ("pip.conf", "etc/pip/pip.conf", "home/.pip/pip.conf", "home/.config/pip/pip.conf"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert bootstrap.pip_config() == {"index-url": "https://mirror/simple"}, place
        path.unlink()
    assert bootstrap.may_have_config({"PIP_CONFIG_FILE": "/any"})
    monkeypatch.setattr(sys, "platform", "darwin")
    assert bootstrap.may_have_config({})


@pytest.mark.parametrize("found", [(3, 10), (3, 13), (4, 0)])
def test_a_python_that_is_new_enough_is_accepted(found: tuple[int, int]) -> None:
    bootstrap.require_python(found, {})


@pytest.mark.parametrize(
    ("env", "advice"),
    [
        ({"GITHUB_ACTIONS": "true"}, "uses: actions/setup-python@"),
        ({"TF_BUILD": "True"}, "task: UsePythonVersion@0"),
        ({}, "python3.12 scripts/rehearse"),
    ],
)
def test_an_older_python_is_refused_with_the_remedy_for_the_host(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], advice: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/rehearse"])
    with pytest.raises(bootstrap.BootstrapError, match=r"^Python 3\.10 or newer is needed, found 3\.8") as caught:
        bootstrap.require_python((3, 8), env)
    assert caught.value.status == 90
    assert advice in caught.value.remedy


def test_main_reports_an_older_python_and_installs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    assert bootstrap.main([]) == 90
    assert "AW90: Python 3.10 or newer is needed, found 3.9." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", [(3, 6), (3, 7), (3, 8), (3, 9)])
def test_older_pythons_can_parse_it(version: tuple[int, int]) -> None:
    ast.parse(pathlib.Path(bootstrap.__file__).read_text("utf-8"), feature_version=version)


def test_it_imports_only_what_python_3_6_has() -> None:
    tree = ast.parse(pathlib.Path(bootstrap.__file__).read_text("utf-8"))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    old = "ast contextlib hashlib html os pathlib re shutil signal subprocess sys sysconfig tempfile threading time "
    assert names == {*old.split(), "typing"}


def test_the_key_tells_locks_interpreters_and_platforms_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bootstrap.key_of(b"a==1")
    assert first == bootstrap.key_of(b"a==1")
    assert re.fullmatch(r"py3\.\d+-[0-9a-f]{16}", first)
    assert bootstrap.key_of(b"a==2") != first
    for owner, name in ((sys, "version"), (sys, "base_prefix")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, "another")
            assert bootstrap.key_of(b"a==1") != first
    with monkeypatch.context() as patch:
        patch.setattr("sysconfig.get_platform", lambda: "another")
        assert bootstrap.key_of(b"a==1") != first


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"RUNNER_TEMP": "/r", "AGENT_TEMPDIRECTORY": "/a", "XDG_CACHE_HOME": "/x"}, "/r/amlwheel"),
        ({"AGENT_TEMPDIRECTORY": "/a", "XDG_CACHE_HOME": "/x"}, "/a/amlwheel"),
        (
            {"RUNNER_ENVIRONMENT": "self-hosted", "RUNNER_TOOL_CACHE": "/t", "RUNNER_TEMP": "/r"},
            "/t/amlwheel",
        ),
        (
            {"RUNNER_ENVIRONMENT": "github-hosted", "RUNNER_TOOL_CACHE": "/t", "RUNNER_TEMP": "/r"},
            "/r/amlwheel",
        ),
        ({"AGENT_TOOLSDIRECTORY": "/t", "AGENT_TEMPDIRECTORY": "/a"}, "/t/amlwheel"),
        ({"RUNNER_TEMP": "", "XDG_CACHE_HOME": "/x"}, "/x/amlwheel"),
        ({}, os.path.expanduser("~/.cache/amlwheel")),  # noqa: PTH111 - what the code under test must equal
    ],
)
def test_environments_are_kept_where_the_host_wants_them(env: dict[str, str], expected: str) -> None:
    assert bootstrap.default_root(env) == pathlib.Path(expected)


def ready(root: pathlib.Path, name: str) -> pathlib.Path:
    """Make a folder that looks like an environment."""
    python = bootstrap.python_of(root / name)
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_a_ready_environment_is_followed_and_a_vanished_one_is_not(tmp_path: pathlib.Path) -> None:
    pointer = tmp_path / "py3.12-0.ready"
    assert bootstrap.follow(pointer) is None
    python = ready(tmp_path, "py3.12-0-x")
    assert bootstrap.publish(tmp_path / "py3.12-0-x", pointer) == python
    assert bootstrap.follow(pointer) == python
    python.unlink()
    assert bootstrap.follow(pointer) is None


def test_only_what_nobody_used_for_long_is_swept_away(tmp_path: pathlib.Path) -> None:
    long_ago = time.time() - bootstrap.UNUSED - 60
    for name in ("py3.12-0-old", "py3.11-1-half", "py3.12-2-used", "amlwheel-killed", "other-py-thing"):
        ready(tmp_path, name)
        os.utime(tmp_path / name, (long_ago, long_ago))
    (tmp_path / "py3.12-2.ready").write_text("py3.12-2-used")
    assert bootstrap.follow(tmp_path / "py3.12-2.ready")
    ready(tmp_path, "py3.12-3-new")
    bootstrap.publish(tmp_path / "py3.12-3-new", tmp_path / "py3.12-3.ready")
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {"py3.12-2-used", "other-py-thing", "py3.12-3-new"}


def test_one_package_is_cut_out_of_a_lock_with_its_hashes() -> None:
    lock = "uv-build==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\nzipp==3\n"
    assert bootstrap.requirement(lock, "uv") == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    assert bootstrap.requirement(lock, "u") == ""
    assert bootstrap.requirement(bootstrap.LOCK.read_text("utf-8"), "uv").count("--hash=sha256:") > 10


@pytest.mark.parametrize(
    ("said", "remedy"), [("[Errno 28] No space left on device", bootstrap.FULL), ("no route", bootstrap.UNREACHABLE)]
)
def test_a_full_disk_is_told_from_an_index_that_is_out_of_reach(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(said)

    monkeypatch.setattr(bootstrap, "run", fail)
    monkeypatch.setattr(bootstrap, "pip_config", dict)
    with pytest.raises(bootstrap.BootstrapError) as caught:
        bootstrap.fill(tmp_path / "new", bootstrap.LOCK)
    assert caught.value.remedy == remedy


def test_the_first_run_writes_no_bytecode_and_later_ones_keep_it_out_of_the_action(tmp_path: pathlib.Path) -> None:
    assert bootstrap.bytecode(tmp_path) == ["-B"]
    assert bootstrap.bytecode(tmp_path) == ["-X", f"pycache_prefix={tmp_path / 'bytecode'}"]


ERROR = bootstrap.BootstrapError(91, "50% of it failed", "Do this:\n  - that", "x ##[add-mask]y\n::error::z")


def test_a_person_reads_code_cause_and_remedy_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.report(ERROR, {}) == 91
    out, err = capsys.readouterr()
    assert err == "AW91: 50% of it failed.\nDo this:\n  - that\n"
    assert out == "| x #_#[add-mask]y\n| ::error::z\n"


def test_github_gets_one_escaped_annotation_and_a_page(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    page = tmp_path / "page"
    assert bootstrap.report(ERROR, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}) == 91
    assert page.read_text("utf-8") == "## Failed: AW91\n\n<pre>\n50% of it failed.\nDo this:\n  - that\n</pre>\n"
    assert bootstrap.report(ERROR, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path)}) == 91
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "::error title=amlwheel AW91::50%25 of it failed.%0ADo this:%0A  - that"


def test_azure_pipelines_gets_an_issue_and_from_our_task_a_result_and_status_0(
    capsys: pytest.CaptureFixture[str],
) -> None:
    issue = "##vso[task.logissue type=error;code=AW91;]amlwheel AW91: 50%AZP25 of it failed.%0ADo this:%0A  - that"
    assert bootstrap.report(ERROR, {"TF_BUILD": "True"}) == 91
    assert capsys.readouterr().out.splitlines()[-1] == issue
    assert bootstrap.report(ERROR, {"TF_BUILD": "True", "INPUT_FEED": "x"}) == 0
    last = "##vso[task.complete result=Failed;]amlwheel AW91: 50%AZP25 of it failed"
    assert capsys.readouterr().out.splitlines()[-2:] == [issue, last]


def obeyed(text: str) -> list[str]:
    """Return the lines that one of the hosts would obey as a command."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [line for line in lines if re.search(r"##\[|##vso\[", line, re.IGNORECASE) or re.match(r"\s*::", line)]


@given(LINES)
@example("##vso[task.complete result=Succeeded;done=true;]")
@example("a\r::set-output name=x::y")
@example("\u2028::add-mask::x")
@example("####[add-mask]x")
@example("##\x85[add-mask]x")
def test_no_tool_can_command_the_host(text: str) -> None:
    shown = bootstrap.neutralise(text)
    assert not obeyed(shown)
    assert bootstrap.neutralise(shown).count("\n") == shown.count("\n")


def test_control_characters_and_odd_line_ends_are_replaced() -> None:
    assert bootstrap.neutralise("a\x1b[31m\x85b\u2028c\td\r\ne\rf") == "| a\ufffd[31m\ufffdb\ufffdc\td\n| e\n| f"


def test_who_logs_in_to_an_index_is_not_shown() -> None:
    shown = bootstrap.neutralise("at https://user:s3cr3t-fake-token@mirror.example/simple and https://open/")
    assert shown == "| at https://***@mirror.example/simple and https://open/"


@pytest.mark.parametrize(
    ("on", "line"),
    [
        ({"GITHUB_ACTIONS": "true", "RUNNER_DEBUG": "1"}, "::debug::$ uv 50%25 #_#[x]"),
        ({"TF_BUILD": "True", "SYSTEM_DEBUG": "True"}, "##vso[task.debug]$ uv 50%AZP25 #_#[x]"),
        ({"AMLWHEEL_DEBUG": "1"}, "debug: $ uv 50% #_#[x]"),
        ({"GITHUB_ACTIONS": "true", "AMLWHEEL_DEBUG": "1"}, ""),
        ({"TF_BUILD": "True", "SYSTEM_DEBUG": "False"}, ""),
    ],
)
def test_debug_lines_are_shown_where_the_run_asks_for_them(
    on: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_ACTIONS", "TF_BUILD", "AMLWHEEL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in on.items():
        monkeypatch.setenv(name, value)
    with bootstrap.clock("installing ... "):
        bootstrap.debug("$ uv 50% ##[x]")
    bootstrap.say("done")
    assert capsys.readouterr().out == (f"installing ... \n{line}\ndone\n" if line else "installing ... done\n")


class Quick(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout and timeout / 100)


def test_at_a_terminal_the_seconds_are_counted_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AMLWHEEL_DEBUG", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(threading, "Event", Quick)
    with bootstrap.clock("installing ... "):
        time.sleep(0.1)
    bootstrap.say("3 with own uv")
    shown = r"installing \.\.\. (\rinstalling \.\.\. 0 s )+\rinstalling \.\.\. 3 with own uv\n"
    assert re.fullmatch(shown, capsys.readouterr().out)


def test_only_the_last_lines_of_a_failed_tool_are_shown() -> None:
    said = "\n".join(f"line {number}" for number in range(40)).encode()
    shown = bootstrap.explain(subprocess.CalledProcessError(1, "pip", said))
    assert shown.splitlines() == [f"line {number}" for number in range(34, 40)]
    assert bootstrap.explain(FileNotFoundError("none on PATH")) == "none on PATH"


def test_it_leaves_at_once_when_all_is_printed_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            seen.append("flushed")
            raise BrokenPipeError

    def end(status: int) -> None:
        raise SystemExit(status)

    seen: list[str] = []
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: seen.append("removed"))
    monkeypatch.setattr(os, "_exit", end)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Gone())
    with pytest.raises(SystemExit) as caught:
        bootstrap.leave(3)
    assert (caught.value.code, seen) == (3, ["removed", "flushed", "flushed"])
