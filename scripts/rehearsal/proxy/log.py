"""The request log: one JSON object a line for each request that reached a stand-in."""

import hashlib
import json
import pathlib
from collections.abc import Iterable
from typing import Any

LARGEST_BODY = 64 * 1024


class RequestLog:
    """Writes `requests.jsonl`, line by line. It holds the (fake) tokens that were sent: tests look for them."""

    def __init__(self, path: pathlib.Path) -> None:
        """Start an empty log."""
        self._file = path.open("w", encoding="utf-8")

    def write(self, **fields: Any) -> None:  # noqa: ANN401  # JSON
        """Write one line, at once."""
        self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """End the log."""
        self._file.close()


def body(content: bytes | None) -> str | dict[str, Any]:
    """Return a body as the log shows it: text, or size and digest when it is binary or large."""
    content = content or b""
    if len(content) <= LARGEST_BODY and b"\0" not in content:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def headers(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; repeated ones are joined by commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return the log's lines, without one that is just being written."""
    whole = path.read_text("utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]
