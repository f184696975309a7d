"""How long each reader gets texts."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the time, and where found texts are kept."""
    group = parser.getgroup("guided")
    group.addoption("--seconds", type=int, default=0, help="of texts for each reader; else each gets 200")
    group.addoption("--keep", help="a folder in which each reader's texts that reached new code are kept, and go on")
