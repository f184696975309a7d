"""The logical lines of a requirements file, by pip's rules (pip, `_internal/req/req_file.py`)."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors.declared import NotTaken

_COMMENT = re.compile(r"(^|\s+)#.*$")
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Line:
    """A logical line and where it stands: its file (None: the input itself), first line number, and that file's folder.

    `constraint` is true for a line that came by `-c`.
    """

    text: str
    file: Path | None
    number: int
    folder: Path
    constraint: bool = False

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.file.as_posix()}:{self.number}" if self.file else f"line {self.number} of `requirements`"

    @property
    def shown(self) -> str:
        """Its text without what could be a credential: user information and query of addresses."""
        return masked(self.text)[:200]


def masked(text: str) -> str:
    """Return `text` without user information and queries in addresses."""
    return re.sub(r"(//[^\s?#]*)\?[^\s#]*", r"\1?***", re.sub(r"//[^/\s]*@", "//***@", text))


def decode(data: bytes, name: str) -> str:
    """Return the text of a file: by its byte order mark, a `coding:` in its first two lines, else UTF-8 (pip's rule).

    Raises NotTaken for a file in another encoding.
    """
    marked = next(((mark, encoding) for mark, encoding in _MARKS if data.startswith(mark)), None)
    mark, encoding = marked or (b"", _coding(data))
    try:
        text = data[len(mark) if encoding == "utf-8" else 0 :].decode(encoding)  # the others need their mark
    except (ValueError, LookupError):
        text = "\0"
    if re.search("[\0\ud800-\udfff]", text):  # there are codecs that yield these
        raise NotTaken(
            f"`requirements` {name!r} isn't a text file in UTF-8.",
            cause="The file has another encoding and doesn't say which.",
            fix="Save the file of `requirements` in UTF-8.",
        )
    return text


def _coding(data: bytes) -> str:
    """Return the encoding that a comment in the first two lines names (PEP 263), else UTF-8."""
    head = (line for line in data.split(b"\n")[:2] if line.startswith(b"#"))
    named = next(filter(None, map(_CODING.search, head)), None)
    return named[1].decode("ascii") if named else "utf-8"


def lines(text: str, file: Path | None, folder: Path, *, constraint: bool = False) -> Iterator[Line]:
    """Yield the logical lines of `text`: joined where they end in a backslash, without comments, none empty."""
    for number, joined in _joined(text.splitlines()):
        plain = _COMMENT.sub("", joined).strip()
        if plain:
            yield Line(plain, file, number, folder, constraint)


def _joined(given: list[str]) -> Iterator[tuple[int, str]]:
    """Yield each joined line with the number of its first one. A comment ends a joined line."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(given, 1):
        comment = bool(_COMMENT.match(line))
        first = first if parts else number
        if line.endswith("\\") and not comment:
            parts.append(line.rstrip("\\"))
        else:
            yield first, "".join([*parts, f" {line}" if comment else line])
            parts = []
    if parts:
        yield first, "".join(parts)


def variables(text: str) -> list[str]:
    """Return the environment variables that a line names, as pip writes them: `${NAME}`."""
    return re.findall(r"\$\{([A-Z0-9_]+)\}", text)
