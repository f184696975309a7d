"""The lock: every name from its own index, every file by sha256."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from amlwheel.environment import gaps, lock, solver
from amlwheel.environment.gaps import Gaps
from amlwheel.environment.lock import Resolution, resolve
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.solver import Solver
from amlwheel.environment.sources import Sources
from amlwheel.errors.base import NoNetwork
from amlwheel.errors.environment import IndexFailed, LockIncomplete, Unsatisfiable
from amlwheel.errors.feed import TokenRefused
from amlwheel.model.environment import Python
from amlwheel.model.glibc import Platform
from amlwheel.model.wheel import Pin, Wheel
from amlwheel.transport import http, process
from packaging.requirements import Requirement
from unit.parts import CANARY, FEED, TOKEN, make, sha

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHON = Python("3.11.13")
EXTRA = Sources(FEED, TOKEN, frozenset(["acme-features", "acme-base"]), only=False)


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path, more="Requires-Dist: numpy>=2\nRequires-Dist: Acme_Base\nRequires-Dist: x; extra == 'y'\n")


def needs(wheel: Wheel, *more: str) -> Requirements:
    return Requirements((wheel,), tuple(map(Requirement, more)), PYTHON)


# --- what uv gets


@dataclass
class Told:
    """What one run of uv is told."""

    command: list[str]
    env: dict[str, str]
    project: Any
    settings: Any


def told(monkeypatch: pytest.MonkeyPatch, asked: Solver) -> Told:
    """Return what uv is told when it is asked for a solution."""
    runs: list[Told] = []

    def run(command: list[str], *, env: dict[str, str], cwd: Path, seconds: float, whole: bool) -> process.Finished:
        assert (cwd.parent, seconds, whole) == (asked.folder, solver.SECONDS, True)
        files = [tomllib.loads((cwd / name).read_text()) for name in ("pyproject.toml", "uv.toml")]
        runs.append(Told(command, env, *files))
        return process.Finished(0, "")

    monkeypatch.setattr(process, "run", run)
    asked.solve()
    (found,) = runs
    return found


def test_the_project_file_binds_names_to_indexes(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = needs(wheel, "torch>=2; python_version < '3.13'")
    said = told(monkeypatch, Solver(tmp_path, wanted, EXTRA, {"acme-features", "acme-base"})).project
    assert said["project"]["requires-python"] == ">=3.11"
    assert said["project"]["dependencies"] == [
        "acme-churn==1.2.3",
        'torch>=2; python_version < "3.13"',
        "acme-base",
        "acme-features",
    ]
    assert said["tool"]["uv"]["sources"] == {
        "acme-churn": {"index": "local"},
        "acme-base": {"index": "feed"},
        "acme-features": {"index": "feed"},
    }
    local, feed = said["tool"]["uv"]["index"]
    assert (local["name"], local["url"], local["explicit"]) == ("local", f"{tmp_path.as_uri()}/local/", True)
    assert (feed["name"], feed["url"], feed["explicit"]) == ("feed", FEED.index_url, True)


@pytest.mark.parametrize(
    ("sources", "option"),
    [
        (EXTRA, None),
        (replace(EXTRA, only=True), "--default-index"),
        (replace(EXTRA, published=None), "--index"),
    ],
)
def test_uv_gets_the_token_by_environment_and_the_feed_as_the_sources_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: Sources, option: str | None
) -> None:
    wanted = Requirements((), (), replace(PYTHON, platform=Platform(35)))
    found = told(monkeypatch, Solver(tmp_path, wanted, sources))
    command, env = found.command, found.env
    assert {"--config-file", "3.11.13", "x86_64-manylinux_2_35", "--only-binary"} <= set(command)
    assert not [word for word in command if CANARY in str(word)]
    assert env["UV_INDEX_FEED_PASSWORD"] == CANARY
    assert [word for word in command if word in ("--index", "--default-index")] == ([option] if option else [])


def test_the_local_index_is_a_pep_503_folder(wheel: Wheel, tmp_path: Path) -> None:
    Solver(tmp_path, needs(wheel), EXTRA).offer()
    page = (tmp_path / "local/acme-churn/index.html").read_text()
    assert f'href="{wheel.path.as_uri()}#sha256={wheel.sha256}">{wheel.filename}</a>' in page


# --- what uv answers


def listed(name: str, version: str, *digests: str, url: str = "https://files.example/x.whl") -> str:
    """Return a package of pylock.toml (PEP 751)."""
    wheels = ", ".join(f'{{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}' for digest in digests)
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [{wheels}]\n'


def read_pins(folder: Path, sources: Sources, bound: set[str]) -> tuple[Pin, ...]:
    """Return the pins of the pylock.toml in `folder`."""
    asked = Solver(folder, Requirements((), tuple(map(Requirement, bound)), PYTHON), sources)
    return Resolution(asked, never, print, None)._read()[0]


def test_pins_are_read_sorted_and_know_what_is_the_feeds(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    text = listed("zlib-ng", "1.0", sha("b"), sha("a")) + listed("acme-base", "0.1", sha("c"))
    text += listed("cached", "2.0", sha("d"), url=f"https://{FEED.host}/x.whl") + listed("bare", "1")
    path.write_text(text + '[[packages]]\nname = "md5"\nversion = "1"\nwheels = [{ hashes = { md5 = "00" } }]\n')
    pins = read_pins(tmp_path, EXTRA, {"acme-base"})
    assert pins == (
        Pin("acme-base", "0.1", (sha("c"),)),
        Pin("bare", "1", ()),
        Pin("cached", "2.0", (sha("d"),)),
        Pin("md5", "1", ()),
        Pin("zlib-ng", "1.0", tuple(sorted([sha("a"), sha("b")]))),
    )
    assert [pin.name for pin in pins if pin.private] == ["acme-base", "cached"]
    assert not path.exists()
    path.write_text(listed("numpy", "2", sha("n")))
    assert read_pins(tmp_path, replace(EXTRA, only=True), set())[0].private


class Uv:
    """Takes the place of uv: `respond` makes the result from the bound names and the number of the round."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, respond: Callable[[set[str], int], process.Finished | str]
    ) -> None:
        """Record the bound names of each round."""
        self.respond, self.rounds, self.annotations = respond, list[set[str]](), ""
        monkeypatch.setattr(Solver, "solve", lambda asked, *options, **_: self.solve(asked, *options))
        monkeypatch.setattr(gaps, "find", lambda asked, *_: Gaps((), asked.requirements))

    def solve(self, asked: Solver, *options: str) -> process.Finished:
        assert (asked.requirements.python, asked.sources.feed) == (PYTHON, FEED)
        if "line" in options:
            return process.Finished(0, self.annotations)
        bound = {name for name in asked.bound if asked.homes.label(name) == "feed"}
        self.rounds.append(bound)
        given = self.respond(bound, len(self.rounds))
        if isinstance(given, process.Finished):
            return given
        (asked.folder / "pylock.toml").write_text(given)
        return process.Finished(0, "")


def never() -> None:
    pytest.fail("the feed was asked again")


def test_direct_published_names_are_bound_from_the_start(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    uv = Uv(monkeypatch, lambda *_: listed("acme-churn", "1.2.3", wheel.sha256) + listed("numpy", "2", sha("n")))
    pins = resolve(needs(wheel, "acme-features"), EXTRA, never, never).pins  # type: ignore[arg-type]  # takes no argument
    assert uv.rounds == [{"acme-base", "acme-features"}]
    assert [(pin.name, pin.private) for pin in pins] == [("acme-churn", True), ("numpy", False)]


def test_a_published_name_that_turns_up_on_the_way_is_bound_and_resolved_again(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel
) -> None:
    sources = replace(EXTRA, published=frozenset(["one", "two", "acme-churn", "unused"]))
    rest = listed("acme-churn", "1.2.3", wheel.sha256)
    uv = Uv(
        monkeypatch,
        lambda _, number: (
            rest + listed("one", "1", sha(f"{number}")) + (listed("two", "2", sha("two")) if number > 1 else "")
        ),
    )
    said: list[str] = []
    pins = resolve(needs(wheel), sources, never, said.append).pins
    assert uv.rounds == [set(), {"one"}, {"one", "two"}]
    assert said == ["from the feed, not the public index: one", "from the feed, not the public index: two"]
    assert {pin.name: pin.private for pin in pins} == {"acme-churn": True, "one": True, "two": True}
    assert pins[1].sha256 == (sha("3"),)


def test_a_published_name_in_a_failure_is_bound_and_tried_again(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    failed = process.Finished(1, "Because acme-features was not found, acme-churn cannot be used.")
    rest = listed("acme-churn", "1.2.3", wheel.sha256)
    uv = Uv(monkeypatch, lambda bound, _: rest if "acme-features" in bound else failed)
    checks: list[int] = []
    resolve(needs(wheel), EXTRA, lambda: checks.append(1), lambda _: None)
    assert uv.rounds == [{"acme-base"}, {"acme-base", "acme-features"}]
    assert checks == [1]


@pytest.mark.parametrize("sources", [replace(EXTRA, only=True), replace(EXTRA, published=None)])
def test_with_one_source_nothing_is_bound(monkeypatch: pytest.MonkeyPatch, wheel: Wheel, sources: Sources) -> None:
    given = listed("acme-churn", "1.2.3", wheel.sha256) + listed("acme-features", "1", sha("f"))
    uv = Uv(monkeypatch, lambda *_: given)
    resolve(needs(wheel), sources, never, never)  # type: ignore[arg-type]  # takes no argument
    assert uv.rounds == [set()]


def test_requirements_that_cannot_be_met_come_with_uvs_words(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    Uv(monkeypatch, lambda *_: process.Finished(1, "x No solution found: sshtunnel>=99 is unavailable"))
    with pytest.raises(Unsatisfiable) as caught:
        resolve(needs(wheel), EXTRA, lambda: None, lambda _: None)
    assert "sshtunnel>=99" in caught.value.details


def test_a_refused_token_never_reads_as_not_found(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    Uv(monkeypatch, lambda *_: process.Finished(1, "acme-base was not found"))

    def recheck() -> None:
        message = "refused"
        raise TokenRefused(message)

    with pytest.raises(TokenRefused):
        resolve(needs(wheel), EXTRA, recheck, lambda _: None)


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("error sending request for url (https://me:x@files.example:444/simple/numpy/)", "files.example"),
        ("Caused by: tunnel error: unsuccessful", "the package index"),
        ("operation timed out (https://files.example)", "files.example"),
        ("DNS error: failed to lookup https://files.example/simple", "files.example"),
    ],
)
def test_an_index_that_cannot_be_reached_is_no_network(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, said: str, host: str
) -> None:
    Uv(monkeypatch, lambda *_: process.Finished(2, said))
    with pytest.raises(NoNetwork) as caught:
        resolve(needs(wheel), EXTRA, lambda: None, lambda _: None)
    assert caught.value.host == host


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ([], [sha("n")]),
        ([sha("another build")], [sha("n")]),
        (["ours", sha("another build")], [sha("n")]),
        (["ours"], []),
        (None, [sha("n")]),
    ],
)
def test_no_line_without_its_hash_leaves(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, own: list[str] | None, other: list[str]
) -> None:
    ours = [wheel.sha256 if each == "ours" else each for each in own or ()]
    first = "" if own is None else listed("acme-churn", "1.2.3", *ours)
    Uv(monkeypatch, lambda *_: first + listed("numpy", "2", *other))
    with pytest.raises(LockIncomplete) as caught:
        resolve(needs(wheel), EXTRA, never, lambda _: None)
    assert ("numpy" if not other else "acme-churn") in caught.value.what


def test_a_json_string_is_a_toml_string() -> None:
    text = 'a "quoted" \\ back ü \u2028'
    assert tomllib.loads(f"x = {json.dumps(text)}") == {"x": text}


def test_what_was_bound_on_a_mere_mention_is_taken_out_again(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    """Uv's failure names acme-features, although in the end nothing requires it."""
    failed = process.Finished(1, "acme-features is mentioned here")
    rest = listed("acme-churn", "1.2.3", wheel.sha256)
    uv = Uv(monkeypatch, lambda _, number: failed if number == 1 else rest)
    uv.annotations = "acme-features==1.0      # via amlwheel-lock (pyproject.toml)\n"
    resolve(needs(wheel), EXTRA, lambda: None, lambda _: None)
    assert uv.rounds == [{"acme-base"}, {"acme-base", "acme-features"}, {"acme-base"}]


@pytest.mark.parametrize(
    "said", ["HTTP status server error (503 Service Unavailable)", "lack of valid authentication credentials"]
)
def test_an_index_with_a_fault_is_no_unsatisfiable_requirement(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, said: str
) -> None:
    Uv(monkeypatch, lambda *_: process.Finished(2, said))
    with pytest.raises(IndexFailed):
        resolve(needs(wheel), EXTRA, lambda: None, lambda _: None)


def test_a_file_of_the_feed_without_a_sha256_is_read_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pypiserver's pages have md5 unless it is configured otherwise."""
    asked: list[tuple[object, ...]] = []

    def read(url: str, token: object, most: int, headers: object) -> str:
        assert headers == FEED.headers
        asked.append((url, token, most))
        return sha("read")

    monkeypatch.setattr(http, "sha256", read)
    path = tmp_path / "pylock.toml"
    urls = [f"https://{FEED.host}/acme_base-1-py3-none-any.whl", "https://files.example/other-1-py3-none-any.whl"]
    path.write_text(
        "".join(
            f'[[packages]]\nname = "{name}"\nversion = "1"\nwheels = [{{ url = "{url}", hashes = {{ md5 = "00" }} }}]\n'
            for name, url in zip(("acme-base", "other"), urls, strict=True)
        )
    )
    ours, other = read_pins(tmp_path, EXTRA, {"acme-base"})
    assert (ours.sha256, ours.private) == ((sha("read"),), True)
    assert [(file.url, file.sha256) for file in ours.files] == [(urls[0], sha("read"))]
    assert other.sha256 == ()
    assert asked == [(urls[0], TOKEN, lock.LARGEST)]


def test_a_link_without_encryption_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(http, "sha256", lambda *told: asked.append(told[1]))
    lock._sha256({"url": f"http://{FEED.host}/acme_base-1-py3-none-any.whl"}, EXTRA)
    assert asked == [None]


def test_constraints_and_addresses_are_told_to_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://x.example/tips-1.0-py3-none-any.whl"
    ours = make(tmp_path, more=f"Requires-Dist: Tips @ {url}#sha256=00\n")
    more = (Requirement(f"tips[fast] @ {url}"), Requirement("idna"))
    wanted = Requirements((ours,), more, PYTHON, (Requirement("numpy<2"),))
    found = told(monkeypatch, Solver(tmp_path, wanted, EXTRA))
    assert found.project["project"]["dependencies"] == ["acme-churn==1.2.3", "idna", f"tips @ {url}#sha256=00"]
    assert found.settings == {"constraint-dependencies": ["numpy<2"]}
    found = told(monkeypatch, Solver(tmp_path, Requirements((), more[:1], PYTHON), EXTRA))
    assert found.project["project"]["dependencies"] == [f"tips[fast] @ {url}"]
    assert found.settings == {"constraint-dependencies": []}


def test_a_wheel_by_address_is_one_file_and_never_bound_to_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://x.example/acme_base-1.0-py3-none-any.whl"
    archive = '[[packages]]\nname = "acme-base"\nversion = "1.0"\n'
    archive += f'archive = {{ url = "{url}", hashes = {{ sha256 = "{sha("b")}" }} }}\n'
    uv = Uv(monkeypatch, lambda _bound, _round: archive)
    wanted = Requirements((), (Requirement(f"acme-base @ {url}"),), PYTHON)
    (pin,) = resolve(wanted, EXTRA, lambda: None, print).pins
    assert (pin.sha256, pin.files[0].url, pin.private) == ((sha("b"),), url, False)
    assert uv.rounds == [set()]
