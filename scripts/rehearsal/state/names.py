"""The names and the (fake) secrets that exist in the local Azure."""

import re
import uuid

ORGANIZATION = "acme"
PROJECT = "ml"
FEED = "wheels"
SPACED_PROJECT = "Data Science"
"""A project whose name must be percent-encoded; it has a feed called `lab`."""
ORGANIZATION_FEED = "shared"
"""A feed of the whole organization (no project)."""
MIRROR_FEED = "mirror"
"""A feed of `ml` that has the public index as its upstream."""

FEED_TOKEN = "fake-token-of-a-publisher-0001"
"""Packaging (read and write), feed role Contributor."""
READ_TOKEN = "fake-token-that-only-reads-0002"
"""Packaging (read), feed role Reader: what a workspace's connection should hold."""
BUILD_TOKEN = "fake-token-of-a-build-service-0003"
"""Feed role Collaborator, as build identities have by default: may save from upstreams, not publish."""
CODE_TOKEN = "fake-token-that-reads-code-0006"
"""May read the code of every repository of ours, on github.com (Contents) and in Azure Repos (Code)."""
REPOSITORY = f"https://github.com/{ORGANIZATION}/churn"
AZURE_REPOSITORY = f"https://dev.azure.com/{ORGANIZATION}/{PROJECT}/_git/churn"

JOB_TOKEN = "fake-token-of-the-running-job-0004"
"""System.AccessToken of a pipeline of `ml` whose build identity was made a Contributor."""
SERVICE_CONNECTION = "5c0e0000-0000-4000-8000-00000000fa4e"
SERVICE_CONNECTION_SUBJECT = f"sc://{ORGANIZATION}/{PROJECT}/ml-production"

TENANT_ID = "7e7a0000-0000-4000-8000-00000000fa4e"
CLIENT_ID = "c11e0000-0000-4000-8000-00000000fa4e"
CLIENT_SECRET = "fake-client-secret-of-the-pipeline"
READER_CLIENT_ID = "4ead0000-0000-4000-8000-00000000fa4e"
READER_CLIENT_SECRET = "fake-client-secret-of-a-reader"
"""May read workspaces, not write."""
OUTSIDER_CLIENT_ID = "0075de00-0000-4000-8000-00000000fa4e"
OUTSIDER_CLIENT_SECRET = "fake-client-secret-of-an-outsider"
"""Known to Entra, without any role."""

SUBSCRIPTION_ID = "5b5c0000-0000-4000-8000-00000000fa4e"
RESOURCE_GROUP = "rg-ml"
WORKSPACE = "ws-train"
OTHER_WORKSPACE = "ws-prod"

STORAGE_ACCOUNT, CONTAINER = "acmewheels", "wheels"
"""An account beside the workspaces' own, and a container in it; see `storage.json`."""
STORAGE_GROUP = "rg-data"

MODEL_REGISTRY, SHARED_GROUP = "acme-models", "rg-shared"
"""A registry of Azure Machine Learning, and its resource group; see `registries.json`."""

REFUSED_API_VERSIONS = "refused_api_versions"
"""Beside the subscriptions in `arm.json`: api-versions that ARM has switched off."""

TOKEN_REGISTRY = "acme.azurecr.io"
"""A registry that wants its token flow, unlike mcr.microsoft.com, and lets anybody pull."""
PRIVATE_REGISTRY = "acmeprivate.azurecr.io"
"""One that lets `CLIENT_ID` pull, by Entra."""
OTHER_REGISTRY, REGISTRY_USER, REGISTRY_TOKEN = "registry.acme.example", "puller", "fake-registry-token-0001"
"""A company's own, which knows one user."""


def workspace_id(workspace: str = WORKSPACE) -> str:
    """Return the ARM id of a workspace of the local Azure."""
    return (
        f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
    )


def container_url(container: str = CONTAINER) -> str:
    """Return the address of a container in `STORAGE_ACCOUNT`."""
    return f"https://{STORAGE_ACCOUNT}.blob.core.windows.net/{container}"


def storage_account(workspace_id: str) -> str:
    """Return the name of a workspace's own storage account: 3 to 24 lower-case letters and digits (Learn).

    The workspace's name and ten digits, as the portal makes it (azure-cli-extensions#5111 shows one).
    """
    name = re.sub("[^a-z0-9]", "", workspace_id.rpartition("/")[2].lower())
    return f"{name[:14]}{uuid.UUID(guid('storage', workspace_id)).int % 10**10:010}"


def guid(*parts: str) -> str:
    """Return the GUID that the local Azure gives to the thing so named: always the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "amlwheel-rehearsal/" + "/".join(parts)))
