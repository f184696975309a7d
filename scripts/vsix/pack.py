"""Stage the extension's files and pack them. The same files give the same bytes."""

import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import zipfile

from vsix import check, node

LARGEST = 5 * 1024 * 1024  # bytes; ours has some 100 kB
SHIPPED = re.compile(r"bootstrap\.py|launch\.js|amlwheel/(\w+/)*\w+\.py|locks/\w+\.txt")
LEFT_OUT = re.compile(r"(.*/)?__pycache__/.*|locks/\w+\.in|consume/action\.yml")  # the last is GitHub's alone
# What each kind of file is (OPC, [Content_Types].xml). tfx orders them as the disk lists the files, and where it
# doesn't know a suffix it lets the machine's `file` guess, which takes some Python for C++.
KINDS = {
    "js": "application/javascript",
    "json": "application/json",
    "md": "text/markdown",
    "png": "image/png",
    "py": "text/plain",
    "txt": "text/plain",
    "vsixmanifest": "text/xml",
    "vsomanifest": "application/json",
}
TYPES = "[Content_Types].xml"
DATE = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip archive can say


class PackingError(Exception):
    """What stands in the way, one line each."""


def pack(root: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Check, stage and pack the extension into `folder`; return the .vsix. Raises PackingError."""
    found = check.problems(root)
    if found:
        raise PackingError("\n".join(found))
    with tempfile.TemporaryDirectory() as scratch:
        stage, packed = pathlib.Path(scratch, "stage"), pathlib.Path(scratch, "packed.vsix")
        staged(root, stage)
        run_tfx(stage, packed)
        compare(stage, packed)
        target = folder / f"{name(stage)}.vsix"
        folder.mkdir(parents=True, exist_ok=True)
        rewrite(packed, target)
    if target.stat().st_size > LARGEST:
        size = target.stat().st_size
        target.unlink()
        raise PackingError(f"{target.name} would have {size} bytes; {LARGEST} are allowed")
    return target


def staged(root: pathlib.Path, stage: pathlib.Path) -> None:
    """Put all files where the extension has them. A file that nobody foresaw is a PackingError, not a surprise."""
    task = stage / "AmlWheel"
    copies = {root / "azure-pipelines-task.json": task / "task.json", root / "LICENSE": stage / "LICENSE"}
    copies[root / "extension/task-icon.png"] = task / "icon.png"
    for each in ("vss-extension.json", "overview.md", "privacy.md", "icon.png"):
        copies[root / "extension" / each] = stage / each
    for path in (root / "extension").glob("screenshots/*.png"):
        copies[path] = stage / "screenshots" / path.name
    for path in sorted((root / "action").rglob("*")):
        inside = path.relative_to(root / "action").as_posix()
        if path.is_dir() or LEFT_OUT.fullmatch(inside):
            continue
        if not SHIPPED.fullmatch(inside):
            raise PackingError(f"action/{inside}: is it to be shipped? vsix.pack doesn't know it")
        copies[path] = task / "action" / inside
    for source, target in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run_tfx(stage: pathlib.Path, packed: pathlib.Path) -> None:
    """Run tfx; what it warns of is an error here, since it packs a broken task with status 0."""
    words = ["extension", "create", "--root", str(stage), "--manifests", "vss-extension.json"]
    words += ["--output-path", str(packed), "--no-prompt", "--no-color"]
    command = [*node.tfx(), *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    said = done.stdout + done.stderr
    if done.returncode or "warning:" in said.lower() or not packed.exists():
        raise PackingError(f"tfx (status {done.returncode}) says:\n{said.strip()}")


def compare(stage: pathlib.Path, packed: pathlib.Path) -> None:
    """Raise PackingError unless the archive holds every staged file of the task, and no other."""
    with zipfile.ZipFile(packed) as archive:
        names = [each for each in archive.namelist() if each.startswith("AmlWheel/") and not each.endswith("/")]
        held = {each: archive.read(each) for each in names}
    files = (path for path in (stage / "AmlWheel").rglob("*") if path.is_file())
    wanted = {path.relative_to(stage).as_posix(): path.read_bytes() for path in files}
    if held != wanted:
        differing = sorted(each for each in held.keys() | wanted.keys() if held.get(each) != wanted.get(each))
        raise PackingError(f"packed otherwise than staged: {', '.join(differing)}")


def name(stage: pathlib.Path) -> str:
    """Return what tfx would call the archive: publisher.id-version."""
    text = (stage / "vss-extension.json").read_text("utf-8")
    publisher, identity, version = (re.search(rf'"{key}": "([^"]+)"', text) for key in ("publisher", "id", "version"))
    return f"{publisher and publisher[1]}.{identity and identity[1]}-{version and version[1]}"


def rewrite(packed: pathlib.Path, target: pathlib.Path) -> None:
    """Write the archive again: sorted, without folders, its table of types settled, one date instead of the time."""
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(each for each in source.namelist() if not each.endswith("/")):
            entry = zipfile.ZipInfo(each, DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, types(source.namelist()) if each == TYPES else source.read(each))


def types(names: list[str]) -> str:
    """Return the archive's table of types. A file of another kind than those foreseen is a PackingError."""
    known = [f'  <Default Extension=".{suffix}" ContentType="{kind}"/>' for suffix, kind in KINDS.items()]
    for each in names:
        if each not in ("LICENSE", TYPES) and not each.endswith(("/", *(f".{suffix}" for suffix in KINDS))):
            raise PackingError(f"{each}: vsix.pack knows no type for it")
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    licence = '  <Override ContentType="text/plain" PartName="/LICENSE"/>'
    head = f'<?xml version="1.0" encoding="utf-8"?>\n<Types xmlns="{space}">'
    return "\n".join([head, *known, licence, "</Types>"])


def listing(archive: pathlib.Path) -> list[str]:
    """Return a line for each file in the archive, its sha256 first, and one for the archive itself."""
    with zipfile.ZipFile(archive) as held:
        lines = [f"{hashlib.sha256(held.read(each)).hexdigest()}  {each}" for each in held.namelist()]
    size = archive.stat().st_size
    return [*lines, f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name} ({size} bytes)"]
