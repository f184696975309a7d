"""Readers of foreign text, under texts that a fuzzer makes to reach new code (`scripts/test guided --seconds 300`)."""

import os
import pathlib
import platform
import re
import subprocess
import sys

import bootstrap
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent
TARGETS = ("receipt", "page", "feed", "requirements", "requirements-file", "log")
CORPUS = 16 * 1024  # bytes in the repository
WHEELS = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info >= (3, 11)


def test_the_corpus_is_small_and_has_each_reader() -> None:
    assert {path.name for path in (HERE / "corpus").iterdir()} == set(TARGETS)
    sizes = [path.stat().st_size for path in (HERE / "corpus").rglob("*") if path.is_file()]
    assert 0 < sum(sizes) <= CORPUS


@pytest.mark.network
@pytest.mark.skipif(not WHEELS, reason="atheris has wheels for Linux on x86_64 and Python 3.11 or newer alone")
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_reads_or_refuses(name: str, tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> None:
    seconds = pytestconfig.getoption("seconds", default=0)
    kept = pytestconfig.getoption("keep", default=None)
    found = pathlib.Path(kept or tmp_path, name)
    found.mkdir(parents=True, exist_ok=True)
    limit = f"-max_total_time={seconds}" if seconds else "-runs=200"
    atheris = bootstrap.environment(ROOT / "tests/guided.txt").parent.parent
    (packages,) = atheris.glob("lib/python*/site-packages")
    paths = os.pathsep.join([str(ROOT / "action"), str(packages)])
    command: list[str | pathlib.Path] = [sys.executable, HERE / "targets.py", name, found, HERE / "corpus" / name]
    command += [limit, "-seed=1", f"-artifact_prefix={found}{os.sep}", "-print_final_stats=1"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    (ran,) = re.findall(r"Done (\d+) runs in (\d+) second", done.stderr)
    cover = re.findall(r"cov: (\d+) ft: (\d+)", done.stderr)[-1]
    print(f"{name}: {ran[0]} texts in {ran[1]} s, {cover[0]} places of the code reached, nothing found")
