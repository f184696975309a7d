"""The SBOM of an environment, in CycloneDX's JSON: what is locked, by package URL and sha256, on which image."""

import uuid
from collections.abc import Iterable
from urllib.parse import quote

from .model import Pin
from .receipt import Release


def text(release: Release) -> str:
    """Return the SBOM as JSON. The same release gives the same bytes: no clock, and a serial number by content.

    Package URLs by purl-spec: where a package isn't the public index's, `repository_url` names the feed, `download_url`
    the file in a container. Hashes are those of the files that fit the image. What depends on what below the wheels
    isn't said: the lock doesn't know.
    """
    # Half a second, which only a run that gets this far has to wait for.
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415
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

    environment, feed = release.environment, release.feed
    private = {"repository_url": feed.index_url} if feed else {}
    packages = [
        component(
            ComponentType.LIBRARY,
            PackageURL("pypi", None, pin.name, pin.version, _place(pin, private)),
            () if "git+" in pin.requirement else pin.sha256,  # the image's own build isn't this file to the byte
        )
        for pin in environment.pins
    ]
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
    subject = Component(type=ComponentType.APPLICATION, name=environment.name, version=environment.version)
    subject.bom_ref.value = environment.reference
    bom = Bom(components=[*packages, base, interpreter])
    bom.metadata.component = subject
    bom.register_dependency(subject, [*packages, base, interpreter])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, quote(f"{environment.reference} {release.lock_sha256}"))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # CycloneDX 1.6 needs none, and it would tell the run
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _place(pin: Pin, private: dict[str, str]) -> dict[str, str] | None:
    """Return where a package comes from, if it isn't the public index: a commit, a container, or the feed (purl-spec).

    What is mirrored from the public index is that index's package all the same.
    """
    if "git+" in pin.requirement:
        return {"vcs_url": pin.requirement.partition(" @ ")[2]}
    if pin.private and pin.address:
        return {"download_url": pin.address}
    return private if pin.from_feed else None
