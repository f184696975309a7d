"""What an image's name tells about its C library, and which platform is locked for."""

import pytest
from amlwheel.inputs.readers import DEFAULT_IMAGE
from amlwheel.model import glibc
from amlwheel.model.environment import Image
from amlwheel.model.glibc import UNTOLD, Platform
from amlwheel.transport import process, variables


@pytest.mark.parametrize(
    ("image", "minor", "system"),
    [
        (DEFAULT_IMAGE, 35, "Ubuntu 22.04"),
        ("mcr.microsoft.com/azureml/openmpi5.0-cuda12.6-ubuntu24.04:20251130.v1", 39, "Ubuntu 24.04"),
        ("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:20250101.v1", 31, "Ubuntu 20.04"),
        ("mcr.microsoft.com/azureml/openmpi3.1.2-ubuntu18.04:20230101.v1", 17, "Ubuntu 18.04"),
        (f"{DEFAULT_IMAGE}@sha256:{'0' * 64}", 35, "Ubuntu 22.04"),
        (f"mcr.microsoft.com/azureml/minimal-ubuntu22.04-py311-cpu-inference@sha256:{'0' * 64}", 35, "Ubuntu 22.04"),
        ("docker.io/library/ubuntu:22.04", 35, "Ubuntu 22.04"),
        ("docker.io/library/ubuntu:noble-20251001", 39, "Ubuntu 24.04"),
        ("docker.io/nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04", 35, "Ubuntu 22.04"),
        ("docker.io/pytorch/pytorch:2.5.1-cuda12.4-Ubuntu2204", 35, "Ubuntu 22.04"),
        ("docker.io/library/python:3.11-slim-bookworm", 36, "Debian 12"),
        ("docker.io/library/python:3.11-bullseye", 31, "Debian 11"),
        ("docker.io/library/debian:12", 36, "Debian 12"),
        ("docker.io/library/debian:trixie", 40, "Debian 13"),
        ("registry.access.redhat.com/ubi9/python-311:1", 34, "Enterprise Linux 9"),
        ("quay.io/rockylinux/rockylinux:8", 28, "Enterprise Linux 8"),
        ("mcr.microsoft.com/azurelinux/base/core:3.0", 38, "Azure Linux 3.0"),
        ("acme.azurecr.io/ubuntu24.04-on-ubuntu22.04:1", 35, "Ubuntu 22.04"),
        ("acme.azurecr.io/ml/base:1.0", 28, ""),
        (f"acme.azurecr.io/ml/base@sha256:{'0' * 64}", 28, ""),
        ("acme.azurecr.io/focal-loss:1", 28, ""),  # a model, no system
        ("acme.azurecr.io/kubi9/train:1", 28, ""),
        ("acme.azurecr.io/ubuntu22.045:1", 28, ""),
        ("ubuntu22.04.example/ml/base:1", 28, ""),  # a registry's host tells nothing
    ],
)
def test_an_images_name_tells_its_glibc(image: str, minor: int, system: str) -> None:
    assert Image.parse(image).platform == Platform(minor, system)


def test_a_platform_is_named_as_uv_and_wheels_do() -> None:
    platform = Platform(35, "Ubuntu 22.04")
    assert (platform.name, platform.tag) == ("x86_64-manylinux_2_35", "manylinux_2_35")
    assert platform.why == "manylinux_2_35 (by its name, the base image is Ubuntu 22.04)"
    assert UNTOLD.why == "manylinux_2_28 (by its name, the base image is of no system that is known here)"


def test_uv_knows_every_platform_that_can_be_locked_for() -> None:
    shown = process.run(["uv", "pip", "compile", "--help"], env=variables.for_tool(), seconds=60).output
    assert {Platform(step).name for step in glibc._STEPS} <= set(shown.replace(",", " ").replace("]", " ").split())
