"""`verify: recipe`: the files from which a workspace would build an image, without a build.

They hold the workspace's credentials, so they are a secret: they are read in memory, and no error quotes them.
"""

import base64
import io
import re
import zipfile
import zlib

from ...errors.base import StepError
from ...model import bounded_yaml
from ...model.azure import Workspace
from ...model.environment import Environment
from ...model.recipe import Recipe
from ...model.secret import Secret
from .process import Worker
from .sdk import named

LARGEST = 2**22  # bytes of a file, unpacked: a spec of a thousand packages with all hashes has a tenth of it
MOST_FILES = 1000
CONDA, DOCKERFILE = "mutated_conda_dependencies.yml", "Dockerfile"
# What zipfile (also for an encrypted file, or a method that this Python lacks), base64, decoding and YAML raise.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, AttributeError)


class Untold(Exception):  # noqa: N818  # no error: the run goes on without it
    """The workspace doesn't tell how it would build the image; the text says why, in words of our own."""


def ask(worker: Worker, workspace: Workspace, environment: Environment) -> Recipe:
    """Return the builder's own files for a registered environment; raise Untold.

    azureml-core's `Environment.build_local` asks the same before it builds. That the service answers is no promise.
    """
    try:
        answer = worker.ask("recipe", workspace, named(environment))
    except StepError as error:
        raise Untold(error.what) from None
    if not answer:
        raise Untold("The answer has no files.")
    return read(Secret(answer))


def read(packed: Secret) -> Recipe:
    """Return what is in a zip archive (base64); raise Untold. Nothing is unpacked that is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(packed.reveal(), validate=True))) as archive:
            dockerfile, conda = (_text(archive, name) for name in (DOCKERFILE, CONDA))
        spec = bounded_yaml.load(conda or "")
    except (*_UNREADABLE, bounded_yaml.ERROR):  # RecursionError is a RuntimeError
        raise Untold("The answer is no zip archive of files that can be read.") from None
    if conda is None:
        raise Untold(f"The answer has no {CONDA}.")
    return Recipe(dockerfile or "", spec)


def _text(archive: zipfile.ZipFile, name: str) -> str | None:
    """Return the text of the one file of that name, in whatever folder; None without one."""
    files = archive.infolist()
    found = [each for each in files if re.fullmatch(rf"(?:[\w-]+/)*{re.escape(name)}", each.filename)]
    if len(found) > 1 or len(files) > MOST_FILES:
        raise Untold(f"The answer has {len(files)} files, {len(found)} of them called {name}.")
    if not found:
        return None
    with archive.open(found[0]) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Untold(f"{name} in the answer is larger than {LARGEST // 2**20} MB.")
    return content.decode()
