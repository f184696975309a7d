"""Names of environment variables: which of them hold secrets, or what a build must never reach."""

import re

_SECRETIVE = re.compile(
    r"TOKEN|PASSW|PWD$|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|_KEY$|_AUTH(?!OR)|(^|_)PAT(_|$)|(^|_)SAS(_|$)"
    r"|CONNECTION_?STRING|COOKIE",
    re.IGNORECASE,
)
# What the hosts and the Azure libraries give to a job for itself, and the files by which a process changes later steps.
# Sources: GitHub, "Variables reference" and "Workflow commands"; azure-pipelines-agent, Handler.cs; azure-identity.
_RESERVED = re.compile(
    r"(ACTIONS|ENDPOINT|SECURE|SECUREFILE|INPUT|AMLWHEEL|AZURE|ARM|IDENTITY|MSI)_\w+"
    r"|GITHUB_(TOKEN|ENV|OUTPUT|PATH|STATE|STEP_SUMMARY|EVENT_PATH)|SYSTEM_ACCESSTOKEN",
    re.IGNORECASE,
)


def secretive(name: str) -> bool:
    """Tell whether a variable is named like one that holds a secret, or belongs to the host's and Azure's sign-in."""
    return bool(_SECRETIVE.search(name) or _RESERVED.fullmatch(name))
