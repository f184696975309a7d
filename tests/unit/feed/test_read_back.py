"""A published wheel is read as the image builder will: page, file, every byte."""

from pathlib import Path

import pytest
from amlwheel.errors.environment import ProofFailed
from amlwheel.feed.index import Index, Page
from amlwheel.feed.read_back import fetch
from unit.parts import FEED, TOKEN, make

INDEX = Index(FEED, TOKEN, "connection-token")


def test_a_wheel_that_readers_do_not_get_is_not_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    page, served = {wheel.filename: wheel.sha256}, [wheel.sha256]
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(Index, "page", lambda *_: Page(page, urls=dict.fromkeys(page, "https://f.example/x.whl")))

    def sha256(_: Index, url: str, most: int) -> str:
        asked.append((url, most))
        return served[0]

    monkeypatch.setattr(Index, "sha256", sha256)
    fetch(INDEX, wheel)
    assert asked == [("https://f.example/x.whl", wheel.size)]
    page[wheel.filename] = ""
    fetch(INDEX, wheel)
    served[0] = ""
    with pytest.raises(ProofFailed, match="gives `connection-token` no file, or a larger one for acme_churn"):
        fetch(INDEX, wheel)
    page[wheel.filename] = "b" * 64
    with pytest.raises(ProofFailed, match=f"another file: sha256 {'b' * 64}"):
        fetch(INDEX, wheel)
    page.clear()
    with pytest.raises(ProofFailed, match="doesn't show acme_churn") as caught:
        fetch(INDEX, wheel)
    assert "Run the step again" in caught.value.fix
