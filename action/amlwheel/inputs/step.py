"""The inputs of the step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from ..model.azure import Container
from ..model.conda import Package
from ..model.environment import Image, Python
from ..model.limit import Newer
from ..model.package_index import PackageIndex
from ..model.repository import Repository
from ..model.secret import Secret
from ..model.shard import Shard
from . import readers
from .knob import AuditMode, Command, IndexMode, Proof, RouteName, SdkVersion, knob
from .places import Places
from .reasons import BESIDE_IT, GIT_ONLY, STORAGE_ONLY, WHO_SIGNS_IN


@dataclass(frozen=True, kw_only=True)
class Inputs(Places):
    """The inputs of one run, read and checked. Names become `kebab-case` on GitHub, `camelCase` on Azure Pipelines."""

    environment_name: str = knob(
        "Name of the environment. Default: the package's name.",
        group="environment",
        read=readers.environment_name,
    )
    environment_per_package: bool = knob(
        "Register an environment for each package of `package-dir`, with those of the others that it needs, in place "
        "of one for all of them. The files of each are in a folder of `output-dir` that is named like the package.",
        default="false",
        group="environment",
        boolean=True,
        read=readers.boolean,
    )
    python_version: Python = knob(
        f"Python version of the environment: {', '.join(readers.PYTHONS)}, or a patch version of one of these.",
        default="3.11",
        group="environment",
        read=readers.python,
    )
    base_image: Image = knob(
        "Container image that the environment is built on. The step pins it to its digest.",
        default=readers.DEFAULT_IMAGE,
        group="environment",
        read=Image.parse,
    )
    base_image_user: str = knob(
        "Name of the user to whom `base-image-token` belongs, if the registry asks for one.",
        group="environment",
        pipeline=BESIDE_IT,
        read=readers.user,
    )
    base_image_token: Secret = knob(
        "Token or password that may pull `base-image` from a private registry, with which the step finds its digest. "
        "Azure Container Registry needs none: the identity that signs in to Azure reads it, with the role AcrPull.",
        group="environment",
        secret=True,
        read=readers.token,
    )
    requirements: str = knob(
        "More requirements to lock, one a line, as pip reads them; also the path of a requirements file or of a conda "
        "file (`conda.yml`), an https address of a wheel, `.[EXTRA]` and `.:GROUP` for extras and dependency groups of "
        "the project.",
        group="environment",
        lines=True,
    )
    lock: str = knob(
        "The team's own lock, which gives name, version, sha256 and index of every package: the path of a `uv.lock`, "
        "of a `pylock.toml`, or of a requirements file with hashes. `auto` takes the `uv.lock` or `pylock.toml` of the "
        "leading package or of its uv workspace, if there is one; `resolve` takes none.",
        default="auto",
        group="environment",
    )
    from_source: frozenset[str] = knob(
        "Packages, one a line, that may be built from their source: where a package was published without a wheel, the "
        "step builds one from the sdist, whose sha256 is locked, and publishes it beside yours. `all`: every package "
        "that has no wheel that fits.",
        group="environment",
        refused={"git": "images build the project's commit alone"},
        lines=True,
        read=readers.names,
    )
    package_indexes: tuple[PackageIndex, ...] = knob(
        "Indexes beside the public one and the feed: `URL NAME NAME...` a line. These packages come from that index "
        "and from no other. What uv, Poetry or PDM have in `pyproject.toml` is read without it.",
        group="environment",
        lines=True,
        read=readers.package_indexes,
    )
    torch_backend: PackageIndex | None = knob(
        "The builds of PyTorch to take, in uv's words: `cpu`, `cu126`, ... Its packages come from PyTorch's own index "
        "for that backend.",
        group="environment",
        read=readers.torch_backend,
    )
    exclude_newer: Newer = knob(
        "Until when a file must have been uploaded to be taken, for the lock and for builds: `commit` (the time of the "
        "commit), `none`, a time such as `2026-03-01T12:00:00Z`, or a duration before the commit such as `7 days`. "
        "Packages of the feed are always taken.",
        default="commit",
        group="environment",
        read=readers.newer,
    )
    conda: tuple[Package, ...] = knob(
        "Conda packages of the environment, `NAME=VERSION` or `NAME=VERSION=BUILD`, one a line. A version has three "
        "parts, such as `ffmpeg=6.1.1`, or is written as `NAME==VERSION`. They come from conda-forge, or from the "
        "channels of a conda file in `requirements`.",
        group="environment",
        lines=True,
        read=readers.conda,
    )
    index: IndexMode = knob(
        "`extra`: packages come from the public index and from the feed. `only`: all packages come from the feed, "
        "which then needs the public index as an upstream.",
        default="extra",
        group="environment",
        refused={
            "git": "no feed is used, and every file has its own address",
            "no feed": "it tells what comes from the feed",
        },
        choices=get_args(IndexMode),
    )
    audit: AuditMode = knob(
        "What known vulnerabilities of the locked packages do, by the public database OSV: `warn`, or `refuse` to "
        "release. With `none` the database isn't asked.",
        default="warn",
        group="environment",
        choices=get_args(AuditMode),
    )
    audit_accept: Mapping[str, str] = knob(
        "Vulnerabilities that you accept, an id a line (`CVE-...`, `GHSA-...`, `PYSEC-...`), with the reason behind "
        "a `#`.",
        group="environment",
        lines=True,
        read=readers.accepted,
    )
    route: RouteName = knob(
        "How the package reaches the image: through the `feed`; through the storage of each `workspace`, for a few "
        "packages and without a feed; through a container of blobs (`storage`), for all workspaces; or from its `git` "
        "repository, where each image build fetches and builds the commit.",
        default="feed",
        choices=get_args(RouteName),
    )
    storage_container: Container | None = knob(
        "For `route: storage`: `https://ACCOUNT.blob.core.windows.net/CONTAINER`. The identity that signs in to Azure "
        "needs the role Storage Blob Data Contributor on it, each workspace's identity Storage Blob Data Reader.",
        refused=STORAGE_ONLY,
        shown="route = storage",
        read=readers.container,
    )
    mirror: bool = knob(
        "For `route: storage`: store every package of the lock in the container, so that images are built without a "
        "package index. Only Python and pip still come from conda's channel.",
        default="false",
        refused=STORAGE_ONLY,
        shown="route = storage",
        boolean=True,
        read=readers.boolean,
    )
    git_repository: Repository | None = knob(
        "For `route: git`: `https://HOST/OWNER/REPO`, if it isn't the checkout's origin. Put `@COMMIT` (the full id) "
        "behind it, if it isn't the commit that is checked out.",
        refused=GIT_ONLY,
        shown="route = git",
        read=readers.repository,
    )
    sdk: SdkVersion = knob(
        "How the step talks to the workspace: through Azure Resource Manager (`v2`) or azureml-core (`v1`).",
        default="v2",
        choices=get_args(SdkVersion),
    )
    verify: Proof = knob(
        "How the environment is proven before anything is published: `install` installs the whole lock and imports the "
        "packages, and warns of what can't be imported on this runner; for `import` that is an error. `files` installs "
        "nothing and asks for each file. `image` is `install`, and waits for the workspace's own image build "
        "afterwards; `recipe` only asks the workspace for the files that it would build from, and compares them. "
        "`none` proves nothing.",
        default="install",
        choices=get_args(Proof),
    )
    command: Command = knob(
        "`release`, or `connect`: only store `connection-token` on every `workspace`, such as a new token before the "
        "old one ends. Nothing is built, published or registered; inputs that only a release has are refused.",
        default="release",
        pipeline="whoever starts a run says what it does",
        choices=get_args(Command),
    )
    check: bool = knob(
        "First say what is set up outside, and what isn't: sign-in with the exact subjects that Entra must trust, "
        "roles on feed and workspaces, kind and last day of `connection-token`, image. Nothing is built or changed; "
        "with `dry-run` the plan follows, if all is set up.",
        default="false",
        pipeline="whoever starts a run says what it does",
        boolean=True,
        read=readers.boolean,
    )
    dry_run: bool = knob(
        "Print the plan and emit the files, but change nothing.",
        default="false",
        pipeline="whoever starts a run says whether it changes anything",
        boolean=True,
        read=readers.boolean,
    )
    plan_file: str = knob(
        "File for the plan: the step builds, locks, plans and proves, changes nothing, and writes there what other "
        "jobs need to `apply` it. Your wheels are put into the folder `dist` beside it; hand both on.",
        pipeline="one job plans, and others apply",
        read=readers.matching(
            r"(?!(.*[/\\])?(aml-release|azureml_environment|sbom\.cdx)\.json$).*[^/\\]\.json",
            "the path of a .json file that isn't one of the emitted files, such as aml-plan/plan.json",
        ),
    )
    apply: str = knob(
        "Plan file of another job, to be applied as it is: nothing is built, locked or proven again. The job needs the "
        "same commit, the same inputs and the same version of the step.",
        pipeline="one job plans, and others apply",
    )
    shard: Shard | None = knob(
        "Which part of the plan's workspaces to `apply`: `2/3` is the second of three parts. Default: all of them.",
        pipeline="each job has its own part",
        read=readers.shard,
    )
    output_dir: str = knob(
        "Folder for the emitted files.",
        default="aml-environment",
        pipeline="later steps of the pipeline read the files from there",
        # Paths of files in it become outputs, which users paste into shell lines.
        read=readers.matching(
            r"[\w .,:/\\@+=!~%()-]+", "letters, digits, spaces and . , : / \\ @ + = ! ~ % ( ) - only"
        ),
    )
    timeout_minutes: int = knob(
        "Minutes after which the step ends itself and its tools, and says how far it came. For `verify: image` an hour "
        "for each workspace is added.",
        default="20",
        pipeline="the pipeline says how long its job may take",
        read=readers.minutes,
    )
    trace: str = knob(
        "File for what the run spent its time on (stages, requests, tools), as browsers' viewers of traces read it "
        "(chrome://tracing, ui.perfetto.dev).",
        pipeline="it is about a run",
    )
    client_id: str = knob(
        "Entra application (client id) that signs in by OIDC, without a secret; the job needs `id-token: write`.",
        group="workspace",
        pipeline=WHO_SIGNS_IN,
        styles=("github", "terminal"),
        read=readers.guid,
    )
    tenant_id: str = knob(
        "Entra tenant of `client-id`.",
        group="workspace",
        pipeline=WHO_SIGNS_IN,
        styles=("github", "terminal"),
        read=readers.guid,
    )
    azure_subscription: str = knob(
        "Azure Resource Manager service connection that signs in to Azure; its identity needs the role AzureML Data "
        "Scientist on the workspace.",
        group="workspace",
        pipeline="Azure Pipelines opens the service connection before the step runs",
        styles=("azure",),
    )

    folders: Mapping[str, Path] = field(default_factory=dict)
    """The folder of the project whose table gives an input, by input; no input itself."""
