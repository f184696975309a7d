"""Errors of the project, its build and its wheel."""

from .base import StepError


class NoProject(StepError):
    """`package-dir` is not the folder of a Python project."""

    status = 20
    title = "no project"
    cause = "The folder has neither pyproject.toml nor setup.py; perhaps the repository isn't checked out yet."
    fix = "Check the code out before this step, and point `package-dir` at the folder with pyproject.toml."


class DuplicatePackage(StepError):
    """Several wheels of one run have the same package name."""

    status = 21
    title = "same package twice"
    cause = "Two lines of `package-dir`, or two files of `wheel`, give the same package."
    fix = "List each package once."


class BuildFailed(StepError):
    """The project's build backend failed."""

    status = 22
    title = "build failed"
    cause = "The project doesn't build in a clean environment; the last lines of the output say why."
    fix = "Run python -m build --wheel on a clean checkout, fix the error that it reports, and run the step again."


class TagMismatch(StepError):
    """The pushed tag doesn't name the package's version."""

    status = 23
    title = "tag and version differ"
    cause = "The version in the project wasn't changed before tagging, or the tag was put on the wrong commit."
    fix = (
        "Change the project's version, or make the tag vVERSION, VERSION or PACKAGE-vVERSION (or with / @ == or _ in "
        "place of the dash); then push again."
    )


class BadWheel(StepError):
    """A wheel can't be used: it is missing, it can't be read, or its metadata isn't valid."""

    status = 24
    title = "unusable wheel"
    cause = "The file isn't a wheel, or the tool that wrote it wrote invalid metadata."
    fix = "Build the wheel again, and check it with python -m twine check."


class SdistFailed(StepError):
    """An sdist named in `from-source` can't be fetched, or isn't the package that it should be."""

    status = 76
    title = "sdist unusable"
    cause = "The index no longer has the file, its bytes differ from the sha256 that the index lists, or it is damaged."
    fix = "Run the step again; if it fails again, require another version of that package."


class WheelDoesNotFit(StepError):
    """The wheel can't be installed in the image: it was built for another Python or platform."""

    status = 28
    title = "wheel doesn't fit the image"
    cause = "A compiled wheel fits only the Python and the platform that it was built for."
    fix = "Build with the Python of `python-version` on Linux x86-64, or give finished wheels in `wheel`."


class PythonOutOfRange(StepError):
    """The package doesn't support the image's Python."""

    status = 29
    title = "no Python in range"
    cause = "The package's requires-python excludes the Python of the environment."
    fix = "Set `python-version` to a version that the package supports, or widen requires-python."


class NothingDeclared(StepError):
    """The project declares no name or no version, so the wheel has, or would get, one that nobody chose."""

    status = 18
    title = "no name or version declared"
    cause = "pyproject.toml has no [project] table, or a version made at build time has nothing to be made from."
    fix = "Write name and version in the table [project] of pyproject.toml."


class EmptyWheel(StepError):
    """The wheel has no file beside its own metadata, so an environment would get nothing of the project."""

    status = 19
    title = "empty wheel"
    cause = "The build backend looked for the package in another folder than the one that it is in."
    fix = (
        "Name the package's folder in the build backend's settings. If a package of requirements alone is meant, leave "
        "it out and write them in `requirements`."
    )


class CheckoutIncomplete(StepError):
    """The checkout lacks files: a submodule's folder is empty, or a pointer of Git LFS stands for a file."""

    status = 120
    title = "checkout isn't complete"
    cause = "CI hosts check out neither submodules nor the files of Git LFS unless they are asked to."
    fix = (
        "Check out with submodules: recursive and lfs: true (actions/checkout, or the step checkout: self of Azure "
        "Pipelines)."
    )


class CheckoutChanged(StepError):
    """Tracked files differ from the commit of the pushed tag, so the release would not be what was tagged."""

    status = 121
    title = "checkout is changed"
    cause = "An earlier step of the job changed the files, such as a formatter, or a tool that writes its lock file."
    fix = "Put the files back before this step (git checkout -- FILE), or stop the earlier step from changing them."


class SecretForBuild(StepError):
    """`build-env` names a variable that holds a secret, or that belongs to the host."""

    status = 94
    title = "secret for the build"
    cause = "The build runs the code of the project and of its build requirements, which could send a secret anywhere."
    fix = "Take the variable out of `build-env`; do what needs it in an earlier step."


class VersionWithheld(StepError):
    """The project's version depends on a variable that the build doesn't get."""

    status = 95
    title = "version's variable withheld"
    cause = "The build runs the project's code, so it gets no variable that nobody named: any could hold a secret."
    fix = "Name the variable in `build-env`."


class PackagesInCircle(StepError):
    """With `environment-per-package`: packages need each other, so none of them can be released before the others."""

    status = 200
    title = "packages in a circle"
    cause = "One of the packages was split off from another one, and both still import each other."
    fix = (
        "Take one of these requirements out, or leave `environment-per-package` out: one environment may hold them all."
    )


class BuiltDifferently(StepError):
    """With `environment-per-package`: what is built from source for two environments has other bytes in each."""

    status = 201
    title = "builds differ"
    cause = "The build of the package isn't reproducible: it writes a time, a path or a random order into the wheel."
    fix = "Publish a wheel of the package to the feed first, and take it out of `from-source`."
