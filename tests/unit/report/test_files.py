"""The five files: the same bytes for the same release, read back as what they say."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
import yaml
from amlwheel.errors.foreign import FileChanged
from amlwheel.errors.inputs import OutputNotWritable
from amlwheel.plan.change import Change, Verb
from amlwheel.report import files
from amlwheel.report.receipt import receipt
from amlwheel.report.release import Release
from unit.parts import BASE, FEED, IMAGE, make, release

NAMES = {"conda.yml", "requirements.lock", "environment.yml", "azureml_environment.json", "aml-release.json"}


def told(release: Release) -> dict[str, Any]:
    changes = [Change("wheel x.whl", Verb.CREATE, "new package", None)]
    return receipt(release, changes, dry_run=False, sbom="{}")


@pytest.fixture
def made(tmp_path: Path) -> Release:
    folder = tmp_path / "built"
    folder.mkdir()
    wheel = make(folder)
    return replace(release(wheel), lock=files.lock_text((), BASE.python, [FEED.option(only=False)]))


def texts(made: Release) -> dict[str, str]:
    return files.files(made.environment, made.lock, told(made), made.tags())


def test_five_files_always_the_same(made: Release, tmp_path: Path) -> None:
    again = replace(made, wheels=(make(tmp_path / "built"),))
    assert set(texts(made)) == NAMES
    assert texts(made) == texts(again)


def test_the_lock_has_options_first_and_one_requirement_a_line(made: Release) -> None:
    text = files.lock_text(made.environment.pins, BASE.python, [FEED.option(only=True)])
    assert text.splitlines() == [
        "# Locked by amlwheel for Python 3.11.13 on x86_64-manylinux_2_28.",
        f"--index-url {FEED.index_url}",
        *(pin.line for pin in made.environment.pins),
    ]
    assert text.endswith("\n")


def test_the_asset_reads_back(made: Release) -> None:
    text = texts(made)["environment.yml"]
    said = yaml.safe_load(text)
    assert said["name"] == "acme-churn"
    assert said["version"] == made.environment.version
    assert f'version: "{made.environment.version}"\n' in text
    assert said["image"] == IMAGE.pinned
    assert said["conda_file"] == "conda.yml"
    assert said["tags"] == made.tags()


@pytest.mark.parametrize("version", ["1.10", "1.0", "12", "1e5", "2026-01-01", "no", "1.2.3-aabbccddeeff"])
def test_a_version_stays_a_text_in_yaml(made: Release, version: str) -> None:
    changed = replace(made, environment=replace(made.environment, version=version))
    assert yaml.safe_load(texts(changed)["environment.yml"])["version"] == version


def test_conda_and_azureml_core_say_the_same(made: Release) -> None:
    found = texts(made)
    sdk = json.loads(found["azureml_environment.json"])
    assert sdk["python"]["condaDependencies"] == yaml.safe_load(found["conda.yml"]) == made.environment.spec
    assert sdk["docker"]["baseImage"] == IMAGE.pinned
    assert (sdk["name"], sdk["version"]) == (made.environment.name, made.environment.version)
    assert json.loads(found["aml-release.json"]) == told(made)


# --- writing


def test_files_and_wheels_are_written_whole(made: Release, tmp_path: Path) -> None:
    out = tmp_path / "a/b"
    files.check_folder(out)
    assert list(tmp_path.glob("a*")) == []
    for _ in range(2):
        files.write(out, texts(made), made.wheels)
        assert {path.name for path in out.iterdir()} == {*NAMES, "dist"}
        assert [path.name for path in (out / "dist").iterdir()] == [made.wheels[0].filename]
    for name, text in texts(made).items():
        assert (out / name).read_bytes() == text.encode()
    assert (out / "dist" / made.wheels[0].filename).read_bytes() == made.wheels[0].path.read_bytes()


def test_a_wheel_that_is_there_already_is_left(made: Release, tmp_path: Path) -> None:
    files.write(tmp_path, {}, made.wheels)
    there = replace(made.wheels[0], path=tmp_path / "dist" / made.wheels[0].filename)
    files.write(tmp_path, {}, [there])
    assert there.path.read_bytes() == made.wheels[0].path.read_bytes()


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(_: object, target: IO[bytes], __: int) -> None:
        target.write(b"half")
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", fail)
        yield


def test_a_full_disk_leaves_no_half_a_wheel(made: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with full_disk(monkeypatch), pytest.raises(OutputNotWritable, match="No space left"):
        files.write(tmp_path, {}, made.wheels)
    assert not (tmp_path / "dist" / made.wheels[0].filename).exists()


def test_a_wheel_that_was_replaced_since_is_not_copied(made: Release, tmp_path: Path) -> None:
    made.wheels[0].path.write_bytes(b"other bytes")
    with pytest.raises(FileChanged):
        files.write(tmp_path, {}, made.wheels)
    assert not list((tmp_path / "dist").iterdir())


def test_a_folder_that_cannot_be_written_is_named_before_anything(made: Release, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputNotWritable, match="can't be written: Not a directory"):
        files.check_folder(file)
    with pytest.raises(OutputNotWritable, match="`output-dir`"):
        files.write(file, texts(made), made.wheels)
