"""The builder's own files: what answers can be, each in words of its own that quote nothing."""

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from amlwheel.errors.base import StepError, TooSlow
from amlwheel.errors.workspace import AzureRefused
from amlwheel.model.recipe import Recipe
from amlwheel.model.secret import Secret
from amlwheel.workspace.azureml import recipe
from amlwheel.workspace.azureml.recipe import CONDA, DOCKERFILE, LARGEST, MOST_FILES, Untold
from unit.parts import CANARY, WORKSPACE, defined, make

YAML = f"dependencies: [pip: ['--index-url https://{CANARY}@x.example/']]\n"
BROKEN = "is no zip archive of files that can be read"


def packed(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(content.getvalue()).decode()


def damaged(old: bytes, new: bytes) -> str:
    """Return an archive whose bytes were changed."""
    content = base64.b64decode(packed({CONDA: YAML}, zipfile.ZIP_STORED))
    assert old in content
    return base64.b64encode(content.replace(old, new)).decode()


@pytest.mark.parametrize("folder", ["", "azureml-environment-setup/"])
def test_the_files_are_found_by_name(folder: str) -> None:
    found = recipe.read(Secret(packed({f"{folder}{CONDA}": YAML, f"{folder}{DOCKERFILE}": "FROM x", "more.sh": "#"})))
    assert found.dockerfile == "FROM x"
    assert found.spec == {"dependencies": [{"pip": [f"--index-url https://{CANARY}@x.example/"]}]}
    assert recipe.read(Secret(packed({CONDA: ""}))) == Recipe("", None)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (f"<html>{CANARY}</html>", BROKEN),
        (base64.b64encode(CANARY.encode()).decode(), BROKEN),
        (packed({CONDA: f"{CANARY}: ["}), BROKEN),
        (packed({CONDA: "[" * 400}), BROKEN),
        (packed({CONDA: "when: 2026-02-31"}), BROKEN),
        (packed({CONDA: b"\xff\xfe\xfa"}), BROKEN),
        (damaged(CANARY[:4].encode(), b"oops"), BROKEN),  # its checksum is another one
        (damaged(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"), BROKEN),  # encrypted
        (damaged(b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x63\0"), BROKEN),  # an unknown method
        (packed({}), f"has no {CONDA}"),
        (
            packed({DOCKERFILE: "FROM x", f"../{CONDA}": YAML, f"/{CONDA}": YAML, f"..\\{CONDA}": YAML}),
            f"has no {CONDA}",
        ),
        (packed({CONDA: YAML, f"a/{CONDA}": YAML}), f"has 2 files, 2 of them called {CONDA}"),
        (packed({CONDA: YAML, **{f"{number}": "" for number in range(MOST_FILES)}}), "has 1001 files"),
        (packed({CONDA: " " * (LARGEST + 1)}), f"{CONDA} in the answer is larger than 4 MB"),
    ],
)
def test_what_is_no_recipe_is_told_without_a_word_of_it(answer: str, told: str) -> None:
    with pytest.raises(Untold, match=told) as caught:
        recipe.read(Secret(answer))
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


class Asked:
    """azureml-core, which answers or fails."""

    def __init__(self, answer: str | StepError) -> None:
        """Answer so."""
        self.answer = answer

    def ask(self, call: str, *_: object) -> Any:  # noqa: ANN401  # as Worker
        assert call == "recipe"
        if isinstance(self.answer, StepError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (AzureRefused("A service answered 404 to azureml-core.", details=CANARY), "answered 404"),
        (TooSlow("azureml-core gave no answer within 120 seconds."), "no answer within"),
        ("", "The answer has no files."),
    ],
)
def test_a_service_that_does_not_answer_stops_nothing(tmp_path: Any, answer: str | StepError, told: str) -> None:  # noqa: ANN401
    environment = defined(make(tmp_path))
    with pytest.raises(Untold, match=told) as caught:
        recipe.ask(Asked(answer), WORKSPACE, environment)  # type: ignore[arg-type]  # a fake
    assert CANARY not in str(caught.value)
    assert recipe.ask(Asked(packed({CONDA: YAML})), WORKSPACE, environment).spec  # type: ignore[arg-type]
