"""Three packages of one repository, each in an environment of its own: what changes with which, and a circle."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pytest
from rehearsed.steps import EMITTED, Step, refused


def write(folder: pathlib.Path, name: str, version: str = "1.0", requires: Sequence[str] = ()) -> pathlib.Path:
    module = name.replace("-", "_")
    (folder / name / module).mkdir(parents=True, exist_ok=True)
    (folder / name / module / "__init__.py").write_text(f"VERSION = {version!r}\n", encoding="utf-8")
    (folder / name / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core>=3.9"]\nbuild-backend = "flit_core.buildapi"\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndescription = "One of three."\n'
        f"dependencies = {json.dumps([*requires])}\n",
        encoding="utf-8",
    )
    return folder / name


@pytest.mark.network
def test_each_package_has_its_own_environment(step: Step, tmp_path: pathlib.Path) -> None:
    b = write(tmp_path, "acme-b", requires=["acme-a"])
    a, c = write(tmp_path, "acme-a", requires=["acme-b"]), write(tmp_path, "acme-c")
    given: dict[str, Any] = {"package_dir": (b, a, c), "environment_per_package": "true"}
    circle = step(**given)
    refused(circle, 200, "in a circle: acme-", "Take one of these requirements out")

    write(tmp_path, "acme-a")
    first = step(**given)
    assert first.status == 0, first.output
    uploads = [("POST", "upload")] * 3
    assert first.written == [*uploads, ("PUT", "connections"), *[("PUT", "environments")] * 3]
    assert set(first.files) >= EMITTED | {
        f"{name}/{each}" for name in ("acme-a", "acme-b", "acme-c") for each in EMITTED
    }
    receipts = {name: json.loads(first.files[f"{name}/aml-release.json"]) for name in ("acme-a", "acme-b", "acme-c")}
    assert [each["name"] for each in receipts["acme-b"]["packages"]] == ["acme-b", "acme-a"]
    assert [each["name"] for each in receipts["acme-a"]["packages"]] == ["acme-a"]
    held = {each["name"]: each["sha256"] for each in receipts["acme-b"]["packages"]}
    lock = first.files["acme-b/requirements.lock"].decode()
    assert all(f"{name}==1.0 --hash=sha256:{digest}\n" in lock for name, digest in held.items())
    assert "acme-a" not in first.files["acme-c/requirements.lock"].decode()
    assert json.loads(first.files["aml-release.json"]) == receipts["acme-b"]  # the first of `package-dir`
    assert first.outputs["environment"] == receipts["acme-b"]["environment"]["reference"]
    found = json.loads(first.outputs["environments"])
    assert [each["package"] for each in found] == ["acme-b", "acme-a", "acme-c"]
    assert all(each["changed"] for each in found)

    write(tmp_path, "acme-c", "1.1")
    second = step(**given)
    assert second.status == 0, second.output
    assert second.written == [("POST", "upload"), ("PUT", "environments")]
    found = json.loads(second.outputs["environments"])
    assert [(each["package"], each["changed"]) for each in found] == [
        ("acme-b", False),
        ("acme-a", False),
        ("acme-c", True),
    ]
    assert second.outputs["changed"] == "true"
