"""What an image's configuration tells (OCI image specification, config.md): platform, age, and whether it has conda."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PLATFORM = "linux/amd64"  # the only one that the lock's wheels, and Azure ML's computes, are for
_CONDA = re.compile(r"conda|mamba|miniforge", re.IGNORECASE)


@dataclass(frozen=True)
class Config:
    """An image's configuration. `created` is None when it isn't told; many builders write 1970 to be reproducible.

    `conda` is the folder on PATH that has it; `mentioned`: nothing rules it out, though no such folder is on PATH.
    """

    platform: str
    created: datetime | None = None
    system: str = ""
    conda: str = ""
    mentioned: bool = True

    @classmethod
    def read(cls, content: bytes) -> "Config | None":
        """Read a configuration, which is foreign text; None when it is none."""
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or not data.get("architecture") or not data.get("os"):
            return None
        inner = _object(data.get("config"))
        variables = [str(each) for each in _list(inner.get("Env"))]
        return cls(
            f"{data['os']}/{data['architecture']}"[:60],
            _time(str(data.get("created"))),
            _system(_object(inner.get("Labels"))),
            next((folder for folder in _path(variables) if _CONDA.search(folder)), ""),
            _mentioned(variables, _list(data.get("history")), len(_list(_object(data.get("rootfs")).get("diff_ids")))),
        )

    def told(self, now: datetime) -> str:
        """Return it in words."""
        age = f"made {self.created:%Y-%m-%d}, {max((now - self.created).days, 0)} days ago" if self.created else ""
        conda = f"conda in {self.conda}" if self.conda else "no conda on PATH"
        return ", ".join(filter(None, [self.platform, self.system, age, conda]))


def _mentioned(variables: Sequence[str], history: Sequence[Any], layers: int) -> bool:
    """Tell whether variables or history speak of conda, or the history is too short to rule it out.

    Every layer has an entry unless the image was squashed, or made without a Dockerfile.
    """
    steps = [_object(each) for each in history]
    made = [str(each.get("created_by") or "") for each in steps if not each.get("empty_layer")]
    if layers == 0 or len([each for each in made if each]) < layers:
        return True
    lines = [*variables, *(str(each.get("created_by")) for each in steps)]
    return any(map(_CONDA.search, lines))


def _path(variables: Sequence[str]) -> list[str]:
    """Return the folders of PATH."""
    paths = [each.partition("=")[2] for each in variables if each.startswith("PATH=")]
    return paths[-1].split(":") if paths else []


def _system(labels: Mapping[str, Any]) -> str:
    """Return the distribution, such as Ubuntu 22.04: images inherit these labels from Ubuntu's own."""
    if labels.get("org.opencontainers.image.ref.name") != "ubuntu":
        return ""
    version = str(labels.get("org.opencontainers.image.version"))
    return f"Ubuntu {version}" if re.fullmatch(r"\d\d\.\d\d", version) else ""


def _time(text: str) -> datetime | None:
    """Return the time of RFC 3339 in `text`; its fraction has up to nine digits. None for another, and before 2000."""
    try:
        found = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo and found.year >= 2000 else None  # noqa: PLR2004


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
