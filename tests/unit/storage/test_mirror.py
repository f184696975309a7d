"""The whole lock in a container: which wheel, from where, and that every byte is checked."""

import errno
import time
from pathlib import Path

import pytest
from amlwheel.errors.base import Several
from amlwheel.errors.storage import NotMirrored
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.environment import Python
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import File, Pin
from amlwheel.plan.change import Verb
from amlwheel.routes.container import StorageRoute
from amlwheel.storage import mirror
from amlwheel.storage.blobs import Blobs
from amlwheel.storage.mirror import Mirror, best
from amlwheel.transport.download import Downloads
from unit.parts import WORKSPACE, defined, make, sha
from unit.storage.test_blobs import CONTAINER, Client

PYTHON = Python("3.11.13")
FIRST = "pkg-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
# As pip sorts them: the newest platform, then the ABI's breadth, then what anything takes.
ORDER = [
    FIRST,
    "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "pkg-1.0-cp311-cp311-manylinux1_x86_64.whl",
    "pkg-1.0-cp311-cp311-linux_x86_64.whl",
    "pkg-1.0-cp311-abi3-manylinux_2_28_x86_64.whl",
    "pkg-1.0-cp311-none-manylinux_2_28_x86_64.whl",
    "pkg-1.0-cp38-abi3-manylinux_2_28_x86_64.whl",
    "pkg-1.0-py3-none-manylinux_2_28_x86_64.whl",
    "pkg-1.0-2-py3-none-any.whl",
    "pkg-1.0-1-py3-none-any.whl",
    "pkg-1.0-py3-none-any.whl",
]


def locked(*names: str, name: str = "pkg") -> Pin:
    files = tuple(File(each, f"https://files.example/{each}", sha(each), 4) for each in names)
    return Pin(name, "1.0", tuple(sorted(sha(each) for each in names)), files=files)


def test_the_wheel_is_the_one_that_pip_would_take() -> None:
    for start in range(len(ORDER)):
        assert best(locked(*reversed(ORDER[start:])), PYTHON).name == ORDER[start]


@pytest.mark.parametrize(
    "name",
    [
        "pkg-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "pkg-1.0-cp311-cp311-manylinux_2_31_x86_64.whl",
        "pkg-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
        "pkg-1.0-cp311-cp311-win_amd64.whl",
        "pkg-1.0.tar.gz",
    ],
)
def test_what_does_not_fit_the_image_is_never_chosen(name: str) -> None:
    assert best(locked(name, ORDER[-1]), PYTHON).name == ORDER[-1]
    with pytest.raises(NotMirrored, match=r"No wheel of pkg 1\.0 that fits"):
        best(locked(name), PYTHON)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def route(client: Client, told: list[str], monkeypatch: pytest.MonkeyPatch) -> StorageRoute:
    def download(_: Downloads, file: File, place: Path) -> None:
        if "broken" in file.name:
            raise NotMirrored(f"no {file.name}")
        place.write_text(file.name)

    monkeypatch.setattr(Downloads, "fetch", download)
    blobs = Blobs(CONTAINER, None)
    vars(blobs)["_client"] = client
    return StorageRoute(
        blobs, PYTHON, Mirror(blobs, Downloads(None, Secret(""), {}, NotMirrored), told.append), Terminal()
    )


def test_what_is_missing_is_brought_and_read_back(
    route: StorageRoute, client: Client, told: list[str], tmp_path: Path
) -> None:
    wheel = make(tmp_path)
    own = Pin(wheel.project, str(wheel.version), (wheel.sha256,), private=True)
    pins = [own, locked(FIRST, ORDER[-1]), locked("six-1.0-py3-none-any.whl", name="six")]
    placed = route.place(pins, [wheel])
    assert [each.address.removeprefix(f"{CONTAINER.url}/") for each in placed] == [
        f"acme-churn/{wheel.filename}",
        f"pkg/{FIRST}",
        "six/six-1.0-py3-none-any.whl",
    ]
    assert placed[1].sha256 == (sha(FIRST),)
    client.blobs["six/six-1.0-py3-none-any.whl"] = (b"6666", {"sha256": sha("six-1.0-py3-none-any.whl")})
    mine, others = (plan() for plan in route.plans([wheel], [WORKSPACE]))
    assert (mine.verb, others.verb) == (Verb.CREATE, Verb.CREATE)
    assert others.subject == f"mirror of 2 packages in {CONTAINER.url}"
    assert others.why == f"1 new: {FIRST}"
    for each in (mine, others):
        each.effect()
    assert sorted(client.blobs) == sorted(each.address.removeprefix(f"{CONTAINER.url}/") for each in placed)
    assert told[-1].strip().startswith("1 of 1 files")
    assert [plan().verb for plan in route.plans([wheel], [WORKSPACE])] == [Verb.KEEP, Verb.KEEP]
    known = dict(route.files)
    route.files.clear()  # as in another job, which gets the placed pins from a plan
    route.resume(placed, [wheel])
    assert route.files == known


def test_one_that_fails_does_not_hold_up_the_others(route: StorageRoute, client: Client) -> None:
    names = ["a_broken-1.0-py3-none-any.whl", "b-1.0-py3-none-any.whl", "c_broken-1.0-py3-none-any.whl"]
    route.place([locked(each, name=each[0]) for each in names], [])
    (plan,) = route.plans([], [WORKSPACE])
    with pytest.raises(Several, match="2 problems"):
        plan().effect()
    assert list(client.blobs) == [f"b/{names[1]}"]


def test_a_full_disk_is_no_fault_of_ours(route: StorageRoute, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    route.place([locked(FIRST)], [])
    (plan,) = route.plans([], [WORKSPACE])
    change = plan()
    monkeypatch.setattr(Downloads, "fetch", full)
    monkeypatch.setattr(Blobs, "fetch", full)
    told = f"{FIRST} can't be kept on this machine meanwhile: No space left on device"
    with pytest.raises(NotMirrored, match=told) as caught:
        change.effect()
    assert "TMPDIR" in caught.value.fix
    with pytest.raises(NotMirrored, match=told):
        mirror.fetch(route.blobs, [("pkg/" + FIRST, tmp_path / FIRST, sha(FIRST))])


def test_who_cancels_does_not_wait_for_what_has_not_begun(
    route: StorageRoute, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"p{number}-1.0-py3-none-any.whl" for number in range(200)]
    route.place([locked(each, name=each.partition("-")[0]) for each in names], [])
    (plan,) = route.plans([], [WORKSPACE])
    change = plan()

    def cancelled(*_: object) -> None:
        raise KeyboardInterrupt

    client.late = lambda: time.sleep(0.01)
    monkeypatch.setattr(mirror, "as_completed", cancelled)
    with pytest.raises(KeyboardInterrupt):
        change.effect()
    assert len(client.blobs) < 200


def test_without_a_mirror_only_our_wheel_moves_and_what_is_stored_is_read_back(
    route: StorageRoute, client: Client, tmp_path: Path
) -> None:
    ours = StorageRoute(route.blobs, route.python, None, route.host)
    wheel = make(tmp_path)
    environment = defined(wheel)
    placed = ours.place(environment.pins, [wheel])
    assert [bool(each.address) for each in placed] == [True, False]
    assert ours.located(environment, WORKSPACE) is environment
    (plan,) = ours.plans([wheel], [WORKSPACE])
    plan().effect()
    assert ours.fetch([wheel], Secret("")) == f"1 from {route.label}"
    (kept,) = (place for place in ours._folder.rglob("*.whl"))
    assert kept.read_bytes() == wheel.path.read_bytes()
    assert list(client.blobs) == [f"acme-churn/{wheel.filename}"]
