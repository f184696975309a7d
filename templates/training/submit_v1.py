"""Submit a training run to Azure ML on exactly one version of an environment, with azureml-core (SDK v1).

    pip install --no-deps --require-hashes -r requirements-v1.txt
    python submit_v1.py --workspace SUBSCRIPTION/GROUP/NAME --compute CLUSTER --receipt aml-release.json
    python submit_v1.py --workspace … --compute … --environment azureml:NAME:VERSION

The environment comes from the receipt of a release, from the release step's output `environment`, or from both, which
then have to agree. Without an option, its variable is read: WORKSPACE, COMPUTE, ENVIRONMENT or RECEIPT. The script
signs in by AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET if all are set, otherwise by the Azure CLI's login
(azure/login on GitHub, AzureCLI@2 in Azure Pipelines).
"""

import argparse
import functools
import json
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

WORKSPACE = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}"
PINNED = re.compile(r"azureml:([a-zA-Z0-9][\w-]*):([\w.+-]*\d[\w.+-]*)", re.ASCII)  # no label, no `latest`


def main() -> None:
    """Check the options before any request to Azure; then submit, and print the job and its address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("workspace", "compute", "environment", "receipt"):
        parser.add_argument(f"--{option}", default=os.environ.get(option.upper(), ""))
    parser.add_argument("--command", default="python -m PACKAGE.train", help="what to run; its code is in the wheel")
    parser.add_argument("--experiment", default="training")
    parser.add_argument("--source", help="a folder to upload with the run; default: one that only names the release")
    asked = parser.parse_args()
    place = [part for part in asked.workspace.strip("/").split("/") if part]
    place = place[1::2][:2] + place[-1:] if len(place) == 8 else place  # a resource id
    if len(place) != 3 or not asked.compute:
        sys.exit("--workspace SUBSCRIPTION/GROUP/NAME (or its resource id) and --compute are needed.")
    name, version = released(asked.environment, asked.receipt, WORKSPACE.format(*place))

    from azure.identity import AzureCliCredential, ChainedTokenCredential, EnvironmentCredential
    from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
    from azureml.core.authentication import TokenAuthentication

    credential = ChainedTokenCredential(EnvironmentCredential(), AzureCliCredential(process_timeout=60))
    token = functools.cache(lambda audience: credential.get_token(f"{audience}/.default").token)
    auth = TokenAuthentication(token, cloud="AzureCloud")
    workspace = Workspace.get(place[2], auth=auth, subscription_id=place[0], resource_group=place[1])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "environment.txt").write_text(f"azureml:{name}:{version}\n", "utf-8")
        run = Experiment(workspace, asked.experiment).submit(
            ScriptRunConfig(
                source_directory=asked.source or folder,
                command=shlex.split(asked.command),
                compute_target=asked.compute,
                environment=Environment.get(workspace, name, version=version),
            )
        )
    print(f"Submitted {run.id} on azureml:{name}:{version}\n{run.get_portal_url()}")


def released(environment: str, receipt: str, workspace: str) -> tuple[str, str]:
    """Return name and version of the one environment to train on; ends the program if that isn't clear."""
    got = environment or "nothing"
    if receipt:
        try:
            said = json.loads(Path(receipt).read_text("utf-8-sig"))
            reference, ids = said["environment"]["reference"], said["environment"]["ids"]
            shown = reference if PINNED.fullmatch(reference) else "none"  # CI hosts obey commands in a log
            here = any(each.lower().startswith(f"{workspace}/environments/".lower()) for each in ids)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            sys.exit(f"{receipt} is no receipt (aml-release.json): {error}")
        if said.get("dry_run"):
            sys.exit(f"{receipt} is of a dry run: nothing was registered.")
        if environment and environment != reference:
            sys.exit(f"--environment is {environment}, the receipt has {shown}.")
        if not here:
            sys.exit(f"{receipt} is of a release to other workspaces (azureml-core knows no registries).")
        environment, got = reference, f"something else from {receipt}"
    found = PINNED.fullmatch(environment)
    if environment.startswith("azureml://registries/"):
        sys.exit("azureml-core knows no registries: submit with submit_v2.py.")
    if found is None:
        sys.exit(f"Name one version, as azureml:NAME:VERSION; a label (@latest) moves. Got: {got}")
    return found[1], found[2]


if __name__ == "__main__":
    main()
