"""The proof installs our wheels from their files and the rest as images do; no token is in a command."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.environment import proof
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.environment import NoRoom, ProofFailed
from amlwheel.model.environment import Environment
from amlwheel.model.wheel import Pin, Wheel
from amlwheel.transport import process
from unit.parts import CANARY, FEED, TOKEN, defined, make, sha


class Tools:
    """Takes the place of `process.run`: records every command with its requirements, and answers by number."""

    def __init__(self, answers: Mapping[int, process.Finished]) -> None:
        """Answer the first, second… installation as given, every other with success."""
        self.answers = answers
        self.runs: list[tuple[list[str], Mapping[str, str]]] = []
        self.requirements: list[str] = []

    def __call__(
        self, command: list[str | Path], *, env: Mapping[str, str], seconds: float, cwd: Path, echo: Callable[..., None]
    ) -> process.Finished:
        assert seconds > 0
        assert echo is print
        words = list(map(str, command))
        self.runs.append((words, env))
        assert Path(words[words.index("--requirement") + 1]).parent == cwd
        self.requirements.append(Path(words[words.index("--requirement") + 1]).read_text())
        return self.answers.get(len(self.runs), process.Finished(0, ""))

    def from_where(self) -> list[str]:
        """Return the index of each installation; empty for that of the machine."""
        return [next((word for word in words if word.startswith("feed=")), "")[5:] for words, _ in self.runs]


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


OTHER = Pin("acme-secret", "2.0", (sha("secret"),), private=True)


def install(
    monkeypatch: pytest.MonkeyPatch,
    environment: Environment,
    wheel: Wheel,
    folder: Path,
    answers: Mapping[int, process.Finished] | None = None,
) -> Tools:
    tools = Tools(answers or {})
    monkeypatch.setattr(process, "run", tools)
    assert proof.install(environment, [wheel], FEED, TOKEN, folder, print) == len(environment.pins)
    return tools


def test_ours_come_from_files_the_feeds_from_the_feed_and_the_rest_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, tmp_path: Path
) -> None:
    made = defined(wheel)
    made = replace(made, pins=(*made.pins, OTHER))
    tools = install(monkeypatch, made, wheel, tmp_path)
    ours = f"{wheel.path.as_uri()} --hash=sha256:{wheel.sha256}\n"
    assert tools.requirements == [ours, f"{made.pins[1].line}\n", f"{OTHER.line}\n"]
    assert tools.from_where() == ["", "", FEED.index_url]
    strict = {"--require-hashes", "--no-deps", "--only-binary", "3.11.13", "x86_64-manylinux_2_28"}
    assert all(strict <= set(words) for words, _ in tools.runs)
    (_, mine), (public, rest), (feed, its) = tools.runs
    assert its["UV_INDEX_FEED_PASSWORD"] == CANARY
    assert "--no-cache" in feed
    assert "--no-cache" not in public
    assert CANARY not in (*mine.values(), *rest.values())
    assert not [word for words, _ in tools.runs for word in words if CANARY in word]
    assert CANARY not in "".join(tools.requirements)


def test_alone_there_is_one_installation(monkeypatch: pytest.MonkeyPatch, wheel: Wheel, tmp_path: Path) -> None:
    made = defined(wheel)
    assert len(install(monkeypatch, replace(made, pins=made.pins[:1]), wheel, tmp_path).runs) == 1


def test_a_commit_and_a_stored_wheel_are_proven_by_the_file_and_an_address_by_itself(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, tmp_path: Path
) -> None:
    ours = Pin("acme-churn", "1.2.3", (wheel.sha256,), private=True, requirement="acme-churn @ git+https://x.example")
    by_url = Pin("f", "1.0", (sha("f"),), private=True, url="https://x.example/f-1.0-py3-none-any.whl")
    placed = Pin("numpy", "2.0", (sha("n"),), requirement=f"numpy @ https://y.example/n.whl#sha256={sha('n')}")
    made = replace(defined(wheel), pins=(ours, by_url, placed))
    tools = install(monkeypatch, made, wheel, tmp_path)
    assert "git+" not in "".join(tools.requirements)
    assert tools.requirements[1] == f"{by_url.line}\n{placed.line}\n"
    assert tools.from_where() == ["", ""]


@pytest.mark.parametrize(
    ("answers", "kind", "said", "advised"),
    [
        ((1, "not a zip"), ProofFailed, "1 package(s) from this release don't install", "nothing was published"),
        ((2, "404"), ProofFailed, "1 package(s) from the public index don't install", "which locks anew"),
        ((2, "dns error: https://i.example/x"), NoNetwork, "No connection to i.example.", "HTTPS_PROXY"),
        ((2, "failed: No space left on device (os error 28)"), NoRoom, "the public index", "UV_CACHE_DIR"),
    ],
)
def test_an_installation_that_fails_says_which_part(  # noqa: PLR0913, PLR0917  # a table
    monkeypatch: pytest.MonkeyPatch,
    wheel: Wheel,
    tmp_path: Path,
    answers: tuple[int, str],
    kind: type[StepError],
    said: str,
    advised: str,
) -> None:
    number, text = answers
    with pytest.raises(kind) as caught:
        install(monkeypatch, defined(wheel), wheel, tmp_path, {number: process.Finished(1, text)})
    assert said in caught.value.what
    assert advised in caught.value.fix
    assert caught.value.details


@pytest.mark.parametrize(
    ("place", "token"),
    [
        ("https://download.pytorch.org/whl/cpu", False),
        ("https://pkgs.dev.azure.com/acme/_packaging/shared/pypi/simple/", True),
    ],
)
def test_packages_of_another_index_come_from_that_index_alone(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, tmp_path: Path, place: str, *, token: bool
) -> None:
    made = defined(wheel)
    made = replace(made, pins=(made.pins[0], replace(made.pins[1], index=place)))
    tools = install(monkeypatch, made, wheel, tmp_path)
    assert tools.from_where() == ["", place]
    words, env = tools.runs[1]
    assert ("--no-cache" in words) == token
    assert (CANARY in env.values()) == token
