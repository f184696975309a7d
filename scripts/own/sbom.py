"""The SBOM of the step itself, in CycloneDX's JSON: what its own two environments are made of, by sha256."""

import hashlib
import uuid
from pathlib import Path

import amlwheel
from amlwheel.model.advisory import Package
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from own.locks import Pin, read

LOCKS = ("step.txt", "azureml.txt")  # azureml-core has an environment of its own, made when it is needed


def text(root: Path) -> str:
    """Return the SBOM. The same locks give the same bytes: no clock, and a serial number by content."""
    places = [root / "action/locks" / name for name in LOCKS]
    pins: dict[Package, list[tuple[str, Pin]]] = {}
    for place in places:
        for pin in read(place):
            pins.setdefault(pin.package, []).append((place.name, pin))
    subject = Component(
        type=ComponentType.APPLICATION,
        name="amlwheel",
        version=amlwheel.__version__,
        purl=PackageURL("generic", None, "amlwheel", amlwheel.__version__),
    )
    subject.bom_ref.value = f"amlwheel@{amlwheel.__version__}"
    components = [_component(package, said) for package, said in sorted(pins.items())]
    bom = Bom(components=components)
    bom.metadata.component = subject
    bom.register_dependency(subject, components)
    content = hashlib.sha256(b"".join(place.read_bytes() for place in places)).hexdigest()
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"amlwheel {amlwheel.__version__} {content}")
    bom.metadata.timestamp = None  # type: ignore[assignment]  # CycloneDX 1.6 needs none
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _component(package: Package, said: list[tuple[str, Pin]]) -> Component:
    """Return a package with the hashes of all its files, and the locks and markers under which it is installed."""
    url = PackageURL("pypi", None, package.name, package.version)
    digests = sorted({each for _, pin in said for each in pin.sha256})
    markers = (Property(name="amlwheel:marker", value=f"{lock}: {pin.marker}") for lock, pin in said if pin.marker)
    made = Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=url,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in digests],
        properties=[*(Property(name="amlwheel:lock", value=lock) for lock, _ in said), *markers],
    )
    made.bom_ref.value = url.to_string()
    return made
