"""Errors of a container of blobs."""

from .base import StepError


class ContainerNotFound(StepError):
    """The storage account has no such container."""

    status = 100
    title = "container unknown"
    cause = "The container's name is misspelt in `storage-container`, or the container isn't made yet."
    fix = "Make it, closed to the public: az storage container create --auth-mode login --account-name ACCOUNT -n NAME."


class ContainerRefused(StepError):
    """The identity has no role that lets it list or write blobs in the container."""

    status = 101
    title = "no role on the container"
    cause = "Roles such as Owner or Contributor are for the account; blobs need a role of their own."
    fix = (
        "Grant the role: az role assignment create --role 'Storage Blob Data Contributor' --assignee CLIENT-ID --scope "
        "CONTAINER'S RESOURCE ID. It takes some minutes to take effect."
    )


class StorageFirewall(StepError):
    """The storage account doesn't take requests from the runner's network."""

    status = 102
    title = "storage firewall"
    cause = "The account's firewall only admits chosen networks, and the runner isn't in one of them."
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
    cause = "The account doesn't accept tokens of this tenant, is disabled or read-only, or is failing."
    fix = "Look up the service's code; run the step again if the service is failing."


class NotMirrored(StepError):
    """A file of the lock can't be copied into the container."""

    status = 105
    title = "file not mirrored"
    cause = "The index no longer has the file that was locked, or needs a credential that its variable doesn't hold."
    fix = "Run the step again: what is stored is kept. A mirror's credential belongs into UV_DEFAULT_INDEX."


class ContainerPublic(StepError):
    """The container is open to the public, so anybody could read private packages."""

    status = 106
    title = "container public"
    cause = "Somebody set the container's public access level to Blob or Container."
    fix = (
        "Close it: az storage container set-permission --account-name ACCOUNT -n NAME --public-access off; better, set "
        "Allow Blob anonymous access of the account to Disabled, too."
    )
