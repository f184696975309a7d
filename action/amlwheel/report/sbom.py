"""The SBOM of an environment, in CycloneDX's JSON: what is locked, by package URL and sha256, on which image."""

import typing
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ..model.advisory import Package
from ..model.declared import without_fragment
from ..model.environment import PIP
from ..model.wheel import File, Pin
from .audit import vex
from .release import Release

if typing.TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

NEEDED = ("cyclonedx.model.bom", "cyclonedx.model.vulnerability", "cyclonedx.output.json", "packageurl")
"""The modules that `text` imports; half a second, which `command: connect` and a run that stops early needn't wait."""


def text(release: Release) -> str:
    """Return the SBOM as JSON. The same release gives the same bytes: no clock, and a serial number by content.

    Package URLs by purl-spec: of a package that isn't from the public index, `repository_url` names the feed or other
    index, `download_url` the file in a container. Hashes are those of the files that fit the image. Which package
    depends on which isn't listed: the lock doesn't know. What the step built from an sdist refers to that file.
    """
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri  # noqa: PLC0415
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    def hashes(digests: Iterable[str]) -> list[HashType]:
        return [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in digests]

    def component(kind: ComponentType, url: PackageURL, digests: Iterable[str]) -> Component:
        made = Component(type=kind, name=url.name, version=url.version, purl=url, hashes=hashes(digests))
        made.bom_ref.value = url.to_string()
        return made

    def source(file: File) -> ExternalReference:
        kind = ExternalReferenceType.SOURCE_DISTRIBUTION
        return ExternalReference(type=kind, url=XsUri(file.url), hashes=hashes([file.sha256] if file.sha256 else []))

    environment, feed = release.environment, release.feed
    private = {"repository_url": feed.index_url} if feed else {}
    packages = [
        component(
            ComponentType.LIBRARY,
            _url(pin, private),
            () if "git+" in pin.requirement else pin.sha256,  # the image's own build isn't this file to the byte
        )
        for pin in environment.pins
    ]
    sources = {wheel.project: wheel.sdist for wheel in release.wheels if wheel.sdist}
    for each in packages:
        if each.name in sources:
            each.external_references.add(source(sources[each.name]))
    image = environment.image
    place = {"repository_url": f"{image.registry}/{image.repository}", **({"tag": image.tag} if image.tag else {})}
    name = image.repository.rpartition("/")[2]
    base = component(
        ComponentType.CONTAINER,
        PackageURL("oci", None, name, image.digest, place),
        [image.digest.removeprefix("sha256:")],
    )
    python = environment.base.python.exact
    interpreter = component(ComponentType.PLATFORM, PackageURL("generic", None, "python", python), [])
    conda = [
        component(
            ComponentType.LIBRARY,
            PackageURL("conda", None, each.name, each.version, {"build": each.build} if each.build else {}),
            [],
        )
        for each in release.conda.packages
    ]
    pip = component(ComponentType.LIBRARY, PackageURL("conda", None, "pip", PIP), [])
    subject = Component(type=ComponentType.APPLICATION, name=environment.name, version=environment.version)
    subject.bom_ref.value = environment.reference
    components = [*packages, *conda, base, interpreter, pip]
    bom = Bom(components=components)
    bom.metadata.component = subject
    bom.register_dependency(subject, components)
    bom.vulnerabilities = vex(release.audit, _refs(release, [*packages, *conda, pip]))
    content = f"{environment.reference} {release.lock_sha256}{release.audit.findings or ''}"
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, quote(content))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # CycloneDX 1.6 needs none, and it would differ in each run
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _refs(release: Release, components: "Sequence[Component]") -> dict[Package, list[str]]:
    """Return the references of each package's `components`: those of the pins, of conda's packages, and conda's pip."""
    named = [(each.name, each.version) for each in release.environment.pins]
    named += [*((each.on_pypi, each.version) for each in release.conda.packages), ("pip", PIP)]
    refs: dict[Package, list[str]] = defaultdict(list)
    for (name, version), each in zip(named, components, strict=True):
        package = Package.of(name, version)
        if package:
            refs[package].append(str(each.bom_ref.value))
    return refs


def _url(pin: Pin, private: dict[str, str]) -> "PackageURL":
    """Return the package URL (purl-spec). A name alone would mean the package of the public index.

    So the URL names the commit, container or feed of a private package; a mirrored one keeps the name alone. A wheel
    in the storage of each workspace has several addresses, so the URL names its file.
    """
    from packageurl import PackageURL  # noqa: PLC0415

    if "git+" in pin.requirement:
        place = {"vcs_url": pin.requirement.partition(" @ ")[2]}
    elif pin.stored:
        file = {"checksum": f"sha256:{pin.sha256[0]}", "file_name": pin.stored}
        return PackageURL("generic", None, pin.name, pin.version, file)
    elif pin.index:
        place = {"repository_url": pin.index}
    elif pin.private and pin.address:
        place = {"download_url": pin.address}
    elif pin.url:
        place = {"download_url": without_fragment(pin.url)}
    else:
        place = private if pin.from_feed else {}
    return PackageURL("pypi", None, pin.name, pin.version, place)
