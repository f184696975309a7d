"""The image builder's rules: which credentials go where, and which specs it can't build."""

import os
import pathlib
import re
import sys
import textwrap
import urllib.parse
from typing import Any

import pytest
import yaml
from rehearsal.builder import build, conda_spec, credentials, target_pip, targets
from rehearsal.builder.build import platforms
from rehearsal.state.store import Store
from rehearsal.storage import sas

FEED = "https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/"


def connection(target: str, pat: str = "p", category: str = "PythonFeed") -> dict[str, Any]:
    return {"category": category, "target": target, "authType": "PAT", "credentials": {"pat": pat}}


@pytest.mark.parametrize(
    "target",
    [
        "https://pkgs.dev.azure.com",
        "https://pkgs.dev.azure.com/",
        "https://pkgs.dev.azure.com/acme",
        "https://PKGS.dev.azure.com/Acme/",
        "pkgs.dev.azure.com/acme/ml",
        FEED,
    ],
)
def test_target_on_the_same_host_that_starts_the_path_matches(target: str) -> None:
    assert targets.with_credentials(FEED, [connection(target)]) == FEED.replace("https://", "https://p@")


@pytest.mark.parametrize(
    "one",
    [
        connection("https://acme.pkgs.visualstudio.com"),
        connection("https://pkgs.dev.azure.com/acm"),
        connection("https://pkgs.dev.azure.com/other"),
        connection("https://pkgs.dev.azure.com/acme", category="Git"),
        {"category": "PythonFeed", "target": "https://pkgs.dev.azure.com/acme", "authType": "None"},
    ],
)
def test_anything_else_leaves_the_url_alone(one: dict[str, Any]) -> None:
    assert targets.with_credentials(FEED, [one]) == FEED


def test_longest_target_wins() -> None:
    known = [connection(f"https://pkgs.dev.azure.com{path}", pat) for path, pat in (("", "a"), ("/acme/ml", "c"))]
    known.insert(1, connection("https://pkgs.dev.azure.com/acme", "b"))
    assert "//c@" in targets.with_credentials(FEED, known)


def test_two_connections_with_one_target_break_the_build() -> None:
    known = [connection("https://pkgs.dev.azure.com/acme"), connection("https://pkgs.dev.azure.com/acme/")]
    with pytest.raises(targets.AmbiguousTargetError, match="Unique workspace connection not available"):
        targets.with_credentials(FEED, known)


def test_credentials_in_the_url_stay() -> None:
    url = FEED.replace("https://", "https://me:mine@")
    assert targets.with_credentials(url, [connection("https://pkgs.dev.azure.com")]) == url


def test_pat_is_encoded_and_a_password_is_taken_as_stored() -> None:
    assert targets.credentials(connection("x", "a/b")) == "a%2Fb"
    assert targets.credentials(connection("x", "a/b"), "password") == "ado:a%2Fb"
    assert targets.credentials(connection("x", "a/b", category="Git")) == "ado:a%2Fb"
    stored = {"username": "u%40x", "password": "p%2F"}
    assert targets.credentials({"authType": "UsernamePassword", "credentials": stored}) == "u%40x:p%2F"


@pytest.mark.parametrize("option", ["--index-url ", "--extra-index-url ", "--extra-index-url=", "-i ", "--find-links "])
def test_credentials_go_into_index_options(option: str) -> None:
    known = [connection("https://pkgs.dev.azure.com")]
    line = credentials.insert_credentials(option + FEED, known)
    assert line == option + FEED.replace("https://", "https://p@")


@pytest.mark.parametrize("line", ["--require-hashes", "numpy==2.0 --hash=sha256:00", f"a @ {FEED}a.whl"])
def test_other_lines_stay(line: str) -> None:
    assert credentials.insert_credentials(line, [connection("https://pkgs.dev.azure.com")]) == line


def test_log_is_masked() -> None:
    text = "Looking in https://SECRET@pkgs.dev.azure.com/x, SECRET"
    assert credentials.masked(text, ["SECRET"]) == "Looking in https://****@pkgs.dev.azure.com/x, ****"
    url = "https://x.blob.core.windows.net/azureml/a.whl?sv=1&sp=r"
    assert credentials.masked(f"from {url}&sig=a%2Bb/c=&se=2 (a)", []) == f"from {url}&sig=****&se=2 (a)"
    assert credentials.masked("no sig=word here", []) == "no sig=word here"


BLOB = "https://wstrain1.blob.core.windows.net/azureml/Environment/azureml-private-packages/a-1.0+cpu-py3-none-any.whl"


@pytest.mark.parametrize("form", ["{}", "{} --hash=sha256:00", "a @ {} --hash=sha256:00", "a@{}", "{}#sha256=00"])
def test_urls_of_the_workspaces_own_storage_are_signed(store: Store, form: str) -> None:
    line = credentials.sign_own_urls(form.format(BLOB), "wstrain1", store)
    found = re.search(r"\?([^\s#]+)", line)
    assert found
    assert line.replace(found[0], "") == form.format(BLOB)
    blob = sas.Blob("wstrain1", "azureml", BLOB.partition("/azureml/")[2])
    fields = dict(urllib.parse.parse_qsl(found[1]))
    assert (fields["sp"], sas.problem(store, blob, fields)) == ("r", None)


@pytest.mark.parametrize(
    "line",
    [
        BLOB.replace("wstrain1", "other1"),
        f"{BLOB}?sv=1&sig=mine",
        BLOB.replace("wstrain1.", "wstrain1.evil."),
        f"--extra-index-url {FEED}",
        "numpy==2.0",
    ],
)
def test_other_urls_are_not(store: Store, line: str) -> None:
    assert credentials.sign_own_urls(line, "wstrain1", store) == line


def run(tmp_path: pathlib.Path, program: str) -> tuple[int, str]:
    told: list[str] = []
    status = build._run([sys.executable, "-c", program], dict(os.environ), str(tmp_path), told.append)
    return status, "".join(told)


def test_what_pip_complains_of_comes_last_under_condas_heading(tmp_path: pathlib.Path) -> None:
    program = "import sys; print('ERROR: x', file=sys.stderr); print('Collecting a'); sys.exit(1)"
    assert run(tmp_path, program) == (
        1,
        "Collecting a\n\nPip subprocess error:\nERROR: x\n\nfailed\n\nCondaEnvException: Pip failed\n",
    )


def test_what_pip_says_when_all_is_well_is_its_output_alone(tmp_path: pathlib.Path) -> None:
    program = "import sys; print('WARNING: x', file=sys.stderr); print('Collecting a')"
    assert run(tmp_path, program) == (0, "Collecting a\n")


def test_pip_that_takes_too_long_is_ended(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "BUILD_WITHIN", 0.2)
    status, log = run(tmp_path, "import time; time.sleep(60)")
    assert (status != 0, "pip took more than" in log) == (True, True)


def spec(*pip: object, python: str = "python=3.11.9", **more: object) -> str:
    content: dict[str, object] = {
        "name": "x",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [python, "pip=26.3", {"pip": list(pip)}],
    }
    return yaml.safe_dump({**content, **more}, sort_keys=False, width=10_000)


def test_good_spec_is_read() -> None:
    lines = (f"--extra-index-url {FEED}", "--require-hashes", "a==1 --hash=sha256:00 --hash=sha256:01")
    assert conda_spec.parse(spec(*lines)) == conda_spec.CondaSpec("3.11.9", "26.3", lines)


def test_other_conda_packages_are_looked_at() -> None:
    text = spec("a==1", dependencies=["python=3.11.9", "pip=26.3", "ffmpeg=6.1.1", "tk=8.6=h1_0", "x==1", {"pip": []}])
    assert conda_spec.parse(text) == conda_spec.CondaSpec("3.11.9", "26.3", ())
    with pytest.raises(conda_spec.SpecError, match="exact versions alone"):
        conda_spec.parse(text.replace("ffmpeg=6.1.1", "ffmpeg=6.1"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "isn't YAML"),
        ("[]", "list of dependencies"),
        ("name: x", "list of dependencies"),
        (spec(extra=1), "unknown keys: extra"),
        (spec(channels=[]), "without channels"),
        (spec(python="python>=3.11"), "exact versions"),
        (spec(python="python=3.11.*"), "exact versions"),
        (spec(python="numpy=2.0"), "exact versions"),
        (spec(dependencies=["pip=26.3"]), "no exact version of python"),
        (spec(dependencies=["python=3.11.9", {"pip": "a"}]), "can't read"),
        (spec({"--only-binary": "all:"}), "quote it"),
        (spec("--no-deps"), "no such option"),
        (spec("-r requirements.txt"), "only the spec's text"),
        (spec("a @ git+https://github.com/acme/a@1"), "Cannot find command 'git'"),
    ],
)
def test_spec_that_conda_would_choke_on_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(conda_spec.SpecError, match=complaint):
        conda_spec.parse(text)


def test_unquoted_only_binary_is_the_mapping_that_yaml_makes_of_it() -> None:
    text = textwrap.dedent("""\
        channels: [conda-forge]
        dependencies:
          - python=3.11.9
          - pip=26.3
          - pip:
            - --only-binary=:all:
        """)
    with pytest.raises(conda_spec.SpecError, match="quote it"):
        conda_spec.parse(text)


def test_markers_are_the_targets() -> None:
    environment = target_pip.target_environment("3.10.4")
    assert (environment["python_version"], environment["sys_platform"]) == ("3.10", "linux")


def test_platforms_go_from_new_to_old() -> None:
    tags = platforms("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@sha256:0")
    assert tags[0] == "manylinux_2_35_x86_64"
    assert platforms("mcr.microsoft.com/azureml/openmpi5.0-ubuntu24.04@sha256:0")[4:] == tags
    assert platforms("acme.azurecr.io/ml/base@sha256:0")[0] == "manylinux_2_28_x86_64"
    assert tags.index("manylinux_2_17_x86_64") + 1 == tags.index("manylinux2014_x86_64")
    assert tags[-1] == "linux_x86_64"


def test_a_password_is_hidden_encoded_and_decoded_and_a_user_name_is_not() -> None:
    stored = {"username": "ci", "password": "fa%40ke"}
    secrets = credentials.secrets_of([{"authType": "UsernamePassword", "credentials": stored}])
    assert credentials.masked("the specific fa@ke and fa%40ke", secrets) == "the specific **** and ****"
