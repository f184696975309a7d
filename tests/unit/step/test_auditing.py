"""What is asked, and what an answer means for the run."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from amlwheel.advisories.osv import NoAnswer
from amlwheel.errors.advisories import AcceptedNothing, Vulnerable
from amlwheel.errors.base import Several, StepError
from amlwheel.feed.artifacts import Facts
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs.reading import read
from amlwheel.inputs.step import Inputs
from amlwheel.model.advisory import Advisory, Audit, Finding, Package
from amlwheel.model.conda import NO_CONDA, Conda, exact
from amlwheel.model.environment import PIP
from amlwheel.model.lock import Lock
from amlwheel.model.team_lock import Locked, TeamLock
from amlwheel.model.wheel import File, Pin, Wheel
from amlwheel.report.release import Release
from amlwheel.step import auditing
from amlwheel.step.auditing import Asked
from packaging.version import Version
from unit.inputs.test_rules import FULL
from unit.parts import make, release

NUMPY, TK = Package("numpy", "1.0"), Package("tk", "2.0")
FLAW = Advisory("GHSA-1", frozenset({"CVE-1"}), "high", {"numpy": (Version("1.1"),)})


def inputs(**more: str) -> Inputs:
    return read({**FULL, **{name.replace("_", "-"): text for name, text in more.items()}})


def public(name: str, *, index: str = "", url: str = "", private: bool = False) -> Pin:
    """Return a pin whose file lies where the public index has its files, or on a host of the feed."""
    host = "feed.example" if private else "files.example"
    file = File(f"{name}.whl", f"https://{host}/{name}.whl", "")
    return Pin(name, "1.0+cpu", (), private, index=index, url=url, files=(file,))


# --- what is asked


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Package]:
    """Collect what is asked for."""
    found: list[Package] = []
    monkeypatch.setattr(auditing, "Question", found.extend)
    return found


def ask(pins: list[Pin], wheel: Wheel, facts: Facts, conda: Conda = NO_CONDA, *, index: str = "extra") -> Asked | None:
    sdist = File("old.tar.gz", "https://files.example/old.tar.gz", "")
    built = [
        replace(wheel, name="old", sdist=sdist),
        replace(wheel, name="ours", sdist=replace(sdist, url="https://feed.example/ours.tar.gz")),
        replace(wheel, name="fork", sdist=replace(sdist, url="git+https://github.com/acme/fork@c")),
    ]
    return auditing.ask(inputs(index=index), (wheel,), Lock(tuple(pins), tuple(built)), facts, conda)


def test_no_name_that_may_be_private_is_asked_for(tmp_path: Path, asked: list[Package]) -> None:
    wheel = make(tmp_path)
    pins = [
        public("acme-churn"),
        public("numpy"),
        public("published"),
        public("behind-the-feed", private=True),
        public("torch", index="https://download.pytorch.org/whl/cpu"),
        public("elsewhere", index="https://index.example/simple"),
        public("by-address", url="https://files.example/by-address.whl"),
        Pin("old", "1.0", (), private=True),
        Pin("ours", "1.0", (), private=True),
        Pin("fork", "1.0", (), private=True),
    ]
    conda = Conda((exact("pytorch=2.5.1=cpu_h1"), exact("ffmpeg=6.1.1"), exact("numpy==1.0.post1")))
    told = ask(pins, wheel, Facts(frozenset(["published"])), conda)
    assert {(each.name, each.version) for each in asked} == {
        ("numpy", "1.0"),
        ("numpy", "1.0.post1"),
        ("old", "1.0"),
        ("pip", PIP),
        ("torch", "1.0"),
        ("torch", "2.5.1"),
    }
    assert told
    assert (told.packages, told.left_out) == (6, 6)


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        (Facts(frozenset(["own"]), public=True), {"numpy", "pip"}),
        (Facts(frozenset(["own"])), {"pip"}),
        (Facts(public=True), {"pip"}),
    ],
    ids=["public upstream", "another feed behind it", "nobody says what is its own"],
)
def test_with_index_only_a_public_upstream_tells_what_is_public(
    tmp_path: Path, asked: list[Package], facts: Facts, names: set[str]
) -> None:
    ask([public("numpy", private=True), public("own", private=True)], make(tmp_path), facts, index="only")
    assert {each.name for each in asked} == names


def test_with_none_nobody_is_asked(capsys: pytest.CaptureFixture[str], made: Release) -> None:
    none = inputs(audit="none", audit_accept="CVE-1")
    assert auditing.ask(none, (), Lock(()), Facts(), NO_CONDA) is None
    assert auditing.settle(None, made, none, Terminal()) is made
    assert "`audit` is none" in capsys.readouterr().out


# --- what it means


@pytest.fixture
def made(tmp_path: Path) -> Release:
    return release(make(tmp_path))


def settle(made: Release, answer: dict[Package, tuple[Advisory, ...]] | NoAnswer, **given: str) -> Audit:
    def answered() -> object:
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    question = SimpleNamespace(answer=answered)
    return auditing.settle(Asked(question, 2, 1), made, inputs(**given), Terminal()).audit  # type: ignore[arg-type]


def refused(made: Release, answer: dict[Package, tuple[Advisory, ...]], **given: str) -> StepError:
    with pytest.raises(StepError) as caught:
        settle(made, answer, audit="refuse", **given)
    return caught.value


def test_a_finding_is_a_warning_with_its_way_out(made: Release, capsys: pytest.CaptureFixture[str]) -> None:
    audit = settle(made, {NUMPY: (FLAW,)})
    assert [each.id for each in audit.open] == ["GHSA-1"]
    said = capsys.readouterr().out
    assert "       numpy 1.0: GHSA-1 (CVE-1), high, fixed in 1.1 https://osv.dev/vulnerability/GHSA-1" in said
    assert "warning: Known vulnerabilities in numpy 1.0. Require numpy>=1.1 in `--requirements`." in said
    assert "ok     Audit · 1 known vulnerability in 2 public packages, 1 that may be private not asked for" in said


def test_many_findings_are_a_few_lines(made: Release, capsys: pytest.CaptureFixture[str]) -> None:
    settle(made, {NUMPY: tuple(Advisory(f"N-{number}") for number in range(12))}, audit_accept="N-1")
    said = capsys.readouterr().out
    assert said.count("https://osv.dev") == 10
    assert "N-1, no fix yet https://osv.dev/vulnerability/N-1 (accepted)" in said
    assert "       and 2 more" in said


def test_refuse_stops_with_the_list_and_accepted_ids_pass(made: Release) -> None:
    error = refused(made, {NUMPY: (FLAW, Advisory("A-1"))}, audit_accept="A-1")
    assert isinstance(error, Vulnerable)
    assert "numpy 1.0." in error.what
    assert error.details == "numpy 1.0: GHSA-1 (CVE-1), high, fixed in 1.1 https://osv.dev/vulnerability/GHSA-1"
    assert settle(made, {NUMPY: (FLAW,)}, audit="refuse", audit_accept="CVE-1 # never called").open == ()
    assert settle(made, {}, audit="refuse").findings == ()


def test_the_advice_can_be_followed(made: Release) -> None:
    """Versions to require, with conda's in their place; the rest can only be accepted, such as the step's own pip."""
    pips = Advisory("P-1", fixed={"pip": (Version("99"),)})
    higher = Advisory("N-2", fixed={"numpy": (Version("1.10"),)})
    several = {NUMPY: (FLAW, higher), TK: (Advisory("T-1"),), Package("pip", PIP): (pips,)}
    fix = (
        "Require numpy>=1.10 in `requirements`, and name P-1, T-1 in `audit-accept`, an id a line, if you accept that."
    )
    assert refused(made, several).fix == fix
    by_conda = replace(made, conda=Conda((exact("numpy==1.0"),)))
    assert refused(by_conda, {NUMPY: (FLAW,)}).fix == "Raise numpy to 1.1 in `conda`."


def test_what_the_teams_lock_has_is_raised_there(made: Release) -> None:
    lock = TeamLock("a/uv.lock", "uv lock", {"numpy": Locked("numpy", "1.0")})
    finding = Finding(NUMPY, FLAW.id, fixed="1.1")
    assert auditing._advice([finding], made.conda, lock) == (
        "Raise numpy to 1.1 in a/uv.lock (run `uv lock --upgrade-package numpy` in a, and commit a/uv.lock)."
    )


def test_an_accepted_id_that_nothing_has_stops_in_every_mode(made: Release) -> None:
    with pytest.raises(AcceptedNothing) as caught:
        settle(made, {NUMPY: (FLAW,)}, audit_accept="CVE-1, CVE-9\nCVE-8")
    assert "names CVE-9, CVE-8, which no locked package has" in caught.value.what
    assert caught.value.fix == "Take CVE-9, CVE-8 out of `audit-accept`."
    both = refused(made, {NUMPY: (FLAW,)}, audit_accept="CVE-9")
    assert isinstance(both, Several)
    assert [each.status for each in both.errors] == [AcceptedNothing.status, Vulnerable.status]


@pytest.mark.parametrize(("mode", "loud"), [("warn", False), ("refuse", True)])
def test_without_an_answer_nothing_stops(
    made: Release, capsys: pytest.CaptureFixture[str], mode: str, *, loud: bool
) -> None:
    audit = settle(made, NoAnswer("api.osv.dev answered 503"), audit=mode, audit_accept="CVE-9")
    assert audit.left_out == "api.osv.dev answered 503"
    said = capsys.readouterr().out
    assert "Not audited: api.osv.dev answered 503" in said
    assert ("warning: Not audited" in said) is loud
