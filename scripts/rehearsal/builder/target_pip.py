"""pip for another Python on Linux: run as `python target_pip.py PYTHON_VERSION install …`.

With `--python-version` pip picks the target's files, but still judges environment markers by the Python
that runs it; so a dependency `tomli; python_version < "3.11"` would be wanted or not by accident.
"""

import sys

from pip._internal.cli.main import main
from pip._vendor.packaging import markers


def target_environment(version: str) -> dict[str, str]:
    """Return the values of environment markers on Linux x86_64 for CPython `version`, such as 3.11.9."""
    return {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": version,
        "platform_python_implementation": "CPython",
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": "linux",
    }


if __name__ == "__main__":
    environment = target_environment(sys.argv[1])
    markers.default_environment = lambda: environment  # type: ignore[assignment,return-value]
    sys.exit(main(sys.argv[2:]))
