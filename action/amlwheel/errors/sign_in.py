"""Errors of signing in to Azure."""

from .base import StepError


class UnusableServiceConnection(StepError):
    """The service connection of an Azure Pipelines task is missing, of another type, or incomplete."""

    status = 16
    title = "service connection not usable"
    cause = "Only connections of the type Azure Resource Manager sign in to Azure, and only for permitted pipelines."
    fix = (
        "Name an Azure Resource Manager service connection in `azure-subscription`, and permit the pipeline to use it "
        "(Project settings > Service connections > NAME > Security)."
    )


class SignInFailed(StepError):
    """No credential in the environment could sign in to Azure."""

    status = 40
    title = "sign-in to Azure failed"
    cause = "No service principal, workload identity or Azure CLI login was found, or Entra refused it."
    fix = (
        "On GitHub give `client-id` and `tenant-id` (a variable that isn't set is empty), or sign in before this "
        "step (azure/login). Or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
        "AZURE_FEDERATED_TOKEN_FILE) in the step's env."
    )


class FederationMismatch(StepError):
    """Entra has no federated credential that matches the pipeline's token (AADSTS700213 and similar)."""

    status = 63
    title = "no federated credential for this pipeline"
    cause = "Issuer, subject and audience must equal those of the application's federated credential, in the same case."
    fix = (
        "In Entra > App registrations > the application > Certificates & secrets > Federated credentials, set issuer "
        "and subject as the message and the service connection show them, and the audience "
        "api://AzureADTokenExchange."
    )


class FederationExpired(StepError):
    """Entra says that the pipeline's federated token isn't valid yet, or any more (AADSTS700024)."""

    status = 64
    title = "federated token expired"
    cause = "It is valid for about ten minutes. The step exchanges it at once, so the runner's clock may be wrong."
    fix = "Set the runner's clock (NTP) and run the step again; what is done is kept."


class FederationRefused(StepError):
    """The CI host gave the job no federated token."""

    status = 65
    title = "no federated token"
    cause = "The service connection was removed or changed, or this pipeline or its stage isn't permitted to use it."
    fix = "Open the service connection in Project settings, verify it, permit the pipeline, and run the step again."


class NoIdToken(StepError):
    """Sign-in by OIDC is asked for, and the job has no token for it."""

    status = 66
    title = "no token for sign-in by OIDC"
    cause = "The job lacks the permission id-token: write, which a pull request from a fork never gets."
    fix = "Give the job (with a reusable workflow: the calling one too) permissions: {id-token: write, contents: read}."
