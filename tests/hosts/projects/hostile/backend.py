"""A build backend (PEP 517) that shouts, and writes whatever it likes into the wheel's metadata."""

import base64
import hashlib
import pathlib
import sys
import zipfile
from collections.abc import Mapping

import hostile

EVIL = "<img src=x onerror=alert('EVIL')> | [EVIL](javascript:alert(1)) `EVIL` ::error::EVIL ##[error]EVIL \x1b[31m"
METADATA = f"""\
Metadata-Version: 2.1
Name: hostile
Version: 6.6.6
Summary: {EVIL}
Author: {EVIL}
License: {EVIL}
Keywords: {EVIL}
Project-URL: {EVIL}, javascript:alert('EVIL')
Description-Content-Type: text/x-rst

.. EVIL::

   ::error::EVIL, as docutils quotes it
   ##[error]EVIL, as docutils quotes it

.. raw:: html

   <script>alert('EVIL')</script>
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: hostile\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write the wheel, or fail as loudly, when there is a file FAIL."""
    del config_settings, metadata_directory
    if pathlib.Path("FAIL").exists():
        hostile.shout()
        sys.exit("::error::EVIL ##[error]EVIL: the build fails")
    name = pathlib.Path("FILENAME").read_text("utf-8") if pathlib.Path("FILENAME").exists() else "py3-none-any"
    files = {
        "hostile.py": pathlib.Path("hostile.py").read_bytes(),
        "hostile-6.6.6.dist-info/METADATA": METADATA.encode(),
        "hostile-6.6.6.dist-info/WHEEL": WHEEL.encode(),
    }
    record = "".join(f"{path},{_digest(data)},{len(data)}\n" for path, data in files.items())
    files["hostile-6.6.6.dist-info/RECORD"] = f"{record}hostile-6.6.6.dist-info/RECORD,,\n".encode()
    filename = f"hostile-6.6.6-{name}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, filename), "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return filename


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
