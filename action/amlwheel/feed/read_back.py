"""Read a published wheel as the image builder will: with the workspace's token, from the index that the image names."""

from functools import partial

import requests

from ..errors.environment import ProofFailed
from ..model.wheel import Wheel
from . import forms
from .index import Index


def fetch(index: Index, wheel: Wheel) -> None:
    """Download `wheel` from `index`, from its page on, and compare every byte's hash. No cache is in between.

    The token is sent in each form in which the builder may send it (`forms`). Raises ProofFailed, UserNeeded, and what
    `Index.page` raises: nothing that a reader is refused is registered.
    """
    forms.ask(index, partial(_fetch, wheel))


def _fetch(wheel: Wheel, index: Index) -> None:
    page = index.page(wheel.project)
    where = f"{index.feed.index_url}, which images are built from,"
    if wheel.filename not in page.files:
        raise ProofFailed(
            f"{where} doesn't show {wheel.filename} to `{index.token_input}`.",
            cause="The feed hasn't shown it to every reader yet, or this token is for another feed.",
            fix="Run the step again; what is published is kept. If it stays so, check what the token may read.",
        )
    listed = page.files[wheel.filename]
    got = listed if listed not in ("", wheel.sha256) else _read(index, page.urls[wheel.filename], wheel)
    if got != wheel.sha256:
        what = f"another file: sha256 {got}" if got else "no file, or a larger one"
        raise ProofFailed(f"{where} gives `{index.token_input}` {what} for {wheel.filename}.")


def _read(index: Index, url: str, wheel: Wheel) -> str:
    """Return the sha256 of the file at `url`; empty if there is none. Raises what is wrong with the token.

    Where a token has two forms, the second is only asked whether it gets the file, whose bytes the first one compares.
    """
    compares = index.token.alone or index.token.user
    got = index.sha256(url, wheel.size) if compares else ""
    if got:
        return got
    with index.stream(url) as answer:
        if answer.status_code == requests.codes.not_found:
            return ""
        index.check(answer)
    return "" if compares else wheel.sha256
