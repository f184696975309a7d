"""The proof installs the registered packages with the builder's token, which is in no command."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.environment import proof
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.environment import ImportFailed, ProofFailed
from amlwheel.model.azure import Connection
from amlwheel.model.environment import Environment, Python
from amlwheel.transport import process
from unit.parts import CANARY, FEED, TOKEN, defined, make

CONNECTION = Connection.of(FEED)
HERE = Python(platform.python_version())


class Tools:
    """Takes the place of `process.run`: records every command with its requirements, and answers by its words."""

    def __init__(self, **answers: process.Finished) -> None:
        """Answer `install1`, `install2`, `find` and `import` as given, everything else with success."""
        self.answers = answers
        self.runs: list[tuple[list[str], Mapping[str, str]]] = []
        self.requirements: list[str] = []

    def __call__(  # noqa: PLR0913  # as `process.run`
        self,
        command: list[str | Path],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        echo: Callable[[str], None] | None = None,
        errors: bool = True,
    ) -> process.Finished:
        assert seconds > 0
        assert errors != ("find" in command)
        words = list(map(str, command))
        self.runs.append((words, env))
        if "--requirement" in words:
            assert cwd is not None
            assert echo is not None
            self.requirements.append(Path(words[words.index("--requirement") + 1]).read_text())
        name = "import" if "-c" in words else "find" if "find" in words else f"install{len(self.requirements)}"
        return self.answers.get(name, process.Finished(0, ""))


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return defined(make(tmp_path))


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def prove(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, tools: Tools, modules: tuple[str, ...] = ("acme_churn",)
) -> str:
    monkeypatch.setattr(process, "run", tools)
    return proof.prove(environment, CONNECTION, TOKEN, modules, print)


@pytest.mark.usefixtures("linux")
def test_the_feeds_own_packages_come_from_the_feed_and_the_rest_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    tools = Tools(find=process.Finished(0, f"{sys.executable}\n"))
    said = prove(monkeypatch, environment, tools)
    assert said == "2 installed; imported acme_churn"
    private, public = (pin.line for pin in environment.pins)
    assert tools.requirements == [f"{private}\n", f"{public}\n"]
    (ours, our_env), (rest, rest_env), *_ = tools.runs
    assert f"feed={FEED.index_url}" in ours
    assert "--no-cache" in ours
    assert "--default-index" not in rest
    strict = {"--require-hashes", "--no-deps", "--only-binary", "3.11.13", "x86_64-manylinux_2_28"}
    assert strict <= set(ours) & set(rest)
    assert our_env["UV_INDEX_FEED_PASSWORD"] == CANARY
    assert CANARY not in rest_env.values()


@pytest.mark.usefixtures("linux")
def test_no_command_holds_the_token(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    tools = Tools(find=process.Finished(0, f"{sys.executable}\n"))
    prove(monkeypatch, environment, tools)
    assert len(tools.runs) >= 3
    for words, env in tools.runs:
        assert not [word for word in words if CANARY in word]
        assert "install" in words or CANARY not in " ".join(env.values())
    assert CANARY not in "".join(tools.requirements)


def test_without_public_packages_there_is_one_install(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    alone = replace(
        environment,
        spec=json.loads(json.dumps(environment.spec).replace(f', "{environment.pins[1].line}"', "")),
        pins=environment.pins[:1],
    )
    tools = Tools()
    assert prove(monkeypatch, alone, tools, ()) == "1 installed; nothing in them to import"
    assert len(tools.runs) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "said"),
    [
        ({"install1": process.Finished(1, "hash mismatch")}, ProofFailed, "1 package(s) from the feed don't install"),
        ({"install2": process.Finished(2, "404")}, ProofFailed, "1 package(s) from the public index don't install"),
        ({"install2": process.Finished(2, "dns error: https://i.example/x")}, NoNetwork, "No connection to i.example."),
        (
            {"import": process.Finished(1, "ImportError: x"), "find": process.Finished(0, sys.executable)},
            ImportFailed,
            "acme_churn can't be imported with Python 3.11",
        ),
    ],
)
@pytest.mark.usefixtures("linux")
def test_a_proof_that_fails_says_which_part(
    monkeypatch: pytest.MonkeyPatch,
    environment: Environment,
    answers: dict[str, process.Finished],
    kind: type[StepError],
    said: str,
) -> None:
    with pytest.raises(kind) as caught:
        prove(monkeypatch, environment, Tools(**answers))
    assert said in caught.value.what
    assert caught.value.details


def test_an_index_that_the_connection_does_not_cover_fails_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    tools = Tools()
    monkeypatch.setattr(process, "run", tools)
    with pytest.raises(ProofFailed, match="No index in the environment is covered by connection other"):
        proof.prove(environment, Connection("other", "https://pkgs.dev.azure.com/else"), TOKEN, (), print)
    assert tools.runs == []


@pytest.mark.parametrize(
    ("system", "machine", "found"),
    [
        ("linux", "aarch64", process.Finished(0, "/python")),
        ("darwin", "x86_64", process.Finished(0, "/python")),
        ("linux", "x86_64", process.Finished(2, "error: no interpreter")),
    ],
)
def test_without_the_images_python_nothing_is_imported_and_the_proof_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, system: str, machine: str, found: process.Finished
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    said = prove(monkeypatch, environment, Tools(find=found))
    assert said == "2 installed; not imported (no Python 3.11 for Linux x86-64 here)"


@pytest.mark.parametrize("libc", [("glibc", "2.27"), ("", "")])
@pytest.mark.usefixtures("linux")
def test_what_needs_a_newer_glibc_than_this_machines_is_not_imported_here(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, libc: tuple[str, str]
) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    said = prove(monkeypatch, environment, Tools(find=process.Finished(0, f"{sys.executable}\n")))
    assert said == "2 installed; not imported (it may need glibc 2.28, which the image has and this machine hasn't)"


@pytest.mark.usefixtures("linux")
def test_the_steps_own_python_serves_when_it_is_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: pytest.fail("asked for another"))
    assert proof._interpreter(HERE) == sys.executable


@pytest.mark.usefixtures("linux")
def test_only_what_was_installed_can_be_imported(tmp_path: Path) -> None:
    """The step's own packages, such as requests, mustn't take the place of a dependency that isn't declared."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "fine.py").write_text("import json\n")
    (site / "needy.py").write_text("import fine, requests\n")
    assert proof._import(site, ["fine"], HERE, print) == "imported fine"
    with pytest.raises(ImportFailed) as caught:
        proof._import(site, ["needy"], HERE, print)
    assert "requests" in caught.value.details
    assert subprocess.run([sys.executable, "-c", "import requests"], check=False).returncode == 0


@pytest.mark.usefixtures("linux")
def test_packages_of_another_index_come_from_that_index_alone(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    private, public = environment.pins
    cpu, shared = (
        "https://download.pytorch.org/whl/cpu",
        "https://pkgs.dev.azure.com/acme/_packaging/shared/pypi/simple/",
    )
    for place, token in ((cpu, False), (shared, True)):
        tools = Tools(find=process.Finished(0, f"{sys.executable}\n"))
        prove(monkeypatch, replace(environment, pins=(private, replace(public, index=place))), tools)
        words, env = tools.runs[1]
        assert words[words.index("--default-index") + 1] == f"feed={place}"
        assert ("--no-cache" in words) == token
        assert (CANARY in env.values()) == token
