"""`package-indexes` and `torch-backend`: read, and never in contradiction."""

import pytest
from amlwheel.errors.base import StepError
from amlwheel.errors.inputs import BadInput
from amlwheel.errors.origins import TwoIndexes
from amlwheel.inputs import readers
from amlwheel.inputs.reading import read
from amlwheel.model.package_index import PackageIndex
from unit.inputs.test_rules import FULL

CPU = "https://download.pytorch.org/whl/cpu"


def test_lines_are_read_and_names_normalised() -> None:
    text = f"{CPU} torch, Torch_Vision\nhttps://i.example/simple acme.x\n{CPU} torchaudio\n"
    assert readers.package_indexes(text) == (
        PackageIndex(CPU, frozenset(["torch", "torch-vision", "torchaudio"])),
        PackageIndex("https://i.example/simple", frozenset(["acme-x"])),
    )
    assert readers.package_indexes("") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://me:fake-hidden@i.example/simple x", "has a user name"),
        ("torch https://i.example", "isn't the https address"),
        (CPU, "names no package"),
        (f"{CPU} torch==2.5", "'torch==2.5', which is no package's name"),
        (f"{CPU} torch\nhttps://i.example torch", "torch is named for two indexes"),
    ],
)
def test_a_line_that_is_none(text: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        readers.package_indexes(text)
    assert told in caught.value.what
    assert "fake-hidden" not in caught.value.what + caught.value.fix


def test_a_backend_is_pytorchs_own_index() -> None:
    found = readers.torch_backend("rocm6.2.4")
    assert found
    assert found.url.endswith("/whl/rocm6.2.4")
    assert readers.torch_backend("") is None
    for text in ("auto", "cuda", "cu12.6"):
        with pytest.raises(BadInput, match="isn't a backend of PyTorch"):
            readers.torch_backend(text)


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ({"torch-backend": "cpu", "package-indexes": "https://i.example torch"}, "Leave torch out of"),
        ({"torch-backend": "cpu", "index": "only"}, "or leave `torch-backend` out."),
        ({"package-indexes": f"{CPU} torch", "index": "only"}, "or leave `package-indexes` out."),
    ],
)
def test_contradictions(given: dict[str, str], fix: str) -> None:
    with pytest.raises(StepError) as caught:
        read({**FULL, **given})
    assert isinstance(caught.value, TwoIndexes)
    assert fix in caught.value.fix


def test_what_agrees() -> None:
    inputs = read({**FULL, "torch-backend": "cpu", "package-indexes": f"{CPU}/ torch\nhttps://i.example acme-x"})
    assert len(inputs.named_indexes) == 3
    assert read({**FULL, "index": "only"}).named_indexes == ()
