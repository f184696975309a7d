"""Secrets in texts: every known form of them, and pieces of one that was wrapped or cut."""

import re
from collections.abc import Iterable
from itertools import groupby

PIECE = 12  # characters of a long secret that are hidden wherever they stand
LONG = 24  # characters; of a shorter secret a piece could be an ordinary word
_RUN = re.compile(rf"[^\s\"'<>]{{{PIECE},}}")


class Hiding:
    """What shall be hidden. It only grows."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.forms: list[str] = []
        self._pieces: frozenset[str] = frozenset()

    def add(self, forms: Iterable[str]) -> None:
        """Hide these forms of a secret as well."""
        new = {*forms} - {*self.forms}
        long = (each for each in new if len(each) >= LONG)
        self._pieces |= {each[at : at + PIECE] for each in long for at in range(len(each) - PIECE + 1)}
        self.forms = sorted({*self.forms, *new}, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """Return `text` with three stars in the place of each form, and of each piece."""
        for form in self.forms:
            text = text.replace(form, "***")
        return _RUN.sub(lambda run: self._without_pieces(run[0]), text) if self._pieces else text

    def _without_pieces(self, run: str) -> str:
        starts = [at for at in range(len(run) - PIECE + 1) if run[at : at + PIECE] in self._pieces]
        covered = {at for start in starts for at in range(start, start + PIECE)}
        parts = groupby(enumerate(run), lambda each: each[0] in covered)
        return "".join("***" if hide else "".join(each for _, each in some) for hide, some in parts) if starts else run
