"""Errors of the workspace: Azure Resource Manager, connections, environments, azureml-core."""

from collections.abc import Mapping
from types import MappingProxyType

from .base import StepError


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
    """Another connection of the workspace conflicts with ours: same or nearer target, or our name."""

    status = 43
    title = "conflicting connection"
    cause = "The image builder uses the one connection that is nearest to the feed; with two for one target it fails."
    fix = "Delete that connection, or set `connection-name` to its name so that the step updates it."


class EnvironmentConflict(StepError):
    """The environment's version is registered with another definition, and versions are immutable."""

    status = 44
    title = "environment version taken"
    cause = "Somebody registered other content under this version by hand, or archived and replaced it."
    fix = "Bump the package's version, or set `environment-name` to a new name."


class ReadBackDiffers(StepError):
    """After a write, the workspace shows something else than what was written."""

    status = 45
    title = "read back differs"
    cause = "Another run wrote at the same time, or the service accepted the request without doing it."
    fix = "Run the step again; if the error stays, compare the environment in the studio with the emitted files."


class AzureRefused(StepError):
    """Azure Resource Manager refused a request for another reason."""

    status = 46
    title = "Azure refused the request"
    cause = "A policy, a lock or a limit of the subscription, or the service is failing."
    fix = "Read Azure's message; run the step again if the refusal looks temporary: what is done is kept."


class ApiVersionRefused(StepError):
    """Azure Resource Manager refuses the api-version with which azureml-core reads and writes connections."""

    status = 47
    title = "azureml-core is too old for Azure"
    cause = "azureml-core asks for the api-version 2020-01-01, which no public contract promises, and has no other."
    fix = "Set `sdk` to v2: it registers the same environment, and azureml-core can use it as well."


class StorageRefused(StepError):
    """The workspace's storage didn't store or show the wheel."""

    status = 53
    title = "storage refused"
    cause = "A firewall of the storage account, its disabled access keys, or the service is failing."
    fix = "Allow the runner's network in the storage account's firewall, or set `route` to feed."


class StoredWheelDiffers(StepError):
    """The workspace's storage already holds a wheel of this name with other bytes."""

    status = 54
    title = "stored wheel is another one"
    cause = "The code changed but the version didn't; azureml-core would have kept the old wheel without a message."
    fix = "Bump the version in the project, and release again."


class StoredWheelMissing(StepError):
    """The workspace's storage has a record of the wheel, but not the wheel."""

    status = 55
    title = "stored wheel is missing"
    cause = (
        "An upload failed after its record was made, or somebody deleted the file: a record gets no file later. "
        "Or another run is still uploading it."
    )
    fix = "Wait for other runs of this release; if there are none, bump the version in the project, and release again."


class ImageBuildFailed(StepError):
    """The workspace couldn't build the environment's image."""

    status = 82
    title = "image build failed"
    cause = "The line above shows it; a question for a user or a 401 means that the connection's token isn't accepted."
    fix = (
        "Fix it and run the step again. The environment is registered, but without an image no job can use it; "
        "a changed environment gets a new version."
    )


class NoSdkPython(StepError):
    """The runner has no Python that azureml-core runs on."""

    status = 92
    title = "no Python for azureml-core"
    cause = "The SDK of sdk v1, route workspace, verify image and verify recipe needs Python 3.10 to 3.13."
    fix = "Set up Python 3.12 before this step: actions/setup-python (GitHub) or UsePythonVersion@0 (Azure Pipelines)."


class SdkFailed(StepError):
    """azureml-core failed without an explanation."""

    status = 93
    title = "azureml-core failed"
    cause = "A bug of azureml-core, or a response that it doesn't understand."
    fix = "Run the step again; if the error stays, do without azureml-core: sdk v2, route feed, verify install."


class RecipeDiffers(StepError):
    """The workspace would build an image of other content than was registered (`verify: recipe`)."""

    status = 176
    title = "image would differ"
    cause = (
        "The service rewrites the definition before it builds: what the line above names isn't pinned in its images."
    )
    fix = (
        "Set `verify` to image, run the step again, and compare the packages that the log lists with the emitted lock. "
        "Don't use the environment before."
    )


class RecipeWithoutCredential(StepError):
    """The workspace would build the image without a credential for the feed or its storage (`verify: recipe`)."""

    status = 177
    title = "image build has no credential"
    cause = "The service finds no connection whose target fits that address."
    fix = (
        "Set `verify` to image and run the step again: an image that is built shows that only this answer leaves "
        "credentials out; otherwise its log shows what is asked for."
    )


class RegistryForbidden(WorkspaceForbidden):
    """The identity may not use the registry (401 or 403)."""

    status = 197
    title = "registry access forbidden"
    cause = "The identity has no role on the registry: a role on workspaces doesn't count there."
    fix = "Grant the role AzureML Registry User on the registry."


class RegistryNotFound(WorkspaceNotFound):
    """The registry doesn't exist for this identity (404)."""

    status = 198
    title = "registry not found"
    cause = "The registry's name in `workspace` is misspelt, or the identity belongs to another tenant."
    fix = "Compare with az ml registry list --query [].name, and write it as azureml://registries/NAME."


class RegistryRefused(AzureRefused):
    """The registry refused the environment, or couldn't make it."""

    status = 199
    title = "registry refused"
    cause = "A policy or a limit; or the registry tried to build the image, and it has no connection to a private feed."
    fix = (
        "Read Azure's message. If it is about packages or the image, take the registry out of `workspace` and name the "
        "workspaces themselves: they build with their own connection."
    )


class TargetsFailed(StepError):
    """Some of several workspaces couldn't be changed as planned; the others are done."""

    status = 196
    title = "not every workspace is done"
    cause = "Each workspace has its own, which its line names."
    fix = "Do what stands in each line, and run the step again: what is done is kept, and only the rest is written."

    head: str = ""
    failed: Mapping[str, StepError] = MappingProxyType({})

    @classmethod
    def of(cls, failed: Mapping[str, StepError], count: int, kinds: str = "workspaces") -> "TargetsFailed":
        """Return the error that holds what `failed`, by the names of the targets, `count` in all, of these `kinds`."""
        done = count - len(failed)
        head = f"{len(failed)} of {count} {kinds} failed, {done or 'none'} done."
        lines = [f"- {name}: {error.code} {error.title}. {error.what} {error.fix}" for name, error in failed.items()]
        details = [f"{name}: {error.details}" for name, error in failed.items() if error.details]
        error = cls("\n".join([head, *lines]), details="\n".join(details))
        error.head, error.failed = head, dict(failed)
        return error
