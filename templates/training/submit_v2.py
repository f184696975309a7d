"""Submit job.yml to Azure ML on exactly one version of an environment, with azure-ai-ml (SDK v2).

    pip install --no-deps --require-hashes -r requirements-v2.txt
    python submit_v2.py --workspace SUBSCRIPTION/GROUP/NAME --compute CLUSTER --receipt aml-release.json
    python submit_v2.py --workspace … --compute … --environment azureml:NAME:VERSION

The environment comes from the receipt of a release, from the release step's output `environment`, or from both, which
then have to agree; one in a registry is azureml://registries/REGISTRY/environments/NAME/versions/VERSION. Without an
option, its variable is read: WORKSPACE, COMPUTE, ENVIRONMENT or RECEIPT. The script signs in by AZURE_TENANT_ID,
AZURE_CLIENT_ID and AZURE_CLIENT_SECRET if all are set, otherwise by the Azure CLI's login (azure/login on GitHub,
AzureCLI@2 in Azure Pipelines).
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

WORKSPACE = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}"
PINNED = re.compile(  # no label, no `latest`
    r"azureml:(?://registries/(?P<registry>[a-zA-Z0-9][\w-]*)/environments/)?(?P<name>[a-zA-Z0-9][\w-]*)"
    r"(?(registry)/versions/|:)(?P<version>[\w.+-]*\d[\w.+-]*)",
    re.ASCII,
)


def main() -> None:
    """Check the options before any request to Azure; then submit, and print the job and its address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("workspace", "compute", "environment", "receipt"):
        parser.add_argument(f"--{option}", default=os.environ.get(option.upper(), ""))
    parser.add_argument("--job", default=Path(__file__).with_name("job.yml"), help="default: job.yml beside this file")
    parser.add_argument("--command", help="in place of the job file's")
    parser.add_argument("--experiment", help="in place of the job file's")
    asked = parser.parse_args()
    place = [part for part in asked.workspace.strip("/").split("/") if part]
    place = place[1::2][:2] + place[-1:] if len(place) == 8 else place  # a resource id
    if len(place) != 3 or not asked.compute:
        sys.exit("--workspace SUBSCRIPTION/GROUP/NAME (or its resource id) and --compute are needed.")
    wanted = released(asked.environment, asked.receipt, WORKSPACE.format(*place))

    from azure.ai.ml import MLClient, load_job  # only now: it takes seconds
    from azure.core.exceptions import AzureError
    from azure.identity import AzureCliCredential, ChainedTokenCredential, EnvironmentCredential

    credential = ChainedTokenCredential(EnvironmentCredential(), AzureCliCredential(process_timeout=60))
    changed = [{"environment": wanted[0]}]
    changed += [{"command": asked.command}] if asked.command else []
    try:
        client = MLClient(credential, *place)
        holder = MLClient(credential, registry_name=wanted["registry"]) if wanted["registry"] else client
        holder.environments.get(wanted["name"], wanted["version"])  # not there: say so now, not when the job starts
        job = load_job(asked.job, params_override=changed)
        submitted = client.create_or_update(job, compute=asked.compute, experiment_name=asked.experiment)
    except AzureError as error:
        sys.exit(f"The job wasn't submitted: {error}")
    print(f"Submitted {submitted.name} on {wanted[0]}\n{submitted.studio_url}")


def released(environment: str, receipt: str, workspace: str) -> re.Match[str]:
    """Return the one environment to train on, as PINNED has it; ends the program if that isn't clear.

    A registry gives images of its own: it is never taken from a receipt alone, which anybody may have changed.
    """
    got = environment or "nothing"
    if receipt:
        try:
            said = json.loads(Path(receipt).read_text("utf-8-sig"))
            reference, ids = said["environment"]["reference"], said["environment"]["ids"]
            shown = reference if PINNED.fullmatch(reference) else "none"  # CI hosts obey commands in a log
            here = any(each.lower().startswith(f"{workspace}/environments/".lower()) for each in ids)
            shared = [str(each["reference"]) for each in said.get("environments", []) if "registry" in each]
            shared = [each for each in shared if PINNED.fullmatch(each)]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            sys.exit(f"{receipt} is no receipt (aml-release.json): {error}")
        if said.get("dry_run"):
            sys.exit(f"{receipt} is of a dry run: nothing was registered.")
        if environment and environment not in (reference, *shared):
            sys.exit(f"--environment is {environment}, the receipt has {shown}.")
        if environment in shared:
            here, reference = True, environment
        if not here:
            more = f" Name the one in a registry: --environment {shared[0]}" if shared else ""
            sys.exit(f"{receipt} is of a release to other workspaces.{more}")
        environment, got = reference, f"something else from {receipt}"
    found = PINNED.fullmatch(environment)
    if found is None:
        sys.exit(f"Name one version, as azureml:NAME:VERSION; a label (@latest) moves. Got: {got}")
    return found


if __name__ == "__main__":
    main()
