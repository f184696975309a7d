"""A package index that is named for certain packages."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

# The values of uv's --torch-backend, without `auto`, which looks for a GPU on this machine.
BACKEND = r"cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2}"
TORCH_INDEXES = "https://download.pytorch.org/whl/"  # an index for each backend is below it
# The packages that uv takes from PyTorch's index with --torch-backend: crates/uv-torch/src/backend.rs, `applies_to`.
TORCH = frozenset(
    """
    pytorch-triton pytorch-triton-rocm pytorch-triton-xpu torch torch-tensorrt torchao torcharrow torchaudio torchcsprng
    torchdata torchdistx torchserve torchtext torchvision triton
    """.split()
)


@dataclass(frozen=True)
class PackageIndex:
    """A package index (PEP 503) at `url`, without a credential, from which these packages come and no others.

    `names` are normalised (PEP 503); one may be a pattern such as `acme-*`. No other index answers for them.
    """

    url: str
    names: frozenset[str]

    def serves(self, name: str) -> bool:
        """Tell whether the package `name` (normalised) comes from this index."""
        return any(fnmatchcase(name, each) for each in self.names)


def torch(backend: str) -> PackageIndex:
    """Return PyTorch's index of the builds for `backend`, as uv names it."""
    return PackageIndex(f"{TORCH_INDEXES}{backend}", TORCH)


def same_address(one: str, other: str) -> bool:
    """Tell whether two addresses are those of one index; a slash at the end makes no difference."""
    return one.rstrip("/") == other.rstrip("/")


def shown(address: str) -> str:
    """Return `address` without user information and query, which may hold a credential."""
    return re.sub(r"//\S*@", "//", address).partition("?")[0]


def unfit(address: str) -> str:
    """Return why images can't take packages from `address`, after its name; empty if they can. It shows no credential.

    Environments are registered with the address, and everybody who may read the workspace reads them.
    """
    if "@" in address or "$" in address or "?" in address:
        return "has a user name, a token or a variable in it"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "isn't an address"
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost"):
        return "isn't encrypted, so what it answers could be replaced on the way"
    if not re.fullmatch(r"https?://[\w.:-]+(/[\w.~%+=,-]+)*/?", address, re.ASCII):
        return "isn't the https address of an index"
    return ""
