"""Wheels of gigabytes that take no room: true sizes and hashes, and an index that gives parts of them."""

import hashlib
import json
import pathlib
import urllib.request
import zipfile

import pytest
from amlwheel.build.wheel import inspect
from rehearsal import heavy


def test_a_large_wheel_takes_no_room_and_is_true(tmp_path: pathlib.Path) -> None:
    wheel = heavy.write_wheel(tmp_path, "a_b", 8, ("numpy",))
    assert wheel.stat().st_size > 8 * 2**20
    assert wheel.stat().st_blocks * 512 < 2**20
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo("a_b/zeros.bin").file_size == 8 * 2**20
        assert archive.testzip() is None
        assert b"Requires-Dist: numpy" in archive.read("a_b-1.0.dist-info/METADATA")
    assert [str(each) for each in inspect(wheel).requires] == ["numpy"]  # the step takes it: its RECORD fits


@pytest.mark.enable_socket
def test_the_index_tells_and_gives_it_in_parts(tmp_path: pathlib.Path) -> None:
    content = heavy.write_wheel(tmp_path, "a_b", 1).read_bytes()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with heavy.serve(tmp_path) as (url, sent):
        with opener.open(f"{url}a-b/") as answer:
            (told,) = json.load(answer)["files"]
        assert (told["size"], told["hashes"]["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        place = url.replace("/simple/", told["url"])
        with opener.open(urllib.request.Request(place, headers={"Range": "bytes=0-1"})) as answer:  # noqa: S310
            assert (answer.status, answer.read()) == (206, b"PK")
            assert answer.headers["Content-Range"] == f"bytes 0-1/{len(content)}"
        with opener.open(place) as answer:
            assert answer.read() == content
    assert sum(sent) == len(content) + 2
