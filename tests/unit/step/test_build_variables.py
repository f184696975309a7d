"""The variables for a build: those that are named, no secret, and a word on those that are missing."""

from pathlib import Path

import pytest
from amlwheel.errors.build import SecretForBuild, VersionWithheld
from amlwheel.errors.inputs import BadInput
from amlwheel.hosts import detect
from amlwheel.inputs import reading
from amlwheel.inputs.step import Inputs
from amlwheel.model.secret import Secret
from amlwheel.step import build_variables
from unit.parts import CANARY

READS = 'import os\nfrom setuptools import setup\nsetup(version={0}, x=os.getenv("FLAG"), y=os.getenv("DATA_TOKEN"))\n'
DECIDED = READS.format('os.environ.get("PACKAGE_VERSION", "0.0.1")')
PLAIN = READS.format('"1.0"')


def inputs(folder: Path, route: str = "feed", names: str = "") -> Inputs:
    given = {"feed": "" if route == "git" else "acme/ml/wheels", "workspace": "s/r/w", "route": route}
    given["workspace"] = "00000000-0000-0000-0000-000000000000/r/ws-x"
    return reading.read({**given, "connection-token": CANARY, "package-dir": str(folder), "build-env": names})


def of(
    folder: Path, environ: dict[str, str], route: str = "feed", names: str = "", secret: str = CANARY
) -> dict[str, str]:
    host = detect.detect()
    host.mask(Secret(secret), "any")
    return build_variables.of(inputs(folder, route, names), environ, host)


def test_what_is_named_passes_and_a_secret_is_taken_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "setup.py").write_text(DECIDED)
    environ = {"PACKAGE_VERSION": "2.7.0", "BUILD_NOTE": f"x {CANARY}", "FLAG": "1", "DATA_TOKEN": "x", "CI": "1"}
    assert of(tmp_path, environ, names="PACKAGE_VERSION") == {"PACKAGE_VERSION": "2.7.0", "BUILD_NOTE": ""}
    said = " ".join(capsys.readouterr().out.split())
    assert "setup.py, line 3, reads FLAG, which the build doesn't get. This line passes it: build-env: FLAG" in said
    assert "reads DATA_TOKEN, which the build doesn't get: it is named like a secret." in said


def test_a_version_that_depends_on_a_withheld_variable_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(DECIDED)
    assert of(tmp_path, {"PACKAGE_VERSION": ""}) == {}
    with pytest.raises(
        VersionWithheld, match=r"^setup\.py, line 3: the version may depend on PACKAGE_VERSION"
    ) as caught:
        of(tmp_path, {"PACKAGE_VERSION": "2.7.0"})
    assert caught.value.fix == "Add the line PACKAGE_VERSION to `build-env`."
    (tmp_path / "setup.py").write_text(DECIDED.replace("PACKAGE_VERSION", "VERSION_KEY"))
    with pytest.raises(VersionWithheld) as caught:
        of(tmp_path, {"VERSION_KEY": "2.7.0"})
    assert "read that in setup.py, and add PACKAGE_VERSION to `build-env`" in caught.value.fix


def test_with_git_no_variable_of_the_run_reaches_the_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "setup.py").write_text(PLAIN)
    of(tmp_path, {"FLAG": "1"}, route="git")
    assert "reads FLAG, which isn't set where images are built." in " ".join(capsys.readouterr().out.split())
    (tmp_path / "setup.py").write_text(DECIDED.replace("PACKAGE_VERSION", "GITHUB_RUN_NUMBER"))
    with pytest.raises(VersionWithheld, match="but not where images are built") as caught:
        of(tmp_path, {"GITHUB_RUN_NUMBER": "7"}, route="git")
    assert caught.value.fix == "Set `route` to feed."


@pytest.mark.parametrize(
    ("environ", "kind", "what"),
    [
        ({}, BadInput, "names X, which isn't set for this step"),
        (
            {"X": "$(packageVersion)"},
            BadInput,
            r"the literal text of a variable that was never set: \$\(packageVersion\)",
        ),
        ({"X": f"a {CANARY}", "Y": CANARY}, SecretForBuild, "names X, Y: a secret of this run is in each"),
    ],
)
def test_a_name_without_a_usable_value_is_refused(
    tmp_path: Path, environ: dict[str, str], kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind, match=what) as caught:
        of(tmp_path, environ, names="\n".join(environ) or "X")
    assert CANARY not in str(caught.value)


def test_a_credential_of_the_network_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of(tmp_path, {"HTTPS_PROXY": "http://me:x@proxy.example"})
    assert "HTTPS_PROXY holds a credential" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("names", "kind", "what"),
    [
        ("A=fake-secret", BadInput, "'A' isn't the name of an environment variable"),
        ("PACKAGE_*", BadInput, "isn't the name"),
        ("ok\npackage.version", BadInput, "'package.version' isn't"),
        ("FEED_TOKEN", SecretForBuild, "FEED_TOKEN is named like a secret"),
        ("GITHUB_ENV", SecretForBuild, "GITHUB_ENV is named like a secret, or belongs to the host"),
    ],
)
def test_only_plain_names_that_are_no_secrets_are_taken(
    tmp_path: Path, names: str, kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind, match=what) as caught:
        inputs(tmp_path, names=names)
    assert "fake-secret" not in str(caught.value)
