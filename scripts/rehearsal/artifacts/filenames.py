"""What the name of a wheel or an sdist tells."""

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)


def identity(filename: str) -> tuple[str, str]:
    """Return (normalised name, version) that a file name tells; ValueError if it tells none."""
    try:
        if filename.endswith(".whl"):
            name, _, _, _ = parse_wheel_filename(filename)
            return canonicalize_name(name), filename.split("-")[1]
        name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ValueError(str(error)) from error
    return canonicalize_name(name), str(version)
