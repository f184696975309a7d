"""Have the host mask every secret that a run is given, before anything could show one."""

from collections.abc import Mapping

from ..hosts import azure_variables
from ..hosts.host import Host
from ..model.secret import Secret
from ..transport import http, variables
from . import github

# The variables that azure-identity's EnvironmentCredential reads, and the one that asks GitHub for tokens: a server's
# error could repeat their values.
VARIABLES = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", github.REQUEST_TOKEN)


def mask(host: Host, given: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Mask the secrets among the inputs `given` (by name) and in `environ`, each beside every user who may send it."""
    secrets = [given.get(name, "") for name in ("feed-token", "connection-token", "base-image-token")]
    secrets += [*azure_variables.secrets(environ), *(environ.get(name, "") for name in VARIABLES)]
    users = {http.USER, *(given.get(name, "").strip() for name in ("feed-user", "connection-user", "base-image-user"))}
    secrets += variables.passwords(environ)
    for secret in filter(None, secrets):
        for user in filter(None, users):
            host.mask(Secret(secret), user)
