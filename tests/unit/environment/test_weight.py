"""What a proof fetches, whether the disk has room for it, and whether it is there."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from amlwheel.environment.weight import Weight, ask, check_room
from amlwheel.errors.base import NoRoom, Several
from amlwheel.errors.environment import ProofFailed
from amlwheel.model.wheel import File, Pin
from amlwheel.transport import sandbox
from amlwheel.transport.download import Downloads
from unit.parts import TOKEN, defined, make, sha

FIT = File("torch-2.0-cp311-cp311-manylinux_2_28_x86_64.whl", "https://f.example/t.whl", sha("t"), 800 * 2**20)
OTHERS = (
    File("torch-2.0-cp312-cp312-manylinux_2_28_x86_64.whl", "https://f.example/o.whl", sha("o"), 900 * 2**20),
    File("torch-2.0-cp311-cp311-manylinux_2_17_x86_64.whl", "https://f.example/p.whl", sha("p"), 700 * 2**20),
)


def weight(folder: Path, *pins: Pin) -> Weight:
    wheel = make(folder)
    made = defined(wheel)
    return Weight.of(replace(made, pins=(made.pins[0], *pins)), [wheel])


@pytest.fixture
def torch(tmp_path: Path) -> Weight:
    return weight(tmp_path, Pin("torch", "2.0", (sha("t"), sha("o"), sha("p")), files=(*OTHERS, FIT)))


def test_ours_are_not_fetched_and_of_others_the_file_that_fits_best(torch: Weight, tmp_path: Path) -> None:
    assert [file for _, file in torch.files] == [FIT]
    assert str(torch) == "1 file from elsewhere, 800 MB"
    unknown = weight(tmp_path, Pin("a", "1", (sha("a"),)), Pin("b", "1", (sha("b"),)))
    assert str(unknown) == "2 files from elsewhere, 0.0 MB"
    assert str(weight(tmp_path)) == "no files from elsewhere, 0.0 MB"


@pytest.mark.parametrize("private", [None, Path("/packages")])
def test_a_disk_without_room_is_told(monkeypatch: pytest.MonkeyPatch, torch: Weight, private: Path | None) -> None:
    monkeypatch.setattr(sandbox, "private", lambda: private)
    free = {"free": 1201 * 2**20}
    asked: list[str] = []

    def disk_usage(folder: str) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(**free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    check_room(torch)
    assert asked == sorted({str(private or tempfile.gettempdir()), str(sandbox.TRUST.cache)})
    free["free"] = 1199 * 2**20
    with pytest.raises(NoRoom, match=r"800 MB\) need at least 1200 MB .* has 1199 MB"):
        check_room(torch)


def test_every_file_is_asked_for(monkeypatch: pytest.MonkeyPatch, torch: Weight) -> None:
    def refuse(_: Downloads, file: File) -> None:
        raise ProofFailed(f"no {file.name}")

    downloads = Downloads(None, TOKEN, {}, ProofFailed)
    both = Weight((*torch.files, *torch.files, (Pin("a", "1", ()), None)))
    asked: list[File] = []
    monkeypatch.setattr(Downloads, "ask", lambda _, file: asked.append(file))
    assert ask(both, downloads) == 2
    assert asked == [FIT, FIT]
    monkeypatch.setattr(Downloads, "ask", refuse)
    with pytest.raises((ProofFailed, Several), match="no torch"):
        ask(both, downloads)
