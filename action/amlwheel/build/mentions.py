"""Which environment variables the files of a build read, and whether the version could depend on one.

Nothing is run: Python files are parsed, others searched for the ways in which their tools name a variable.
"""

import ast
import contextlib
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_FILES = 100
LARGEST = 200_000  # bytes
# Files that run in a build, or that builds take a version from; `*` keeps to the named folder.
_PATTERNS = (
    "setup.py",
    "pyproject.toml",
    "CMakeLists.txt",
    "build.rs",
    "*.py",
    "*/_version.py",
    "*/version.py",
    "*/__about__.py",
    "*/__version__.py",
    "*/__init__.py",
    "*/*/_version.py",
    "*/*/version.py",
    "*/*/__about__.py",
    "*/*/__version__.py",
    "*/*/__init__.py",
    "cmake/*.cmake",
    "scripts/*.py",
    "tools/*.py",
    "build_tools/*.py",
)
_READS = re.compile(r"environ|getenv|decouple")
# CMake, "ENV"; hatch, "Context formatting" and its version source `env`; Jinja in dunamai's tools; Rust.
_TEXT = (
    r"\$ENV{{{0}}}",
    r"{{env:{0}[:}}]",
    r"(?:env|environ)(?:\.get)?\s*[\[(]\s*['\"]{0}['\"]",
    r"^\s*variable\s*=\s*['\"]{0}['\"]",
    r"{{{{\s*env\.{0}\b",
    r"env(?:::var(?:_os)?)?!?\(\s*\"{0}\"",
)
# What a version is called where it is set: not cuda_version, which is another's.
_VERSION = re.compile(
    r"_*((get|read|find|make|compute|package|pkg|project|release|full|base|app|wheel|use_scm|scm)_?)?version"
    r"(_(scheme|suffix|string|str|number))?_*|local_scheme"
)
_ASSIGNED = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)


@dataclass(frozen=True)
class Mention:
    """A place where a file names a variable. `decides`: the version could depend on it."""

    name: str
    file: str
    line: int
    decides: bool


def find(folder: Path, names: Collection[str]) -> list[Mention]:
    """Return where the build files of the project in `folder` read one of the variables `names`: each name once.

    A place that decides the version comes before all others. Where pyproject.toml declares the version, none does.
    """
    dynamic = not _declared(folder)
    found: dict[str, Mention] = {}
    for path in _files(folder):
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = _in_python(text, names) if path.suffix == ".py" else _in_text(path, text, names)
        for name, line, decides in lines:
            mention = Mention(name, path.relative_to(folder).as_posix(), line, decides and dynamic)
            if name not in found or (mention.decides and not found[name].decides):
                found[name] = mention
    return [found[name] for name in sorted(found)]


def _files(folder: Path) -> Iterator[Path]:
    usual = (path for pattern in _PATTERNS for path in sorted(folder.glob(pattern)))
    paths = dict.fromkeys([*_named(folder), *usual])
    return islice((each for each in paths if each.is_file() and each.stat().st_size <= LARGEST), MOST_FILES)


def _named(folder: Path) -> Iterator[Path]:
    """Yield the Python files that the settings or setup.py name, by path or as a module (setuptools' `attr`)."""
    for settings in ("pyproject.toml", "setup.cfg", "setup.py"):
        path = folder / settings
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        modules = re.findall(r"\battr\s*[=:]\s*[\"']?(\w+(?:\.\w+)*)\.\w+", text)
        names = [*re.findall(r"\w[\w./-]*\.py\b", text), *(f"{each.replace('.', '/')}.py" for each in modules)]
        yield from (folder / root / name for name in names if ".." not in name for root in ("", "src"))


def _declared(folder: Path) -> bool:
    """Tell whether pyproject.toml has the version as a text, so that nothing else decides it."""
    # AttributeError: a value where a table should be; the build explains it better.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8-sig"))
        own, tool = settings.get("project", {}), settings.get("tool", {})
        computed = tool.get("poetry-dynamic-versioning", {}).get("enable")
        return bool(own.get("version") or tool.get("poetry", {}).get("version")) and not computed
    return False


def _in_text(path: Path, text: str, names: Collection[str]) -> Iterator[tuple[str, int, bool]]:
    for number, line in enumerate(text.splitlines(), 1):
        for name in set(re.findall(r"\w+", line)) & set(names):
            if any(re.search(pattern.format(name), line) for pattern in _TEXT):
                yield name, number, path.name == "pyproject.toml"


def _in_python(text: str, names: Collection[str]) -> Iterator[tuple[str, int, bool]]:
    """Yield each text that is a variable's name, in a file that reads the environment: a helper's argument counts."""
    if not _READS.search(text):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the build will tell
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            yield node.value, node.lineno, _decides(tree, node.value)


def _decides(tree: ast.Module, name: str) -> bool:
    """Tell whether the value of the variable `name` may reach a version.

    Whatever is assigned, passed, returned or chosen with the help of the value carries it on, until nothing new does.
    """
    flows = [flow for node in ast.walk(tree) for flow in _flows(node)]
    carriers: set[str] = set()
    while True:
        reached = {each for parts, targets in flows if _carry(parts, name, carriers) for each in targets}
        if reached <= carriers:
            return any(_VERSION.fullmatch(each.lower()) for each in carriers)
        carriers |= reached


def _carry(parts: Collection[ast.AST], name: str, carriers: Collection[str]) -> bool:
    return any(
        (isinstance(each, ast.Constant) and each.value == name)
        or (isinstance(each, ast.Name) and each.id in carriers)
        or (isinstance(each, ast.Attribute) and each.attr in carriers)
        for part in parts
        for each in ast.walk(part)
    )


def _flows(node: ast.AST) -> Iterator[tuple[list[ast.AST], set[str]]]:
    """Yield expressions, and the names that get their values or are chosen by them."""
    if isinstance(node, _ASSIGNED):
        yield ([node.value] if node.value else []), _assigned(node)
    elif isinstance(node, ast.keyword):
        yield [node.value], {node.arg or ""}
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield [value], {str(key.value)} if isinstance(key, ast.Constant) else set()
    elif isinstance(node, ast.If | ast.While):
        yield [node.test], _assigned_in(node)
    elif isinstance(node, ast.For):
        yield [node.iter], _names(node.target) | _assigned_in(node)
    elif isinstance(node, ast.Try):
        yield [*node.body], _assigned_in(*node.handlers, *node.orelse)
    elif isinstance(node, ast.FunctionDef):
        inside = list(ast.walk(node))
        results = [each.value for each in inside if isinstance(each, ast.Return) and each.value]
        yield [*results, *(each.test for each in inside if isinstance(each, ast.If))], {node.name}


def _assigned_in(*nodes: ast.AST) -> set[str]:
    parts = (part for node in nodes for part in ast.walk(node))
    return {name for part in parts if isinstance(part, _ASSIGNED) for name in _assigned(part)}


def _assigned(node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {name for target in targets for name in _names(target)}


def _names(target: ast.AST) -> set[str]:
    """Return what an assignment changes: variables, attributes, and keys that are texts."""
    found: set[str] = set()
    for part in ast.walk(target):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.Constant):
            found.add(str(part.value))
    return found
