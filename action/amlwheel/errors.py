"""Every way in which the step can fail: its code, exit status, likely cause, and the one thing to do.

The code is `AW` and the exit status, so either leads to the other. `docs/errors.md` is generated from this file.
In all texts an input stands in backticks under its GitHub name; `inputs.spell` turns it into the name that the
user's host uses.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar


class StepError(Exception):
    """A failure that the user can act on. Subclasses are the catalogue; their docstring is the meaning.

    `what` says what happened this time, in one or two sentences; `details` is foreign text (a tool's last lines, a
    server's message) and is neutralised before it is shown. Neither ever holds a secret.
    """

    status: ClassVar[int]
    title: ClassVar[str]
    cause: str
    fix: str

    def __init__(self, what: str, *, cause: str = "", fix: str = "", details: str = "") -> None:
        """Describe this occurrence; `cause` and `fix` replace the catalogue's where more is known."""
        super().__init__(what)
        self.what = what
        self.cause = cause or type(self).cause
        self.fix = fix or type(self).fix
        self.details = details

    @property
    def code(self) -> str:
        """The stable code, such as `AW30`."""
        return f"AW{self.status}"


class Several(StepError):
    """Several independent problems, found together. The exit status is that of the first."""

    title = "several problems"
    cause = "Each problem below has its own."
    fix = "Mend all of them; they were found in one run so that the next one can succeed."

    def __init__(self, errors: Sequence[StepError]) -> None:
        """Hold `errors`, at least two, in the order in which they were found."""
        super().__init__(f"{len(errors)} problems were found.")
        self.errors = tuple(errors)
        self.status = errors[0].status  # type: ignore[misc]  # one exit status must stand for all


def together(errors: Sequence[StepError]) -> StepError:
    """Return one error for `errors` (at least one): itself, one for all unreachable hosts, or `Several`."""
    errors = [each for error in errors for each in (error.errors if isinstance(error, Several) else (error,))]
    hosts = list(dict.fromkeys(error.host for error in errors if isinstance(error, NoNetwork)))
    rest = [error for error in errors if not isinstance(error, NoNetwork)]
    if len(hosts) > 1:
        details = "\n".join(dict.fromkeys(error.details for error in errors if isinstance(error, NoNetwork)))
        rest.append(NoNetwork(", ".join(hosts), details))
    elif hosts:
        rest.append(next(error for error in errors if isinstance(error, NoNetwork)))
    unique = list({(error.code, error.what): error for error in rest}.values())
    return unique[0] if len(unique) == 1 else Several(unique)


def catalogue() -> Iterator[type[StepError]]:
    """Yield every error class in the order of its status."""
    classes = [kind for kind in StepError.__subclasses__() if kind is not Several]
    yield from sorted(classes, key=lambda kind: kind.status)


# --- a release that is to be used ---------------------------------------------------------------------------------


class BadReceipt(StepError):
    """The receipt can't be used: it is missing, damaged, of a dry run, or in a newer format."""

    status = 83
    title = "receipt not usable"
    cause = "The file isn't the aml-release.json of a release, or the artifact with it wasn't downloaded."
    fix = "Download the release's artifact before this step, and point `receipt` at its aml-release.json."


class EnvironmentGone(StepError):
    """The released environment isn't registered on the workspace, or was archived."""

    status = 84
    title = "environment not there"
    cause = "It was never released to this workspace, or somebody archived or deleted it."
    fix = (
        "Run the release again for this workspace. If dependencies have newer versions by now, that registers another "
        "version: train by the new receipt then."
    )


class EnvironmentChanged(StepError):
    """What is registered isn't what the receipt describes."""

    status = 85
    title = "environment is another"
    cause = "Somebody registered another definition under the same version, or the receipt was altered."
    fix = "Don't train on it. Compare both in the studio, and release again under a new package version."


class ConnectionGone(StepError):
    """The workspace has no connection by which images of the release can be built."""

    status = 86
    title = "connection not there"
    cause = "It was deleted, or now leads elsewhere. Images that are built already go on working, new ones won't."
    fix = "Run the release again: it stores the connection anew."


class TokenEnds(StepError):
    """The token that the workspace keeps for the feed or repository has expired, or will before long."""

    status = 87
    title = "stored token expires"
    cause = "Personal access tokens have an end, and images can't be built after it."
    fix = (
        "Make a new token with the same rights (for a feed organisation-scoped, with Packaging (read)), store it under "
        "the same secret with its date, and run the release again."
    )


# --- what was asked for -----------------------------------------------------------------------------------------


class BadInput(StepError):
    """An input's value isn't one that the step knows, or a required input is missing."""

    status = 10
    title = "bad input"
    cause = "A value is misspelt, missing, or a variable that was never set."
    fix = "Correct the input; the README lists all inputs and their values."


class BadFeed(StepError):
    """`feed` can't be read as an Azure Artifacts feed or as the URL of a PEP 503 repository."""

    status = 11
    title = "feed not understood"
    cause = "The spelling of the feed is not one that Azure Artifacts or PEP 503 uses."
    fix = (
        "Write `feed` as ORG/PROJECT/FEED (or ORG/FEED for an organisation's feed), as the URL that Artifacts shows "
        "under Connect to feed > pip, or as the https URL of another repository's simple index."
    )


class BadWorkspace(StepError):
    """`workspace` can't be read as a workspace of Azure Machine Learning."""

    status = 12
    title = "workspace not understood"
    cause = "A workspace is named by subscription, resource group and name; at least one is missing or misspelt."
    fix = (
        "Write `workspace` as SUBSCRIPTION-ID/RESOURCE-GROUP/NAME, or paste the workspace's resource id "
        "(az ml workspace show --query id)."
    )


class MissingToken(StepError):
    """A token that the step needs was not given."""

    status = 13
    title = "missing token"
    cause = "The secret isn't set, is empty here (a fork's pull request gets none), or isn't passed to the step."
    fix = "Store the token as a secret of the pipeline and pass it to the step."


class UserNotStorable(StepError):
    """azureml-core can't store a user name with a connection."""

    status = 17
    title = "no user name with sdk v1"
    cause = "azureml-core stores one value, and nothing says how a user name and a password would stand in it."
    fix = "Set `sdk` to v2: it registers the same environment, and azureml-core can use that as well."


class OutputNotWritable(StepError):
    """The folder for the emitted files can't be written."""

    status = 15
    title = "output folder not writable"
    cause = "The folder belongs to another user, is a file, or lies on a read-only or full disk."
    fix = "Point `output-dir` at a folder that the job may write."


class UnusableServiceConnection(StepError):
    """The service connection of an Azure Pipelines task is missing, of another kind, or not whole."""

    status = 16
    title = "service connection not usable"
    cause = "Only connections of the type Azure Resource Manager sign in to Azure, and each pipeline must be permitted."
    fix = (
        "Name an Azure Resource Manager service connection in `azure-subscription`, and permit the pipeline to use it "
        "(Project settings > Service connections > NAME > Security)."
    )


# --- build and inspect ------------------------------------------------------------------------------------------


class NoProject(StepError):
    """`package-dir` holds no Python project."""

    status = 20
    title = "no project"
    cause = "The folder has neither pyproject.toml nor setup.py; perhaps the repository isn't checked out yet."
    fix = "Check the code out before this step, and point `package-dir` at the folder with pyproject.toml."


class DuplicatePackage(StepError):
    """Several wheels of one run have the same package name."""

    status = 21
    title = "same package twice"
    cause = "Two lines of `package-dir`, or two files of `wheel`, give the same package."
    fix = "Name each package once."


class BuildFailed(StepError):
    """The project's build backend failed."""

    status = 22
    title = "build failed"
    cause = "The project doesn't build in a clean environment; the last lines say why."
    fix = "Run python -m build --wheel on a clean checkout, mend what it says, and run the step again."


class TagMismatch(StepError):
    """The pushed tag doesn't say the package's version."""

    status = 23
    title = "tag and version differ"
    cause = "The version in the project wasn't changed before tagging, or the tag was put on the wrong commit."
    fix = "Tag vVERSION, VERSION or PACKAGE-vVERSION: change the project's version or the tag, and push again."


class BadWheel(StepError):
    """A wheel can't be used: it is missing, not readable, or its metadata isn't valid."""

    status = 24
    title = "unusable wheel"
    cause = "The file isn't a wheel, or the tool that wrote it wrote invalid metadata."
    fix = "Build the wheel again, and check it with python -m twine check."


class LocalVersion(StepError):
    """The version has a local part (`+…`), which Azure Artifacts refuses."""

    status = 25
    title = "local version"
    cause = "Version tools such as setuptools-scm add +gCOMMIT when the build isn't exactly on a tag."
    fix = "Build from a tag in a full, clean checkout (fetch-depth: 0), or give the project a plain version."


class FileTooLarge(StepError):
    """The wheel is larger than Azure Artifacts takes (500 MiB)."""

    status = 26
    title = "wheel too large"
    cause = "Data or model weights were packed into the wheel."
    fix = "Keep data out of the wheel: register it as a data asset or a model of the workspace."


class MetadataTooNew(StepError):
    """The wheel's Metadata-Version is newer than the feed or twine understands."""

    status = 27
    title = "metadata too new"
    cause = "The build backend writes a newer metadata version than the repository knows."
    fix = (
        "Let the backend write an older one; with hatchling: [tool.hatch.build.targets.wheel] "
        'core-metadata-version = "2.4"; with others: pin an older backend in build-system.requires.'
    )


class WheelDoesNotFit(StepError):
    """The wheel can't be installed in the image: it was built for another Python or platform."""

    status = 28
    title = "wheel doesn't fit the image"
    cause = "A compiled wheel only fits the Python and platform that it was built for."
    fix = "Build with the Python named in `python-version` on Linux x86-64, or pass wheels by `wheel`."


class PythonOutOfRange(StepError):
    """The package doesn't support the image's Python."""

    status = 29
    title = "no Python in range"
    cause = "The package's requires-python excludes the Python of the environment."
    fix = "Set `python-version` to one that the package supports, or widen requires-python."


# --- the feed ---------------------------------------------------------------------------------------------------


class TokenRefused(StepError):
    """The feed answered 401: it doesn't accept the token."""

    status = 30
    title = "feed refused the token (401)"
    cause = "The token has expired, was revoked, is of another organisation, or lacks the Packaging scope."
    fix = "Make a new token for this organisation with scope Packaging, and store it under the same secret."


class SignInPage(StepError):
    """The feed answered with a sign-in page instead of data (203 or HTML): the token wasn't accepted."""

    status = 31
    title = "feed showed a sign-in page (203)"
    cause = "Azure DevOps answers 203 and a web page when it doesn't recognise the token at all."
    fix = (
        "Check that the secret holds the token itself, nothing before or after it, and that it is of this organisation."
    )


class Redirected(StepError):
    """The feed redirected to a sign-in page (302): the token wasn't accepted."""

    status = 32
    title = "feed redirected to sign-in (302)"
    cause = "The organisation sent the request on to interactive sign-in, or the feed's address has moved."
    fix = (
        "Check the organisation in `feed`, and that its policies allow this kind of token (PAT, or Entra for services)."
    )


class FeedForbidden(StepError):
    """The feed answered 403: it knows the token, but the identity may not do this."""

    status = 33
    title = "feed access forbidden (403)"
    cause = "The identity lacks the role. Build identities are Collaborators by default, and only Contributors publish."
    fix = (
        "In Artifacts > feed settings > Permissions make the publishing identity a Feed Publisher (Contributor), "
        "and the reading one at least a Feed Reader."
    )


class FeedNotFound(StepError):
    """The feed, its project or its organisation doesn't exist (404)."""

    status = 34
    title = "feed not found (404)"
    cause = "The name is misspelt, or the feed is project-scoped and the project is missing from `feed`."
    fix = "Copy the address from Artifacts > Connect to feed > pip into `feed`."


class VersionTaken(StepError):
    """The feed already holds this version with other bytes; a version can never be replaced."""

    status = 35
    title = "same version, other bytes"
    cause = (
        "The code changed but the version didn't, or the build backend has a newer version, which it writes into the "
        "wheel; feeds are immutable, even after a delete."
    )
    fix = (
        "Bump the version in the project, and release again. To release the same wheel once more, give it as `wheel`, "
        "out of the first release's files."
    )


class UploadFailed(StepError):
    """The feed didn't take the upload."""

    status = 36
    title = "upload failed"
    cause = "The feed answered with an error that isn't about the token."
    fix = "Read the feed's message; run the step again if it looks temporary: what is done is kept."


class NotVisible(StepError):
    """The upload was accepted, but the feed's index doesn't show the file."""

    status = 37
    title = "published but not visible"
    cause = "The index lags, or what answered the upload wasn't the feed (a sign-in page can look like success)."
    fix = "Wait a few minutes and run the step again; what is done is kept."


class FeedUnexpected(StepError):
    """The feed answered in a way that no Python index does."""

    status = 38
    title = "unexpected answer from the feed"
    cause = "The service has a fault, or `feed` doesn't lead to a Python index."
    fix = "Open the feed's address in a browser; run the step again if the fault looks temporary."


class NotInView(StepError):
    """The view doesn't show the wheel, although it was promoted."""

    status = 39
    title = "not in the view"
    cause = "A view shows promoted versions only, and its index lags, or the promotion was accepted without being done."
    fix = "Wait a few minutes and run the step again; what is done is kept."


class ViewNotFound(StepError):
    """The feed has no view of this name."""

    status = 56
    title = "view not found"
    cause = "The name is misspelt, or nobody has made the view yet."
    fix = "Name one of the feed's views (Artifacts > feed settings > Views), or add it there."


class PromotionRefused(StepError):
    """The feed didn't promote the wheel to the view."""

    status = 57
    title = "promotion refused"
    cause = "A fault or a limit of the service."
    fix = "Read the feed's message; run the step again if it looks temporary: what is done is kept."


class NotSaved(StepError):
    """A package couldn't be saved from the feed's upstream in the feed, so no image could be built with it."""

    status = 58
    title = "not saved from upstream"
    cause = (
        "With `index` set to only, images take public packages from the feed. Whoever only reads gets saved versions "
        "alone, and saving one takes a Collaborator or more, with a token of scope Packaging (read and write)."
    )
    fix = "Give such a token as `feed-token`, or set `index` to extra."


# --- the workspace ----------------------------------------------------------------------------------------------


class SignInFailed(StepError):
    """No credential in the environment could sign in to Azure."""

    status = 40
    title = "sign-in to Azure failed"
    cause = "No service principal, workload identity or Azure CLI login was found, or Entra refused the one found."
    fix = (
        "On GitHub give `client-id` and `tenant-id` (a variable that isn't set is empty), or sign in before this "
        "step (azure/login). Or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
        "AZURE_FEDERATED_TOKEN_FILE) in the step's env."
    )


class WorkspaceForbidden(StepError):
    """The identity may not use the workspace (403, or 401 from Azure Resource Manager)."""

    status = 41
    title = "workspace access forbidden"
    cause = "The identity has no role on the workspace, or one that can't write connections and environments."
    fix = (
        "Grant it: az role assignment create --role 'AzureML Data Scientist' --assignee CLIENT-ID "
        "--scope WORKSPACE-RESOURCE-ID."
    )


class WorkspaceNotFound(StepError):
    """The subscription, the resource group or the workspace doesn't exist for this identity (404)."""

    status = 42
    title = "workspace not found"
    cause = "A part of `workspace` is misspelt, or the identity belongs to another tenant."
    fix = "Compare with az ml workspace show --query id."


class ConnectionConflict(StepError):
    """Another connection of the workspace stands in the way: same or nearer target, or our name for another target."""

    status = 43
    title = "conflicting connection"
    cause = (
        "The image builder takes the one connection that is nearest to the feed; with two for one target it gives up."
    )
    fix = "Delete that connection, or set `connection-name` to its name so that the step keeps it up to date."


class EnvironmentConflict(StepError):
    """The environment's version is taken by another definition, and versions are immutable."""

    status = 44
    title = "environment version taken"
    cause = "Somebody registered other content under this version by hand, or archived and replaced it."
    fix = "Bump the package's version, or set `environment-name` to a new name."


class ReadBackDiffers(StepError):
    """What the workspace shows after a write isn't what was written."""

    status = 45
    title = "read back differs"
    cause = "Another run wrote at the same time, or the service accepted the request without doing it."
    fix = "Run the step again; if it stays, compare the environment in the studio with the emitted files."


class AzureRefused(StepError):
    """Azure Resource Manager refused a request for another reason."""

    status = 46
    title = "Azure refused the request"
    cause = "A policy, a lock or a limit of the subscription, or a fault of the service."
    fix = "Read Azure's message; run the step again if it looks temporary: what is done is kept."


class ApiVersionRefused(StepError):
    """Azure Resource Manager refuses the api-version with which azureml-core reads and writes connections."""

    status = 47
    title = "azureml-core is too old for Azure"
    cause = "azureml-core asks for the api-version 2020-01-01, which no public contract promises, and has no other."
    fix = "Set `sdk` to v2: it registers the same environment, and azureml-core can use that as well."


class TokenExpired(StepError):
    """The token that the workspace is to hold has expired, by the date that came with it."""

    status = 48
    title = "connection's token has expired"
    cause = "Its last day (in UTC) is over, so no image could be built with it."
    fix = (
        "Make a new organisation-scoped personal access token with Packaging (read), pass it as `connection-token`, "
        "and its date as `connection-token-expires`. If the old one was extended, give its new date."
    )


class ShortLivedToken(StepError):
    """The token that the workspace is to hold ends before images are built with it."""

    status = 49
    title = "connection's token is short-lived"
    cause = (
        "Access tokens of Entra and of jobs live for an hour or so, and images are built later: with the first job "
        "that uses the environment, and again when its image is gone."
    )
    fix = (
        "Make an organisation-scoped personal access token with Packaging (read), store it as a secret, and pass it as "
        "`connection-token`."
    )


# --- the workspace's storage ------------------------------------------------------------------------------------


class StorageRefused(StepError):
    """The workspace's storage didn't take or show the wheel."""

    status = 53
    title = "storage refused"
    cause = "A firewall of the storage account, its disabled access keys, or a fault of the service."
    fix = "Allow the runner's network in the storage account's firewall, or set `route` to feed."


class StoredWheelDiffers(StepError):
    """The workspace's storage already holds a wheel of this name with other bytes."""

    status = 54
    title = "stored wheel is another one"
    cause = "The code changed but the version didn't; azureml-core would have kept the old wheel and said nothing."
    fix = "Bump the version in the project, and release again."


class StoredWheelMissing(StepError):
    """The workspace's storage has a record of the wheel, but not the wheel."""

    status = 55
    title = "stored wheel is missing"
    cause = (
        "An upload failed after its record was made, or somebody deleted the file: a record can't be filled later. "
        "Or another run is still uploading it."
    )
    fix = "Wait for other runs of this release; if there are none, bump the version in the project, and release again."


# --- a container of blobs ---------------------------------------------------------------------------------------


class ContainerNotFound(StepError):
    """The storage account has no such container."""

    status = 100
    title = "container unknown"
    cause = "The container's name is misspelt in `storage-container`, or nobody has made it."
    fix = "Make it, closed to the public: az storage container create --auth-mode login --account-name ACCOUNT -n NAME."


class ContainerRefused(StepError):
    """The identity has no role that lets it look into the container, or write to it."""

    status = 101
    title = "no role on the container"
    cause = "Roles such as Owner or Contributor are about the account; blobs need a role of their own."
    fix = (
        "Grant the role: az role assignment create --role 'Storage Blob Data Contributor' --assignee CLIENT-ID --scope "
        "CONTAINER'S RESOURCE ID. It takes some minutes until it counts."
    )


class StorageFirewall(StepError):
    """The storage account doesn't take requests from the runner's network."""

    status = 102
    title = "storage firewall"
    cause = "The account's firewall admits chosen networks alone, and the runner isn't in one of them."
    fix = (
        "Run the step on an agent inside the network (a private endpoint, or an admitted subnet), or admit its address "
        "under Networking of the storage account."
    )


class BlobDiffers(StepError):
    """The container already holds a file of this name with other bytes."""

    status = 103
    title = "stored file is another one"
    cause = "The code changed but the version didn't, or somebody put another file there."
    fix = "Bump the version in the project, and release again. Nothing is ever overwritten."


class BlobRefused(StepError):
    """The storage account answered in a way that the step can't use."""

    status = 104
    title = "container failed"
    cause = "The account doesn't accept tokens of this tenant, is disabled or read-only, or has a fault."
    fix = "See the code that the service names; run the step again if it is a fault."


class NotMirrored(StepError):
    """A file of the lock can't be brought into the container."""

    status = 105
    title = "file not mirrored"
    cause = "The index no longer gives the file as it was locked, or needs a credential that isn't in its variable."
    fix = "Run the step again: what is stored is kept. A mirror's credential belongs into UV_DEFAULT_INDEX."


class ContainerPublic(StepError):
    """The container is open to anybody, and packages of one's own would be read by all."""

    status = 106
    title = "container public"
    cause = "Somebody set the container's public access level to Blob or Container."
    fix = (
        "Close it: az storage container set-permission --account-name ACCOUNT -n NAME --public-access off; better, set "
        "Allow Blob anonymous access of the account to Disabled, too."
    )


# --- lock, image, network, proof --------------------------------------------------------------------------------


class Unsatisfiable(StepError):
    """No set of versions satisfies the requirements for the image's Python and platform."""

    status = 50
    title = "requirements can't be satisfied"
    cause = "Requirements contradict each other, or a package has no wheel for the image's Python and platform."
    fix = "Loosen the requirement that the resolver names, or choose another `python-version`."


class LockIncomplete(StepError):
    """The lock has a requirement without a hash, which the step never emits."""

    status = 51
    title = "lock without hashes"
    cause = "An index serves files without sha256, so nothing could prove later which file was meant."
    fix = "Publish that package to the feed, or use an index with hashes."


class IndexFailed(StepError):
    """A package index answered with an error while the lock was resolved."""

    status = 52
    title = "index failed"
    cause = "The public index, its mirror or the feed has a fault, or the mirror's credential has expired."
    fix = "See which index it is in the lines above; renew the mirror's credential, or run the step again."


class BadImage(StepError):
    """`base-image` isn't the name of a container image."""

    status = 60
    title = "image name not understood"
    cause = "The name isn't of the form REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST."
    fix = "Write `base-image` with its registry, for example mcr.microsoft.com/azureml/NAME:TAG."


class ImageNotFound(StepError):
    """The registry doesn't know the image or its tag."""

    status = 61
    title = "image tag unknown"
    cause = "The tag is misspelt, or the registry has removed it."
    fix = "Choose an existing tag for `base-image`, best a dated one."


class ImageRefused(StepError):
    """The registry didn't show the image's manifest."""

    status = 62
    title = "registry refused"
    cause = "The image is private, or the registry has a fault or a rate limit."
    fix = "Use a public image, or give `base-image` with its digest (@sha256:…), which needs no question."


class FederationMismatch(StepError):
    """Entra knows no federated credential for the pipeline's token (AADSTS700213 and its like)."""

    status = 63
    title = "no federated credential for this pipeline"
    cause = (
        "Issuer, subject and audience must be exactly those of the application's federated credential, case included."
    )
    fix = (
        "In Entra > App registrations > the application > Certificates & secrets > Federated credentials, set issuer "
        "and subject as the message and the service connection show them, and the audience "
        "api://AzureADTokenExchange."
    )


class FederationExpired(StepError):
    """Entra says that the pipeline's federated token is out of its time (AADSTS700024)."""

    status = 64
    title = "federated token expired"
    cause = "Such a token lives about ten minutes. The step exchanges it at once, so the runner's clock may be wrong."
    fix = "Set the runner's clock (NTP) and run the step again; what is done is kept."


class FederationRefused(StepError):
    """The pipeline's host gave no federated token."""

    status = 65
    title = "no federated token"
    cause = "The service connection was removed or changed, or this pipeline or its stage isn't permitted to use it."
    fix = "Open the service connection in Project settings, let it verify, permit the pipeline, and run the step again."


class NoIdToken(StepError):
    """Sign-in by OIDC is asked for, and the job has no token of its own to sign in with."""

    status = 66
    title = "no token for sign-in by OIDC"
    cause = "The job lacks the permission id-token: write, or runs for a fork's pull request, which never gets it."
    fix = "Give the job (with a reusable workflow: the calling one too) permissions: {id-token: write, contents: read}."


class NotAMember(StepError):
    """The feed doesn't accept an identity of Entra: it isn't a member of the feed's organisation."""

    status = 67
    title = "identity not in the organisation"
    cause = "Signing in to Entra isn't enough: Azure DevOps knows only who was added to the organisation."
    fix = "Add the identity in Organization settings > Users, and make it a Feed Publisher (Contributor) of the feed."


class NothingStored(StepError):
    """The upload was answered with success, but the repository's index doesn't show the file."""

    status = 68
    title = "upload went nowhere"
    cause = (
        "Something else than the repository's upload address answered: a proxy, another page, or another repository."
    )
    fix = (
        "Compare the upload address with the one that the repository's manual gives to twine, and set it as "
        "`feed-upload-url`. If the repository is known to be slow, run the step again: what is done is kept."
    )


class NoNetwork(StepError):
    """A host can't be reached: no connection, no name, or a proxy's refusal."""

    status = 70
    title = "no network"
    cause = "The runner has no way to the host: firewall, proxy setting, DNS, or an outage."
    fix = (
        "Open the way from the runner to the named hosts, or set HTTPS_PROXY and REQUESTS_CA_BUNDLE. A mirror of the "
        "public index is named in PIP_INDEX_URL or UV_DEFAULT_INDEX; pip.conf isn't read."
    )

    def __init__(self, host: str, details: str = "") -> None:
        """Name the unreachable `host` (or several, comma separated)."""
        super().__init__(f"No connection to {host}.", details=details)
        self.host = host


class TooSlow(StepError):
    """A host or a tool gave no answer within its time limit."""

    status = 71
    title = "no answer in time"
    cause = "The service hangs or is overloaded, or a tool waits for something that never comes."
    fix = "Run the step again; what is done is kept."


class ProofFailed(StepError):
    """The environment's lock can't be installed the way the image builder will do it."""

    status = 80
    title = "environment doesn't install"
    cause = "The read-only token can't fetch a file, or a file's bytes differ from its sha256."
    fix = "Check that `connection-token` may read the feed; nothing was registered, so run the step again."


class ImportFailed(StepError):
    """The installed package can't be imported."""

    status = 81
    title = "package doesn't import"
    cause = "A dependency is missing from the package's metadata, or the module fails when imported."
    fix = "Mend the package (the traceback says where), bump its version, and release again."


class ImageBuildFailed(StepError):
    """The workspace couldn't build the environment's image."""

    status = 82
    title = "image build failed"
    cause = "What the line above says; a question for a user or a 401 means that the connection's token isn't accepted."
    fix = (
        "Mend it and run the step again. The environment is registered, but without an image no job can use it: "
        "what changes in it gets a new version."
    )


class PythonTooOld(StepError):
    """The runner's Python is older than the step needs. Raised by the bootstrap, before anything else."""

    status = 90
    title = "Python too old"
    cause = "The first python3 on PATH is older than 3.10."
    fix = "Put actions/setup-python (GitHub) or UsePythonVersion@0 (Azure Pipelines) before this step."


class BootstrapFailed(StepError):
    """The step's own tools, or azureml-core where it is used, couldn't be installed."""

    status = 91
    title = "bootstrap failed"
    cause = "The package index can't be reached from the runner."
    fix = "Set the index (UV_DEFAULT_INDEX or PIP_INDEX_URL), the proxy and the CA for the runner."


class NoSdkPython(StepError):
    """The runner has no Python that azureml-core runs on."""

    status = 92
    title = "no Python for azureml-core"
    cause = "With sdk v1, route workspace or verify image the step uses azureml-core, which needs Python 3.10 to 3.13."
    fix = "Set up Python 3.12 before this step: actions/setup-python (GitHub) or UsePythonVersion@0 (Azure Pipelines)."


class SdkFailed(StepError):
    """azureml-core failed in a way that it doesn't explain."""

    status = 93
    title = "azureml-core failed"
    cause = "A fault of azureml-core, or an answer that it doesn't understand."
    fix = "Run the step again; if it stays, do without azureml-core: sdk v2, route feed, verify install."


class Unexpected(StepError):
    """A fault of amlwheel itself."""

    status = 99
    title = "unexpected error"
    cause = "A bug of amlwheel, or an answer that nobody has seen before."
    fix = "Run the step again; if it stays, report it with the lines above (they hold no secret)."


# --- a repository of git that images are built from ---------------------------------------------------------------


class BadRepository(StepError):
    """With `route` git: the repository's address can't be read, or the image builder couldn't use it."""

    status = 110
    title = "repository not understood"
    cause = "The image builder fetches from one address by https, with a token and without a key."
    fix = (
        "Write `git-repository` as https://github.com/OWNER/REPO or https://dev.azure.com/ORG/PROJECT/_git/REPO, "
        "optionally with @ and the full commit id behind it."
    )


class NoRepository(StepError):
    """With `route` git: nothing tells from which repository and commit images shall be built."""

    status = 111
    title = "no repository"
    cause = "`package-dir` is no checkout of git, it has no commit or no remote called origin, or git isn't installed."
    fix = "Check the code out before this step, or name repository and commit in `git-repository`."


class NotACommit(StepError):
    """`git-repository` names a branch, a tag or a shortened commit id, and only a full one can't move."""

    status = 112
    title = "not a full commit id"
    cause = "A branch or a tag may be another commit tomorrow, and a shortened id may become ambiguous."
    fix = "Leave @… out to release the commit that is checked out, or give all digits (git rev-parse NAME)."


class UncommittedChanges(StepError):
    """With `route` git: tracked files of the project differ from the commit that images would be built from."""

    status = 113
    title = "uncommitted changes"
    cause = "An earlier step changed files, such as the one with the version, and images are built from the commit."
    fix = "Commit and push the changes, or keep the earlier step from making them (git status shows them)."


class RepositoryRefused(StepError):
    """The repository couldn't be read with the token that the workspace is to hold."""

    status = 114
    title = "repository refused the token"
    cause = "The token has expired, was revoked, or may not read this repository's code."
    fix = "Make a token that may read the repository's code, store it as a secret, and pass it as `connection-token`."


class RepositoryNotFound(StepError):
    """The repository doesn't exist for the token that the workspace is to hold (404), or has moved."""

    status = 115
    title = "repository not found (404)"
    cause = "The address is misspelt, or the token may not know of the repository: GitHub then says that there is none."
    fix = "Correct `git-repository`, or give the token of `connection-token` access to this repository."


class CommitNotPushed(StepError):
    """The repository doesn't have the commit."""

    status = 116
    title = "commit not in the repository"
    cause = "The commit wasn't pushed, a rebase took it away, or it was made in another repository."
    fix = "Push it first (git push), and run the step again."


class CommitDiffers(StepError):
    """The commit in `git-repository` doesn't hold the version that is checked out."""

    status = 117
    title = "commit holds another version"
    cause = "`git-repository` names an older commit than the one that is checked out, or one of another project."
    fix = "Check out the commit that shall be released, and leave its id out of `git-repository`."


class CommitIncomplete(StepError):
    """The commit alone isn't enough to build the package: it lacks the folder, or needs submodules or Git LFS."""

    status = 118
    title = "commit isn't enough"
    cause = "The image builder has a token for one repository, and nothing but git to read it with."
    fix = "Put what the package needs into the repository itself, or set `route` to feed, whose wheels hold everything."


class NotForBuilder(StepError):
    """With `route` git: a locked file has an address that only this machine can use."""

    status = 119
    title = "address not usable for the image builder"
    cause = (
        "This machine takes public packages from an index that needs a credential, or from its own disk. The image "
        "builder has no credential for it, and none is ever written into an environment."
    )
    fix = "Lock against an index that is open to the workspace's network, or set `route` to feed and `index` to only."
