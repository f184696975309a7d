"""Each package from its own index: what uv is told, what the index answers, and what the lock says in the end."""

from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.environment import gaps, homes, lock
from amlwheel.environment.gaps import Gaps
from amlwheel.environment.homes import Binding, Homes
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.solver import Solver
from amlwheel.environment.sources import Sources
from amlwheel.errors.origins import IndexUnusable
from amlwheel.model.environment import Python
from amlwheel.model.package_index import PackageIndex
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Pin
from amlwheel.transport import http, process
from unit.parts import CANARY, FEED, TOKEN, make, sha

CPU = "https://download.pytorch.org/whl/cpu"
SHARED = "https://pkgs.dev.azure.com/acme/_packaging/shared/pypi/simple/"
TORCH = PackageIndex(CPU, frozenset(["torch", "triton"]))
HOMES = Homes(
    frozenset(["acme-churn"]),
    frozenset(["acme-base", "torch"]),
    (TORCH, PackageIndex(SHARED, frozenset(["acme-*"]))),
    ("https://mirror.example/simple",),
    "https://whole.example/simple",
    FEED,
)


def answers(monkeypatch: pytest.MonkeyPatch, **status: int) -> list[tuple[str, object]]:
    """Let each index answer for a package with a status, and return what it is asked."""
    asked: list[tuple[str, object]] = []

    def get(url: str, *, token: object) -> object:
        asked.append((url, token))
        return type("Answer", (), {"status_code": status.get(url.split("/")[-2].replace("-", "_"), 200)})

    monkeypatch.setattr(http, "get", get)
    return asked


@pytest.mark.parametrize(
    ("name", "label"),
    [("torch", "index-0"), ("acme-x", "index-1"), ("acme-churn", ""), ("numpy", "")],
)
def test_a_named_index_comes_before_the_feed(name: str, label: str) -> None:
    assert HOMES.label(name) == label
    assert replace(HOMES, indexes=()).label("acme-base") == "feed"


def test_uv_reads_the_indexes_and_gets_the_token_only_for_those_of_the_connection() -> None:
    assert HOMES.tables.count("explicit = true") == 2
    assert f'name = "index-0"\nurl = "{CPU}"' in HOMES.tables
    assert HOMES.access(TOKEN) == {"UV_INDEX_INDEX_1_USERNAME": "amlwheel", "UV_INDEX_INDEX_1_PASSWORD": CANARY}
    assert HOMES.options == ["--index", HOMES.general[0], "--default-index", HOMES.default]
    assert HOMES.declared
    plain = Homes(frozenset(), frozenset())
    assert (plain.tables, plain.options, plain.access(TOKEN), plain.declared) == ("", [], {}, False)


def test_what_turns_up_is_bound_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    binding = Binding(replace(HOMES, indexes=(TORCH,)), {"acme-base", "numpy"}, TOKEN, said.append)
    answers(monkeypatch)
    assert binding.bound == {"acme-base"}
    assert binding.solved(["numpy", "torch", "triton"])
    assert said == [f"from {CPU}, not the public index: torch, triton"]
    assert (binding.from_feed, binding.deep) == ({"acme-base"}, {"torch", "triton"})
    assert not binding.solved(["numpy", "torch"])


def test_what_its_index_lacks_may_not_be_needed_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The public torch needs triton, that of the index for CPUs doesn't."""
    binding = Binding(HOMES, set(), TOKEN, print)
    answers(monkeypatch, triton=403)
    binding.solved(["torch", "triton"])
    assert binding.failed("triton was not found in the package registry")
    assert binding.bound == {"torch"}
    assert not binding.failed("triton was not found")
    with pytest.raises(IndexUnusable, match=f"{CPU}, which is named for triton, has no such package: 403"):
        binding.solved(["torch", "triton"])


def test_an_index_that_lacks_what_is_required_or_wants_a_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    binding = Binding(HOMES, {"torch"}, TOKEN, print)
    answers(monkeypatch, torch=404)
    with pytest.raises(IndexUnusable, match="has no such package: 404"):
        binding.failed("torch was not found")
    answers(monkeypatch, torch=401)
    with pytest.raises(IndexUnusable, match="it wants a sign-in") as caught:
        binding.failed("torch was not found")
    assert caught.value.fix == "Publish torch to the feed, and name no other index for it."


def test_the_token_goes_to_no_other_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch)
    assert HOMES.missing(["torch", "acme-x", "numpy"], (), TOKEN) == set()
    assert asked == [(f"{SHARED}acme-x/", TOKEN), (f"{CPU}/torch/", None)]


ANNOTATED = f"""\
acme-x==1                 # via amlwheel-lock (pyproject.toml)
    # from {SHARED}
numpy==2.2.0              # via torch
    # from https://whole.example/simple/
torch==2.5.1+cpu          # via amlwheel-lock (pyproject.toml), torchvision
    # from {CPU}
six==1.17
    # from https://elsewhere.example/simple
"""


def test_pins_know_their_index() -> None:
    pins = [Pin(name, "1", (sha(name),), private=True) for name in ("acme-x", "numpy", "torch", "six")]
    found = homes.settle(pins, HOMES, ANNOTATED)
    assert [pin.index for pin in found] == [SHARED, "https://whole.example/simple", CPU, ""]
    assert [pin.private for pin in found] == [False, False, False, True]


@pytest.mark.parametrize("annotated", ["", ANNOTATED.replace(CPU, "https://elsewhere.example")])
def test_a_package_from_another_index_than_its_own_stops_the_run(annotated: str) -> None:
    with pytest.raises(IndexUnusable, match=f"torch was to come from {CPU}, but the resolver took it from"):
        homes.settle([Pin("torch", "1", ())], HOMES, annotated)


def test_the_lock_asks_where_everything_came_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path, more="Requires-Dist: torch\n")
    sources = Sources(FEED, Secret("x"), frozenset(), only=False, indexes=(TORCH,))
    runs: list[tuple[str, ...]] = []

    def solve(asked: Solver, *options: str) -> process.Finished:
        runs.append(options)
        assert '"torch" = { index = "index-0" }' in asked.project([], "3.11")
        listed = [("acme-churn", wheel.sha256), ("torch", sha("torch"))]
        lines = [
            f'[[packages]]\nname = "{name}"\nversion = "1.2.3"\nwheels = [{{ url = "https://x.example/{name}.whl", '
            f'hashes = {{ sha256 = "{digest}" }} }}]\n'
            for name, digest in listed
        ]
        (asked.folder / "pylock.toml").write_text("".join(lines))
        return process.Finished(0, f"torch==1.2.3  # via x\n    # from {CPU}/\n")

    monkeypatch.setattr(Solver, "solve", solve)
    monkeypatch.setattr(gaps, "find", lambda asked, *_: Gaps((), asked.requirements))
    _, torch = lock.resolve(Requirements((wheel,), (), Python("3.11.13")), sources, lambda: None, print).pins
    assert torch.index == CPU
    assert "--emit-index-annotation" in runs[-1]
