"""How a wheel at an address stands in a lock: what pip and uv make of each spelling, and of a wrong hash."""

import functools
import http.server
import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from rehearsed.steps import sha256, write_wheel

SPELLINGS = {
    "bare": "{url} --hash=sha256:{digest}",
    "named": "acme-features @ {url} --hash=sha256:{digest}",
    "fragment": "acme-features @ {url}#sha256={digest}",
}
PIP = [sys.executable, "-I", "-m", "pip", "install", "--no-index", "--disable-pip-version-check"]
UV = [str(pathlib.Path(sys.executable).with_name("uv")), "pip", "install", "--no-cache", "--no-config", "--no-index"]
UV += ["--no-python-downloads", "--python", sys.executable]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Serve a wheel on loopback; return its address and its sha256."""
    folder = tmp_path_factory.mktemp("served")
    wheel = write_wheel(folder, "acme-features", "0.3.0")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{wheel.name}", sha256(wheel)
    server.shutdown()
    server.server_close()


@pytest.mark.long
@pytest.mark.parametrize("tool", [PIP, UV], ids=["pip", "uv"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_right_hash_is_taken_and_a_wrong_one_refused(
    tool: list[str], spelling: str, served: tuple[str, str], tmp_path: pathlib.Path
) -> None:
    url, digest = served

    def installs(digest: str) -> bool:
        listed = tmp_path / "requirements.txt"
        listed.write_text("--no-index\n--require-hashes\n" + SPELLINGS[spelling].format(url=url, digest=digest) + "\n")
        target = tmp_path / digest[:4]
        command = [*tool, "--require-hashes", "-r", str(listed), "--target", str(target)]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": ""})
        print(finished.stdout, finished.stderr)
        return finished.returncode == 0 and (target / "acme_features").is_dir()

    assert installs(digest)
    assert not installs("0" * 64)
