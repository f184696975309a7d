"""What an Azure Pipelines agent hands over in variables: the job, its token, the task's inputs.

The variables are those of azure-pipelines-agent's `Handler.AddEndpointsToEnvironment`. The GUID in a variable's name
keeps its lower case.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors.base import Several, StepError
from ..errors.feed import FeedForbidden
from ..inputs.reading import AZURE_NAMES
from ..model.feed_spelling import parse_feed

CONNECTION = f"INPUT_{AZURE_NAMES['azure-subscription'].upper()}"
Variables = Mapping[str, str]


def is_job(environ: Variables) -> bool:
    """Tell whether this is a job of Azure Pipelines (Learn, build/variables)."""
    return bool(environ.get("TF_BUILD"))


def is_task(environ: Variables) -> bool:
    """Tell whether this is our task, and not a script step: only a task has its inputs in variables.

    Windows drops empty variables, and the project's table may have everything, so any of these inputs is enough. The
    last one is never empty.
    """
    return is_job(environ) and any(name in environ for name in ("INPUT_FEED", "INPUT_WORKSPACE", "INPUT_DRYRUN"))


def job_token(environ: Variables) -> str:
    """Return the job's own token, System.AccessToken: a task always gets it, a script only when it is mapped."""
    variable = "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN"
    return environ.get(variable) or environ.get("SYSTEM_ACCESSTOKEN") or ""


def secrets(environ: Variables) -> tuple[str, ...]:
    """Return every secret that the agent hands over, line by line: a certificate has many lines."""
    prefix = f"ENDPOINT_AUTH_PARAMETER_{environ.get(CONNECTION, '').strip()}_"
    names = ("SERVICEPRINCIPALKEY", "SERVICEPRINCIPALCERTIFICATE", "IDTOKEN")
    texts = [job_token(environ), *(environ.get(prefix + name, "") for name in names)]
    return tuple(line for text in texts for line in text.splitlines() if "-----" not in line)


def feed_token(feed: str, environ: Variables) -> str:
    """Return the job's own token if `feed` is in the job's organisation, where it may be used; otherwise nothing."""
    try:
        owner = parse_feed(feed).organisation
    except StepError:  # reported with all other problems of the inputs
        return ""
    return job_token(environ) if owner and owner.lower() == organisation(environ).lower() else ""


def organisation(environ: Variables) -> str:
    """Return the job's organisation; its address is either `dev.azure.com/ORG` or `ORG.visualstudio.com`."""
    parts = urlsplit(environ.get("SYSTEM_COLLECTIONURI") or environ.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI") or "")
    host = parts.hostname or ""
    return host.partition(".")[0] if host.endswith(".visualstudio.com") else parts.path.strip("/").partition("/")[0]


def advise(error: StepError, environ: Variables, feed: str) -> StepError:
    """Return `error`; if `feed` refuses the pipeline's own identity, the fix now names that identity."""
    for each in error.errors if isinstance(error, Several) else (error,):
        if isinstance(each, FeedForbidden) and "`feed-token`" in each.what and not _given_token(environ):
            each.fix = (
                f"In Artifacts > feed settings > Permissions add {_identity(environ, feed)} as Feed Publisher "
                "(Contributor); the feed's own message above names the identity that was refused."
            )
    return error


def _given_token(environ: Variables) -> str:
    return (environ.get("INPUT_FEEDTOKEN") or environ.get("AMLWHEEL_FEED_TOKEN") or "").strip()


def _identity(environ: Variables, feed: str) -> str:
    """Return the name of the identity that publishes to `feed`: the service connection's, or the build identity.

    Learn, pipelines/process/access-tokens, has the names of build identities.
    """
    connection = environ.get(CONNECTION, "").strip()
    if connection and not feed_token(feed, environ):
        client = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_SERVICEPRINCIPALID") or "of the agent's machine"
        return f"the service connection's identity {client}, a member of the feed's organisation,"
    owner = organisation(environ)
    project = environ.get("SYSTEM_TEAMPROJECT", "PROJECT")
    return (
        f"'{project} Build Service ({owner})' (or 'Project Collection Build Service ({owner})', if the "
        "pipeline's authorization scope isn't limited to its project)"
    )
