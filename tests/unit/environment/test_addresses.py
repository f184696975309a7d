"""Wheels by address, and the hashes that a team declares: both hold in the lock, or the run stops."""

from collections.abc import Mapping

import pytest
from amlwheel.environment import addresses
from amlwheel.errors.declared import HashNotHeld, NotTaken
from amlwheel.model.declared import Hashed
from amlwheel.model.environment import Python
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import File, Pin
from amlwheel.transport import http
from packaging.requirements import Requirement
from unit.parts import answer, sha

PYTHON = Python("3.11.13")
URL = "https://x.example/a/tips-1.0%2Bcpu-py3-none-any.whl"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve every address but those with `missing` in it."""
    asked: list[str] = []

    def sha256(url: str, token: Secret | None, most: int, headers: Mapping[str, str] = http.NO_HEADERS) -> str:
        assert (token, dict(headers), most) == (None, {}, 2 * 2**30)
        asked.append(url)
        return "" if "missing" in url else sha("tips")

    monkeypatch.setattr(http, "sha256", sha256)
    return asked


def test_a_wheel_is_pinned_by_its_address_and_its_sha256(served: list[str]) -> None:
    pin = addresses.fetch({"tips": f"{URL}#sha256={sha('tips')}"}, PYTHON)["tips"]
    assert served == [URL]
    assert (pin.name, pin.version, pin.sha256) == ("tips", "1.0+cpu", (sha("tips"),))
    assert pin.line == f"tips @ {URL}#sha256={sha('tips')} --hash=sha256:{sha('tips')}"
    assert pin.local_line == pin.line
    assert not pin.from_feed
    assert pin.files == (File("tips-1.0+cpu-py3-none-any.whl", URL, sha("tips")),)


def test_a_wheel_that_does_not_fit_or_has_other_bytes(served: list[str]) -> None:
    with pytest.raises(NotTaken, match="doesn't fit the image"):
        addresses.fetch({"tips": "https://x.example/tips-1.0-cp310-cp310-win_amd64.whl"}, PYTHON)
    assert served == []
    with pytest.raises(HashNotHeld, match="but 00 is declared"):
        addresses.fetch({"tips": f"{URL}#sha256=00"}, PYTHON)


@pytest.mark.parametrize(("status", "told"), [(404, "it answered 404"), (206, "it answered too many bytes")])
def test_a_wheel_that_is_not_for_everybody(
    served: list[str], monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    monkeypatch.setattr(http, "get", lambda _url, **_more: answer(status))
    with pytest.raises(NotTaken, match=told) as caught:
        addresses.fetch({"tips": "https://x.example/missing/tips-1.0-py3-none-any.whl"}, PYTHON)
    assert served
    assert "tips==1.0" in caught.value.fix


def hashed(text: str, *digests: str) -> Hashed:
    return Hashed(Requirement(text), frozenset(digests))


def test_a_declared_package_has_its_declared_files_alone() -> None:
    files = (File("a.whl", "https://x/a.whl", sha("a")), File("b.whl", "https://x/b.whl", sha("b")))
    pins = [Pin("idna", "3.10", (sha("a"), sha("b")), files=files), Pin("numpy", "2.0", (sha("n"),))]
    held, other = addresses.hold(pins, [hashed("Idna==3.10", sha("b"), sha("sdist"))], PYTHON)
    assert (held.sha256, held.files) == ((sha("b"),), files[1:])
    assert other == pins[1]
    unheld = hashed("idna==3.10; sys_platform == 'win32'", sha("x"))
    assert addresses.hold(pins, [unheld], PYTHON) == tuple(pins)


def test_a_declared_sha256_that_no_file_has_stops_the_run() -> None:
    pins = [Pin("idna", "3.10", (sha("a"), sha("b"), sha("c")))]
    with pytest.raises(HashNotHeld, match=f"idna 3.10: .* {sha('a')} or .* and 1 more; .* declares {sha('x')}"):
        addresses.hold(pins, [hashed("idna==3.10", sha("x"))], PYTHON)
