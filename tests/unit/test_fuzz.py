"""Texts of others, as no one writes them: each is read, or refused by an error of the catalogue, and shown harmless.

`scripts/test fuzz` tries each of these, and every other test that is given texts, with thousands in place of a few.
"""

import contextlib
import html
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.declared import files
from amlwheel.declared.surroundings import Surroundings
from amlwheel.errors.base import StepError
from amlwheel.errors.inputs import BadInput
from amlwheel.feed import index
from amlwheel.inputs import reading
from amlwheel.model import bounded_yaml
from amlwheel.model.azure import Container, Workspace
from amlwheel.model.environment import Python
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.repository import Repository
from amlwheel.report import failure, markdown
from amlwheel.workspace.azureml import image_build
from hypothesis import given
from hypothesis import strategies as st

ALPHABET = "ab1._-+=<>!~,;:@#/\\\"'`|*&%$()[]{}?^ \t\r\n\x00\x1b\u0085\u2028\u202e\ud800é"
PIECES = """-r -c -e --hash=sha256: --index-url --extra-index-url --find-links numpy>=1 ==1.0 ; python_version git+https://
 https:// file:// .[extra] .:group @ name: channels: dependencies: pip: - &a *a <a href= </a> #sha256= data-yanked
 ::error:: ##vso[ ##[ ``` <script> <!-- ](http://x) | ERROR: Step 3/7 : RUN HTTP 404""".split()
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(ALPHABET, max_size=12), st.text(max_size=4))).map("".join)


@given(TEXT)
def test_a_cell_stays_a_cell(text: str) -> None:
    code = re.compile(r"`([^`&]+)`|<code>([^`<]+)</code>")
    cell = code.sub(lambda found: f"&#96;{found[1] or found[2]}&#96;", markdown.cell(text))
    assert not set(cell) & set("\n|<>`[\"'")
    assert html.unescape(cell) == text.replace("\n", " ")


@given(TEXT)
def test_a_page_of_a_failure_has_no_line_and_no_tag_of_its_texts(text: str) -> None:
    plain = failure.page(failure.problems(BadInput("x", details="y")), failure.Progress(), str)
    page = failure.page(
        failure.problems(BadInput(text, cause=text, fix=text, details=text)),
        failure.Progress(),
        lambda said: re.sub(r"[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\ufffd", said),
    )
    assert set(re.findall(r"</?\w+>", page)) <= {*re.findall(r"</?\w+>", plain), "<br>", "<code>", "</code>"}
    outside = re.sub(r"<pre>\n[^<]*\n</pre>", "", page)
    assert outside.count("[") == 1, "the link to the code"


@given(TEXT)
def test_yaml_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(bounded_yaml.ERROR, ValueError):
        bounded_yaml.load(text)


@given(TEXT)
def test_requirements_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(StepError):
        reading.check_text({"requirements": text})
        files.read(text, (), Surroundings(Path("/nowhere"), (".",), Python("3.11.13")))


@given(TEXT)
def test_a_page_of_an_index_is_read_and_its_links_are_addresses(text: str) -> None:
    response: Any = SimpleNamespace(text=text, url="https://pkgs.example/simple/a/")
    with contextlib.suppress(StepError):
        for url in index.read(response).urls.values():
            assert isinstance(url, str)


@pytest.mark.parametrize("read", [parse_feed, Workspace.parse, Container.parse, Repository.parse])
@given(text=TEXT)
def test_a_spelling_is_read_or_refused(read: Any, text: str) -> None:  # noqa: ANN401  # four kinds
    with contextlib.suppress(StepError):
        reading.check_text({"feed": text})
        read(text)


@given(st.lists(TEXT))
def test_the_log_of_an_image_build_is_looked_through(lines: list[str]) -> None:
    assert isinstance(image_build.telling(lines), str)
