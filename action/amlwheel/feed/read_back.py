"""Read a published wheel as the image builder will: with the workspace's token, from the index that the image names."""

from ..errors.environment import ProofFailed
from ..model.wheel import Wheel
from .index import Index


def fetch(index: Index, wheel: Wheel) -> None:
    """Download `wheel` from `index`, from its page on, and compare every byte's hash. No cache is in between.

    Raises ProofFailed, and what `Index.page` raises: nothing that a reader is refused is registered.
    """
    page = index.page(wheel.project)
    where = f"{index.feed.index_url}, which images are built from,"
    if wheel.filename not in page.files:
        raise ProofFailed(
            f"{where} doesn't show {wheel.filename} to `{index.token_input}`.",
            cause="The feed hasn't shown it to every reader yet, or this token is for another feed.",
            fix="Run the step again; what is published is kept. If it stays so, check what the token may read.",
        )
    listed = page.files[wheel.filename]
    got = listed if listed not in ("", wheel.sha256) else index.sha256(page.urls[wheel.filename], wheel.size)
    if got != wheel.sha256:
        what = f"another file: sha256 {got}" if got else "no file, or a larger one"
        raise ProofFailed(f"{where} gives `{index.token_input}` {what} for {wheel.filename}.")
