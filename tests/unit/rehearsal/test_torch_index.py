"""The stand-in of PyTorch's index: pages by backend, files on another host, 403 for what isn't there."""

from rehearsal.state.store import Store
from rehearsal.torch_index import host
from unit.parts import pack
from unit.rehearsal.asking import ask


def test_a_page_lists_files_with_hash_and_metadata(store: Store) -> None:
    wheel = pack(store.wheels("cpu"), "torch-2.5.1+cpu-py3-none-any.whl")
    app, pages, files = host.app(store), f"https://{host.HOST}/whl", f"https://{host.FILES_HOST}/whl"
    page = ask(app, "GET", f"{pages}/cpu/torch/").content.decode()
    address = f"{files}/cpu/torch-2.5.1%2Bcpu-py3-none-any.whl"
    assert f'href="{address}#sha256=' in page
    assert "data-core-metadata=" in page
    assert ask(app, "GET", address).content == wheel.read_bytes()
    assert b"Name: torch" in ask(app, "GET", f"{address}.metadata").content
    for path in ("cpu/triton/", "cu126/torch/", "cpu/no.whl", "a/b/c/d"):
        assert ask(app, "GET", f"{pages}/{path}").status == 403
