"""A file's bytes, held: nothing that happens to the file later reaches them."""

import hashlib
from pathlib import Path

import pytest
from amlwheel.errors.base import NoRoom
from amlwheel.errors.foreign import FileChanged
from amlwheel.model import exact

TEXT = b"exactly these" * 200_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.whl"
    path.write_bytes(TEXT)
    return path


def test_what_is_held_stays_whatever_happens_to_the_file(file: Path) -> None:
    with exact.held(file, hashlib.sha256(TEXT).hexdigest()) as content:
        file.write_bytes(b"others")
        assert content.read() == TEXT
        file.unlink()
        content.seek(5)
        assert content.read(3) == TEXT[5:8]


def test_other_bytes_and_no_bytes_are_refused(file: Path) -> None:
    with (
        pytest.raises(FileChanged, match=r"a\.whl has sha256 .{12}…, and had 000000000000…"),
        exact.held(file, "0" * 64),
    ):
        raise AssertionError
    file.unlink()
    with pytest.raises(FileChanged, match="is gone"), exact.held(file, "0" * 64):
        raise AssertionError


def test_a_full_disk_is_told_as_such(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exact, "_copy", full)
    with (
        pytest.raises(NoRoom, match="copied to a temporary file before it is sent: No space left"),
        exact.held(file, ""),
    ):
        raise AssertionError
