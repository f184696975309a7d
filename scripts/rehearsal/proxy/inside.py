"""How a process lives in the local Azure: by its environment variables, and nothing else."""

import os
import pathlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import certifi

from ..artifacts import upstream
from ..state import names
from ..state.store import Store

_CA_VARIABLES = ("PIP_CERT", "CURL_CA_BUNDLE", "SSL_CERT_DIR", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS")
_PROXY_VARIABLES = ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
_SIGN_IN = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "IMDS_")


@dataclass(frozen=True)
class Inside:
    """What tells a process its way through a running proxy, whoever started it."""

    store: Store
    port: int
    ca_bundle: pathlib.Path
    """The roots that a client needs: this machine's and the proxy's."""
    beside: tuple[str, ...] = ()
    """Hosts that are reached beside the proxy, apart from the public index."""

    @property
    def cut_off(self) -> bool:
        """Whether the public index is out of reach; see `World.cut_off`."""
        return (self.store.root / "index-cut-off").exists()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` changed so that a process lives in this world: proxy, CA, and fake ARM credentials.

        Whatever else in `base` could sign in to Azure is left out.
        """
        dropped = (*_CA_VARIABLES, *_PROXY_VARIABLES)
        kept = {key: value for key, value in base.items() if key not in dropped and not key.startswith(_SIGN_IN)}
        proxy, bundle = f"http://127.0.0.1:{self.port}", str(self.ca_bundle)
        return {
            **kept,
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            # The proxy lets the public index through, but uv's many connections at once then wait for seconds.
            "NO_PROXY": ",".join([*(() if self.cut_off else upstream.hosts()), *self.beside]),
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "AZURE_CONFIG_DIR": str(self.store.root / "config"),
            "AZURE_TENANT_ID": names.TENANT_ID,
            "AZURE_CLIENT_ID": names.CLIENT_ID,
            "AZURE_CLIENT_SECRET": names.CLIENT_SECRET,
        }


def trusted_roots(environ: Mapping[str, str] = os.environ) -> str:
    """Return this machine's root certificates as PEM, and those that its user trusts beside them.

    A server of the user's own often has a CA of its own, which is told by one variable or another.
    """
    system = (ssl.get_default_verify_paths().openssl_cafile, certifi.where())
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
    paths = [next(path for path in system if pathlib.Path(path).is_file()), *filter(None, map(environ.get, variables))]
    files = dict.fromkeys(pathlib.Path(path).resolve() for path in paths)
    return "\n".join(path.read_text("utf-8").rstrip("\n") for path in files if path.is_file())
