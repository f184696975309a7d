"""Build packages of others that have no wheel: from their sdists, or from a commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..build import sdist, wheel
from ..errors.build import SdistFailed
from ..errors.git import RepositoryRefused
from ..errors.origins import SourceNotFollowed
from ..feed import publish
from ..feed.index import Index
from ..feed.reading import Reading
from ..git import checkout
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.commit import Commit
from ..model.lock import Sdist
from ..model.secret import Secret
from ..model.wheel import Wheel
from ..transport.download import Downloads
from .access import Access
from .fence import Fence


@dataclass(frozen=True)
class FromSource:
    """Builds below `folder`. What it builds goes the way of our own wheels, so whatever refuses those refuses it.

    `reading` is how the feed is read, if not directly.
    """

    inputs: Inputs
    access: Access
    environ: Mapping[str, str]
    host: Host
    fence: Fence
    folder: Path
    reading: Reading | None = None

    def sdist(self, source: Sdist) -> Wheel:
        """Download an sdist and build it."""
        inputs = self.inputs
        place = self._prepare(source.name, f"{source.file.name} (sha256 {source.file.sha256[:12]}…)", source.version)
        if not (self.reading and self.reading.download(source.file.url, place / "sdist")):
            Downloads(inputs.feed, inputs.feed_token, self.environ, SdistFailed).fetch(source.file, place / "sdist")
        with self.fence.around():
            built = sdist.build(source, place / "sdist", place, self.host.foreign, self.access.limit)
        return self._checked(built)

    def commit(self, source: Commit) -> Wheel:
        """Fetch a commit and build it. No token is sent, so the repository has to be public."""
        place = self._prepare(source.name, source.file.name, source.repository.commit)
        try:
            checkout.checkout(source.repository, Secret(""), place / "tree")
        except RepositoryRefused as error:
            raise SourceNotFollowed(
                f"{source.name} can't be fetched from {source.repository.url}.",
                cause="The repository isn't there, or isn't public: such a build gets no token.",
                fix=f"Publish {source.name} to the feed.",
                details=error.details,
            ) from None
        with self.fence.around():
            built = sdist.build_commit(source, place / "tree", place / "wheel", self.host.foreign, self.access.limit)
        return self._checked(built)

    def _prepare(self, name: str, label: str, version: str) -> Path:
        """Refuse a package under whose name the feed has one of its own; return the folder for the build."""
        inputs = self.inputs
        if inputs.feed and inputs.publishes:
            index = Index(inputs.feed, inputs.feed_token)
            publish.refuse_replacement(index, name, self.access.facts.published, sdist.BUILD_TAG)
        self.host.say(f"       building {label}")
        place = self.folder / f"{name}-{version}"
        place.mkdir(parents=True)
        return place

    def _checked(self, built: Wheel) -> Wheel:
        self.access.route.refuse(built)
        wheel.check_fit(built, self.inputs.python_version)
        return built
