"""A team's own lock, from its file to the pins: with the real uv, against an index made of files."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.base import StepError
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index, Page
from amlwheel.inputs import reading
from amlwheel.model.lock import Lock
from amlwheel.step import locking, needs
from amlwheel.step.from_source import FromSource
from amlwheel.transport import process, variables
from unit.environment.shelf import Shelf, metadata, shelf, versions
from unit.inputs.test_rules import FULL
from unit.parts import pack

__all__ = ["shelf"]


class Team:
    """A project below a folder, its lock, and a run of the step's stage."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self.shelf, self.folder, self.said = shelf, folder, list[str]()

    def project(self, *requires: str, more: str = "") -> None:
        self.requires = requires
        listed = ", ".join(f"'{each}'" for each in requires)
        (self.folder / "pyproject.toml").write_text(
            f'[project]\nname = "acme-churn"\nversion = "1.2.3"\nrequires-python = ">=3.9"\n'
            f"dependencies = [{listed}]\n{more}"
        )

    def uv(self, *words: str) -> str:
        done = process.run(["uv", *words, "-q"], env=variables.for_tool(), cwd=self.folder, seconds=60)
        assert done.status == 0, done.output
        return done.output

    def lock(self, *metadata_lines: str, **given: str) -> Lock:
        inputs = reading.read({**FULL, "feed-token": "x", **{key.replace("_", "-"): v for key, v in given.items()}})
        asked = needs.declared(inputs, {"UV_DEFAULT_INDEX": (self.shelf.folder / "simple").as_uri()})
        more = "".join(f"{each}\n" for each in metadata_lines)
        place = self.folder / "dist"
        place.mkdir(exist_ok=True)
        wheel = locking.lock.__class__ and __import__("amlwheel.build.wheel", fromlist=["inspect"]).inspect(
            pack(place, metadata=metadata("acme_churn", "1.2.3", *self.requires, more=more))
        )
        route: Any = SimpleNamespace(place=lambda pins, _: tuple(pins), refuse=print)
        access: Any = SimpleNamespace(route=route, facts=Facts(frozenset()))
        host: Any = SimpleNamespace(say=self.said.append, foreign=print)
        others = FromSource(inputs, access, {}, host, self.folder / "from-source")
        return locking.lock_all(asked, (wheel,), others)


@pytest.fixture
def team(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Index, "page", lambda *_: Page({}))
    for version in ("1", "2"):
        shelf.wheel("top", version, "deep>=1")
        shelf.wheel("deep", version)
        shelf.wheel("side", version, "deep")
        shelf.wheel("native", version, tag="cp311-cp311-manylinux2014_x86_64")
        shelf.wheel("native", version, tag="cp312-cp312-manylinux2014_x86_64")
        shelf.wheel("far", version, tag="cp312-cp312-manylinux2014_x86_64")
        shelf.sdist("src", version)
    return Team(shelf, tmp_path)


def show(call):
    try:
        r = call()
        print("OK", versions(r), r.warnings, r.gaps)
    except StepError as e:
        print(e.code, e.what, "| CAUSE", e.cause, "| FIX", e.fix, "| DETAILS", e.details[:300])


def test_x(team: Team, tmp_path: Path) -> None:
    p = tmp_path / "uv.lock"
    team.project("top<2", "native")
    team.uv("lock")
    team.project("top", "native")
    p.write_text(p.read_text().replace('specifier = "<2"', 'specifier = ">=1"'))
    print(p.read_text())
    show(team.lock)
    team.project("top<2", "native")
    team.uv("lock")
    good = p.read_text()
    print("== stale")
    team.project("top<2", "native", "side")
    show(team.lock)
    print("== stale gone")
    team.project("top<2")
    show(team.lock)
    print("== stale spec")
    team.project("top<1.9", "native")
    show(team.lock)
    team.project("top<2", "native")
    print("== beside")
    show(lambda: team.lock(requirements="side"))
    print("== beside locked")
    show(lambda: team.lock(requirements="deep>=1"))
    print("== beside contra")
    show(lambda: team.lock(requirements="top>=2"))
    print("== resolve")
    show(lambda: team.lock(lock="resolve"))
    print("== by hand version")
    p.write_text(good.replace('name = "deep"\nversion = "2"', 'name = "deep"\nversion = "9"'))
    show(team.lock)
    p.write_text(re.sub(r'(name = "deep"\nversion = ")2', r"\g<1>1", good))
    print("== by hand other version")
    show(team.lock)
    p.write_text(re.sub(r"(deep-2-py3.*sha256:)....", r"\1aaaa", good))
    print("== by hand sha")
    show(team.lock)
    p.write_text(re.sub(r".*native-2-cp311.*\n", "", good))
    print("== without 311")
    show(team.lock)
    i = good.index('\n[[package]]\nname = "deep"')
    j = good.index("\n[[package]]", i + 5)
    p.write_text(re.sub(r'    \{ name = "deep".*\n', "", good[:i] + good[j:]))
    print("== without deep")
    show(team.lock)
    p.write_text(good.replace("version = 1\n", "version = 2\n", 1))
    print("== v2")
    show(team.lock)
    p.write_text("<<<<<\n" + good)
    print("== toml")
    show(team.lock)
    p.write_text(good + "\n[[[x")
    print("== toml2")
    show(team.lock)
    p.write_text(re.sub(r'(deep-2-py3.*?), hash = "sha256:\w*"', r"\1", good))
    print("== no hash")
    show(team.lock)
    p.write_text(good.replace('registry = "/', 'registry = "https://me:secretsecret@host.example/', 1))
    print("== cred")
    show(team.lock)
    p.write_text(good.replace('requires-python = ">=3.9"', 'requires-python = ">=3.12"'))
    print("== py")
    show(team.lock)


def test_y(team: Team, tmp_path: Path) -> None:
    p = tmp_path / "uv.lock"
    for name in ("far", "src"):
        team.project(name, more='[[tool.uv.dependency-metadata]]\nname="src"\nversion="2"\nrequires-dist=[]\n')
        team.uv("lock")
        print("==", name)
        show(team.lock)
    print("== from-source")
    show(lambda: team.lock(from_source="src"))
    team.project(
        "top",
        more='[project.optional-dependencies]\na=["side<2"]\n[dependency-groups]\ndev=["native<2"]\n[tool.uv]\noverride-dependencies=["deep<2"]',
    )
    team.uv("lock")
    print("== override")
    show(team.lock)
    print("== group")
    show(lambda: team.lock(requirements=".:dev\nnative"))
    print("== native beside")
    show(lambda: team.lock(requirements="native"))
    team.project("top", more='[dependency-groups]\ndev=["native<2", "side"]\n')
    print("== group stale")
    show(lambda: team.lock(requirements=".:dev"))
    team.project("top", more="")
    p.unlink()
    for f, words in (
        ("pylock.toml", ("pip", "compile", "pyproject.toml", "--format", "pylock.toml", "-o", "pylock.toml")),
        ("req.lock", ("pip", "compile", "pyproject.toml", "--generate-hashes", "-o", "req.lock")),
    ):
        team.project("top<2", "native<2")
        team.uv(*words)
        team.project("top", "native")
        q = tmp_path / f
        print(q.read_text())
        print("==", f)
        show(lambda: team.lock(lock=f))
        team.project("top", "native", "side")
        print("== stale")
        show(lambda: team.lock(lock=f))
        team.project("top", "native")
        print("== auto")
        show(team.lock)
        good = q.read_text()
        q.write_text(re.sub(r'(sha256[:= "]*)....', r"\1aaaa", good))
        print("== sha")
        show(lambda: team.lock(lock=f))
        q.write_text(
            re.sub(
                r'(?s)( \\\n    --hash=sha256:\w+)(?=.*hash)|\{ sha256 = "\w+" \}',
                lambda m: "" if "hash" in m[0][:15] else "{}",
                good,
            )
        )
        print("== no hash")
        show(lambda: team.lock(lock=f))
