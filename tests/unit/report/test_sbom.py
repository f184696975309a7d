"""The SBOM: valid by CycloneDX's own strict schema, the same for the same release, and whole."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.model.conda import Conda, exact
from amlwheel.model.environment import PIP
from amlwheel.model.wheel import File, Pin
from amlwheel.report import sbom
from amlwheel.report.release import Release
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from unit.parts import make, release, sha


@pytest.fixture
def made(tmp_path: Path) -> Release:
    return release(make(tmp_path))


def test_it_is_valid_and_always_the_same(made: Release) -> None:
    text = sbom.text(made)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert sbom.text(made) == text
    assert "timestamp" not in text


def test_it_lists_all_that_is_locked_and_what_it_stands_on(made: Release) -> None:
    said = json.loads(sbom.text(made))
    libraries = {each["name"]: each for each in said["components"] if each["type"] == "library"}
    assert libraries.pop("pip")["purl"] == f"pkg:conda/pip@{PIP}"
    assert set(libraries) == {pin.name for pin in made.environment.pins}
    for pin in made.environment.pins:
        found = libraries[pin.name]
        assert found["version"] == pin.version
        assert {each["content"] for each in found["hashes"]} == set(pin.sha256)
        assert ("repository_url" in found["purl"]) == pin.private
    (image,) = [each for each in said["components"] if each["type"] == "container"]
    assert image["hashes"][0]["content"] == made.environment.image.digest.removeprefix("sha256:")
    subject = said["metadata"]["component"]
    assert subject["bom-ref"] == made.environment.reference
    (root,) = [each for each in said["dependencies"] if each["ref"] == subject["bom-ref"]]
    assert set(root["dependsOn"]) == {each["bom-ref"] for each in said["components"]}


def test_a_package_in_the_storage_of_workspaces_is_known_by_its_file(made: Release) -> None:
    pins = tuple(replace(pin, stored="f.whl" if pin.private else "") for pin in made.environment.pins)
    stored = replace(made, environment=replace(made.environment, pins=pins))
    libraries = {each["name"]: each["purl"] for each in json.loads(sbom.text(stored))["components"]}
    for pin in pins:
        url = PackageURL.from_string(libraries[pin.name])
        assert url.type == ("generic" if pin.private else "pypi")
        assert url.qualifiers == ({"checksum": f"sha256:{pin.sha256[0]}", "file_name": "f.whl"} if pin.private else {})


def test_a_private_package_in_a_container_is_not_the_public_one_of_its_name(made: Release) -> None:
    url = "https://acmewheels.blob.core.windows.net/wheels/p/f-1.0%2Bcpu-py3-none-any.whl"
    pins = tuple(replace(pin, address=url) for pin in made.environment.pins)
    stored = replace(made, environment=replace(made.environment, pins=pins))
    libraries = {each["name"]: each["purl"] for each in json.loads(sbom.text(stored))["components"]}
    for pin in pins:
        place = dict(PackageURL.from_string(libraries[pin.name]).qualifiers)
        assert place == ({"download_url": url} if pin.private else {})
    assert {pin.private for pin in pins} == {True, False}


def test_a_package_of_another_index_is_not_the_public_one_of_its_name(made: Release) -> None:
    index = "https://download.pytorch.org/whl/cpu"
    pins = tuple(replace(pin, index="" if pin.private else index) for pin in made.environment.pins)
    whole = replace(made, environment=replace(made.environment, pins=pins))
    libraries = {each["name"]: each["purl"] for each in json.loads(sbom.text(whole))["components"]}
    (public,) = [pin for pin in pins if pin.index]
    assert dict(PackageURL.from_string(libraries[public.name]).qualifiers) == {"repository_url": index}


def test_conda_packages_and_wheels_by_address_are_listed(made: Release) -> None:
    url = "https://x.example/f-1.0-py3-none-any.whl"
    pins = (*made.environment.pins, Pin("f", "1.0", (sha("f"),), url=f"{url}#sha256={sha('f')}"))
    conda = Conda((exact("tk=8.6=h1"), exact("ffmpeg=6.1.1")))
    listed = sbom.text(replace(made, environment=replace(made.environment, pins=pins), conda=conda))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed) is None
    urls = {each["name"]: each["purl"] for each in json.loads(listed)["components"]}
    assert urls["tk"] == "pkg:conda/tk@8.6?build=h1"
    assert urls["ffmpeg"] == "pkg:conda/ffmpeg@6.1.1"
    assert PackageURL.from_string(urls["f"]).qualifiers == {"download_url": url}


def test_what_was_built_from_an_sdist_refers_to_it(made: Release) -> None:
    url = "https://files.example/acme_churn-1.2.3.tar.gz"
    built = replace(made.wheels[0], sdist=File("acme_churn-1.2.3.tar.gz", url, sha("sdist")))
    text = sbom.text(replace(made, wheels=(built,)))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (found,) = [each for each in json.loads(text)["components"] if each["name"] == "acme-churn"]
    hashes = [{"alg": "SHA-256", "content": sha("sdist")}]
    assert found["externalReferences"] == [{"type": "source-distribution", "url": url, "hashes": hashes}]
    assert "externalReferences" not in sbom.text(made)
