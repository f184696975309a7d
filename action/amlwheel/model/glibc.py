"""The platform that wheels must fit: the image's C library, as far as the image's name tells it (PEP 600)."""

import re
from dataclasses import dataclass

# The steps that uv has for `--python-platform` (uv 0.13.9, `uv pip compile --help`).
_STEPS = (17, 28, *range(31, 41))
# A system's spelling in a name, its code name as a word of a tag, what it is called, and the minor version of its
# glibc. Sources: mayeut/pep600_compliance, "Distro compatibility"; for Azure Linux, SPECS/glibc/glibc.spec of its 3.0.
_SYSTEMS = (
    (r"ubuntu[-_:]?18[._-]?04", "bionic", "Ubuntu 18.04", 27),
    (r"ubuntu[-_:]?20[._-]?04", "focal", "Ubuntu 20.04", 31),
    (r"ubuntu[-_:]?22[._-]?04", "jammy", "Ubuntu 22.04", 35),
    (r"ubuntu[-_:]?24[._-]?04", "noble", "Ubuntu 24.04", 39),
    (r"debian[-_:]?10", "buster", "Debian 10", 28),
    (r"debian[-_:]?11", "bullseye", "Debian 11", 31),
    (r"debian[-_:]?12", "bookworm", "Debian 12", 36),
    (r"debian[-_:]?13", "trixie", "Debian 13", 41),
    (r"(\bubi|rockylinux|almalinux)[-_:]?8", "", "Enterprise Linux 8", 28),
    (r"(\bubi|rockylinux|almalinux)[-_:]?9", "", "Enterprise Linux 9", 34),
    (r"(\bubi|rockylinux|almalinux)[-_:]?10", "", "Enterprise Linux 10", 39),
    (r"azurelinux[-_:/]?(base/core:)?3\.0", "", "Azure Linux 3.0", 38),
)


@dataclass(frozen=True)
class Platform:
    """Linux x86-64 with glibc 2.`glibc` or newer; `system` is what the image's name tells, if it tells anything."""

    glibc: int
    system: str = ""

    @classmethod
    def of(cls, repository: str, tag: str) -> "Platform":
        """Return the platform of an image by its name; of several systems in it the oldest."""
        name, words = f"{repository}:{tag}".lower(), re.split(r"[-._]", tag.lower())
        found = [
            (glibc, system)
            for spelling, code_name, system, glibc in _SYSTEMS
            if re.search(rf"{spelling}(?![0-9])", name) or code_name in filter(None, words)
        ]
        if not found:
            return UNTOLD
        glibc, system = min(found)
        return cls(max(step for step in _STEPS if step <= glibc), system)

    @property
    def tag(self) -> str:
        """The tag that wheels have for it, without the architecture."""
        return f"manylinux_2_{self.glibc}"

    @property
    def name(self) -> str:
        """The platform in uv's spelling."""
        return f"x86_64-{self.tag}"

    @property
    def why(self) -> str:
        """A half sentence for the plan."""
        return f"{self.tag} (by its name, the base image is {self.system or 'of no system that is known here'})"


# What is locked for if the name tells nothing: older than the glibc of every image of azureml (Ubuntu 20.04 has 2.31),
# and new enough for today's wheels.
UNTOLD = Platform(28)
