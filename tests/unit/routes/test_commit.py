"""The route from git: what stands in the environment, and what of it the image builder could not use."""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from amlwheel import consume
from amlwheel.build import backend, project
from amlwheel.environment import lock
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.sources import Sources
from amlwheel.errors.build import BuildFailed
from amlwheel.errors.consume import BadReceipt
from amlwheel.errors.environment import Unsatisfiable
from amlwheel.errors.git import CommitDiffers, CommitIncomplete, NotForBuilder
from amlwheel.git import checkout
from amlwheel.git.remote import Remote
from amlwheel.hosts.terminal import Terminal
from amlwheel.model import environment
from amlwheel.model.limit import Limit
from amlwheel.model.lock import Lock
from amlwheel.model.repository import Repository
from amlwheel.model.wheel import File, Pin, Wheel
from amlwheel.report import receipt, sbom, summary
from amlwheel.report.release import Release
from amlwheel.routes import commit
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from unit.parts import BASE, LIMIT, ROOT, TOKEN, WORKSPACE, make, pack, release

REPOSITORY = Repository("https://github.com/acme/churn", "c" * 40)
FILES = "https://files.example/packages"
GOLDEN = f"""\
channels:
- conda-forge
- nodefaults
dependencies:
- python=3.11.13
- pip=26.2.1
- git=2.52.0
- pip:
  - --no-index
  - --find-links {FILES}/setuptools-80-py3-none-any.whl#sha256={"d" * 64}
  - acme-churn @ git+https://github.com/acme/churn@{"c" * 40}#subdirectory=packages/churn
  - numpy @ {FILES}/numpy-2.2.0-py3-none-any.whl#sha256={"a" * 64}
"""


@pytest.fixture
def route() -> commit.GitRoute:
    """Return the route after a build of `packages/churn`."""
    host = Terminal()
    made = commit.GitRoute(Remote(REPOSITORY, ("packages/churn",), checked_out=True), TOKEN, BASE.python, host)
    made._folders["acme-churn"] = "packages/churn"
    made._tools[f"{FILES}/setuptools-80-py3-none-any.whl#sha256={'d' * 64}"] = None
    return made


@pytest.fixture
def lead(tmp_path: Path) -> Wheel:
    return make(tmp_path)


def locked(lead: Wheel, url: str = f"{FILES}/numpy-2.2.0-py3-none-any.whl") -> tuple[Pin, ...]:
    ours = Pin("acme-churn", "1.2.3", (lead.sha256,), private=True)
    file = File("numpy-2.2.0-py3-none-any.whl", url, "a" * 64)
    return (ours, Pin("numpy", "2.2.0", ("a" * 64, "b" * 64), files=(file,)))


@pytest.fixture
def made(route: commit.GitRoute, lead: Wheel) -> Release:
    """Return a release by this route."""
    usual = release(lead)
    placed = route.place(locked(lead), [lead])
    return replace(
        usual,
        route="git",
        place=route.label,
        source=replace(usual.source, repository=REPOSITORY.url, commit=REPOSITORY.commit),
        feed=None,
        connection=REPOSITORY.connection(),
        environment=environment.define("", lead, placed, BASE, route.options([])),
    )


def test_the_conda_specification_is_golden(made: Release) -> None:
    assert made.environment.conda == GOLDEN
    assert made.environment.whole
    assert made.environment.same_as(environment.Definition.read(made.environment.image.pinned, GOLDEN))


def test_the_lock_for_people_has_hashes_and_the_wheel_beside_it(made: Release, lead: Wheel) -> None:
    assert [pin.local_line for pin in made.environment.pins] == [
        f"./dist/{lead.filename} --hash=sha256:{lead.sha256}",
        f"numpy==2.2.0 --hash=sha256:{'a' * 64}",
    ]


def test_the_companion_reads_whose_connection_it_is(made: Release, tmp_path: Path) -> None:
    path = tmp_path / "aml-release.json"
    said = receipt.receipt(made, [], dry_run=False, sbom="")
    path.write_text(json.dumps(said))
    found = consume.read(path).connection
    assert found == made.connection
    said["connection"]["category"] = "ContainerRegistry"
    path.write_text(json.dumps(said))
    with pytest.raises(BadReceipt):
        consume.read(path)


def test_receipt_and_sbom_say_where_images_get_it(made: Release) -> None:
    listed = sbom.text(made)
    said: dict[str, Any] = receipt.receipt(made, [], dry_run=False, sbom=listed)
    schema = json.loads((ROOT / "templates/aml-release.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema["properties"]["connection"] | {"$defs": schema["$defs"]}).validate(
        said["connection"]
    )
    assert said["route"] == "git"
    assert said["route"] in schema["properties"]["route"]["enum"]
    assert said["connection"] == {"name": "git-acme-churn", "target": REPOSITORY.url, "category": "Git"}
    assert (said["feed"], said["source"]["commit"]) == (None, REPOSITORY.commit)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(listed) is None
    components = {each["name"]: each for each in json.loads(listed)["components"]}
    assert "vcs_url=git" in components["acme-churn"]["purl"]
    assert "hashes" not in components["acme-churn"]
    assert [each["content"] for each in components["numpy"]["hashes"]] == ["a" * 64]
    assert made.place == f"{REPOSITORY.url}@{'c' * 12}"
    page = summary.summary(made, [], dry_run=False, proof="")
    assert f'place["https://github.com/acme/churn_{"c" * 12}"] --> connection["connection git-acme-churn"]' in page


@pytest.mark.parametrize(
    "url", ["", "file:///opt/numpy-2.2.0-py3-none-any.whl", "http://files.example/numpy-2.2.0-py3-none-any.whl"]
)
def test_an_address_that_the_builder_cannot_use_is_refused(route: commit.GitRoute, lead: Wheel, url: str) -> None:
    with pytest.raises(NotForBuilder):
        route.place(locked(lead, url), [lead])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UV_DEFAULT_INDEX", "https://me:fake@mirror.example/simple"),
        ("PIP_INDEX_URL", "https://fake@mirror.example/simple"),
        ("UV_INDEX_MIRROR_PASSWORD", "fake"),
    ],
)
def test_an_index_with_a_credential_is_refused(name: str, value: str) -> None:
    with pytest.raises(NotForBuilder) as caught:
        commit.refuse_credentials({name: value})
    assert name in caught.value.what
    assert "fake" not in caught.value.what
    commit.refuse_credentials({"UV_DEFAULT_INDEX": "https://mirror.example/simple", "HTTPS_PROXY": "http://me:x@proxy"})


def test_a_pointer_of_git_lfs_is_not_the_file(route: commit.GitRoute, lead: Wheel, tmp_path: Path) -> None:
    route.refuse(lead)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    path = pack(tmp_path, "acme_large-1.0-py3-none-any.whl", files={"acme_large/weights.bin": pointer})
    assert zipfile.is_zipfile(path)
    with pytest.raises(CommitIncomplete, match=r"1 file\(s\) of Git LFS"):
        route.refuse(replace(lead, path=path))


# --- the build of the commit

SETUPTOOLS = Pin(
    "setuptools",
    "80",
    ("d" * 64,),
    files=(File("setuptools-80-py3-none-any.whl", f"{FILES}/setuptools-80-py3-none-any.whl", "d" * 64),),
)


class Tools:
    """git, the backend, uv and the build as fakes: a commit with one project, and its version."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the places of the real ones."""
        self.folder, self.version = "packages/churn", "1.2.3"
        self.constraints: list[str] = []
        self.fails = False
        monkeypatch.setattr(checkout, "checkout", self.checkout)
        monkeypatch.setattr(backend, "requirements", self.requirements)
        monkeypatch.setattr(lock, "resolve", self.resolve)
        monkeypatch.setattr(project, "build", self.build)

    def checkout(self, _: Remote, token: object, into: Path) -> None:
        assert token == TOKEN
        (into / self.folder).mkdir(parents=True)
        (into / self.folder / "pyproject.toml").write_text("[project]")

    def requirements(self, _: Path, scratch: Path, __: object, limit: Limit) -> tuple[Requirement, ...]:
        assert limit == LIMIT
        scratch.mkdir(parents=True)
        return (Requirement("setuptools>=77"),)

    def resolve(self, wanted: Requirements, sources: Sources, *_: object) -> Lock:
        assert (wanted.wheels, list(map(str, wanted.more))) == ((), ["setuptools>=77"])
        assert (sources.feed, sources.until) == (None, LIMIT.text)
        if self.fails:
            raise Unsatisfiable("no.", details="no wheel of setuptools")
        return Lock((SETUPTOOLS,))

    def build(
        self, folders: Sequence[Path], into: Path, _: Callable[[str], None], more: Mapping[str, str] | None = None
    ) -> list[Path]:
        into.mkdir(parents=True)
        if more:
            self.constraints.append(Path(more["UV_CONSTRAINT"]).read_text())
        version = self.version if more else "2.0"  # without constraints what is checked out is built
        return [pack(into, f"acme_churn-{version}-py3-none-any.whl") for _ in folders]


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(monkeypatch)


def fresh(*, checked_out: bool = True) -> commit.GitRoute:
    return commit.GitRoute(
        Remote(REPOSITORY, ("packages/churn",), checked_out=checked_out), TOKEN, BASE.python, Terminal(), LIMIT
    )


def test_the_commit_is_built_with_the_versions_that_images_will_have(tools: Tools, tmp_path: Path) -> None:
    route = fresh()
    (path,) = route.build(["anywhere"], tmp_path)
    assert path.name == "acme_churn-1.2.3-py3-none-any.whl"
    assert tools.constraints == ["setuptools==80\n"]
    address = f"{FILES}/setuptools-80-py3-none-any.whl#sha256={'d' * 64}"
    assert route.options([]) == ["--no-index", f"--find-links {address}"]
    lead = make(tmp_path)
    placed = route.place(locked(lead), [lead])
    assert placed[0].requirement.endswith(f"@{'c' * 40}#subdirectory=packages/churn")
    assert list(route.plans([lead], [WORKSPACE])) == []


def test_a_commit_without_the_project_is_incomplete(tools: Tools, tmp_path: Path) -> None:
    tools.folder = "elsewhere"
    with pytest.raises(CommitIncomplete, match="has no project in packages/churn") as caught:
        fresh().build(["anywhere"], tmp_path)
    assert caught.value.fix == "Commit the project, or correct `package-dir`."


def test_build_requirements_that_cannot_be_locked_are_named(tools: Tools, tmp_path: Path) -> None:
    tools.fails = True
    with pytest.raises(
        BuildFailed, match=r"The build requirements of churn can't be locked: setuptools>=77\."
    ) as caught:
        fresh().build(["anywhere"], tmp_path)
    assert caught.value.details == "no wheel of setuptools"


def test_another_commit_must_have_the_version_that_is_checked_out(tools: Tools, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "pyproject.toml").write_text("[project]")
    with pytest.raises(CommitDiffers, match=r"holds acme-churn 1\.2\.3, but acme-churn 2\.0 is checked out\."):
        fresh(checked_out=False).build([str(here)], tmp_path / "one")
    tools.version = "2.0"
    (path,) = fresh(checked_out=False).build([str(here)], tmp_path / "two")
    assert path.name == "acme_churn-2.0-py3-none-any.whl"
    assert fresh(checked_out=False).build([str(tmp_path / "nothing")], tmp_path / "three")


def test_a_wheel_by_address_has_its_sha256_there_in_our_metadata_too(route: commit.GitRoute, tmp_path: Path) -> None:
    url = f"{FILES}/f-1.0-py3-none-any.whl"
    pin = Pin("f", "1.0", ("a" * 64,), files=(File("f-1.0-py3-none-any.whl", url, "a" * 64),), url=url)
    (placed,) = route.place([pin], [])
    assert placed.line == f"f @ {url}#sha256={'a' * 64}"
    bare = make(tmp_path, more=f"Requires-Dist: f @ {url}\n")
    with pytest.raises(NotForBuilder) as caught:
        route.place([pin], [bare])
    assert f"Write f @ {url}#sha256={'a' * 64} in the package's dependencies." in caught.value.fix
