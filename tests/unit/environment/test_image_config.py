"""What an image's configuration tells."""

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from amlwheel.environment.image_config import Config

NOW = datetime(2026, 1, 11, tzinfo=timezone.utc)
UBUNTU = {"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.04"}


def read(env: object = (), history: object = (), layers: object = ("a",), **more: Any) -> Config:  # noqa: ANN401
    data = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Env": env, "Labels": more.pop("labels", {})},
        "history": history,
        "rootfs": {"diff_ids": layers},
        **more,
    }
    found = Config.read(json.dumps(data).encode())
    assert found
    return found


def test_a_configuration_is_told_in_words() -> None:
    full = read(["PATH=/opt/miniconda/bin:/bin"], labels=UBUNTU, created="2026-01-01T08:15:30.123456789Z")
    assert full.told(NOW) == ("linux/amd64, Ubuntu 22.04, made 2026-01-01, 9 days ago, conda in /opt/miniconda/bin")
    assert read().told(NOW) == "linux/amd64, no conda on PATH"


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", "2026-01-01T00:00:00", "soon", 7, None])
def test_a_time_that_tells_nothing_is_left_out(created: object) -> None:
    assert read(created=created).created is None


@pytest.mark.parametrize(
    "labels", [[], {**UBUNTU, "org.opencontainers.image.version": "22.04; x"}, {"org.opencontainers.image.ref.name": 1}]
)
def test_other_systems_are_left_out(labels: object) -> None:
    assert read(labels=labels).system == ""


@pytest.mark.parametrize(
    ("env", "conda"),
    [
        (["PATH=/bin", "PATH=/opt/Miniforge3/bin"], "/opt/Miniforge3/bin"),
        (["PATH=/opt/mambaforge/condabin:/bin"], "/opt/mambaforge/condabin"),
        (["CONDA=/opt/conda", "PATH=/bin"], ""),
        ([1, None, "PATH"], ""),
        ("PATH=/opt/conda/bin", ""),
    ],
)
def test_conda_is_looked_for_on_path(env: object, conda: str) -> None:
    assert read(env).conda == conda


@pytest.mark.parametrize(
    ("env", "history", "layers", "mentioned"),
    [
        ([], [{"created_by": "ADD rootfs"}], ["a"], False),
        ([], [{"created_by": "ADD rootfs"}, {"created_by": "ENV A=b", "empty_layer": True}], ["a"], False),
        (["CONDA_DIR=/opt/x"], [{"created_by": "ADD rootfs"}], ["a"], True),
        ([], [{"created_by": "RUN ./Miniconda3.sh"}], ["a"], True),
        ([], [{"created_by": "RUN curl micromamba", "empty_layer": True}, {"created_by": "ADD"}], ["a"], True),
        ([], [{"created_by": "ADD rootfs"}], ["a", "b"], True),
        ([], [{"created_by": "ADD rootfs"}, {"created_by": ""}], ["a", "b"], True),
        ([], [1], ["a"], True),
        ([], None, [], True),
    ],
)
def test_only_a_whole_history_without_conda_rules_it_out(
    env: object, history: object, layers: object, *, mentioned: bool
) -> None:
    assert read(env, history, layers).mentioned is mentioned


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"os": "linux"}', b"[" * 100_000, b"\xff"])
def test_what_is_no_configuration_is_none(content: bytes) -> None:
    assert Config.read(content) is None
