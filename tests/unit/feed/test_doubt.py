"""`ml/wheels` is read as ORG/FEED; a refusal says so, since it may have been meant as PROJECT/FEED."""

import pytest
from amlwheel.errors.base import NoNetwork, Several, StepError
from amlwheel.errors.feed import FeedNotFound, TokenRefused
from amlwheel.feed import doubt
from amlwheel.model.feed_spelling import parse_feed

SHORT = parse_feed("ml/wheels")


@pytest.mark.parametrize("refusal", [TokenRefused, FeedNotFound])
def test_the_pipelines_organisation_is_proposed_literally(refusal: type[StepError]) -> None:
    error = refusal("The feed refused: 401.")
    doubt.tell(error, SHORT, "contoso")
    assert error.what == "The feed refused: 401. `ml` was read as the organisation."
    assert error.cause == "ml is a project of organisation contoso, in which this pipeline runs."
    assert error.fix == "Write `feed` as contoso/ml/wheels."


def test_without_a_known_organisation_the_fix_has_a_place_for_it() -> None:
    refused, unknown, other = TokenRefused("401."), FeedNotFound("404."), NoNetwork("host")
    doubt.tell(Several([refused, unknown, other]), SHORT, "")
    assert refused.fix == f"Write `feed` as ORG/ml/wheels, if ml is a project. Otherwise: {TokenRefused.fix}"
    assert refused.cause == TokenRefused.cause
    assert unknown.cause == "There is no organisation ml, or it has no such feed: perhaps ml is a project."
    assert unknown.fix == "Write `feed` as ORG/ml/wheels, with the organisation's name in front."
    assert "organisation" not in other.what


@pytest.mark.parametrize(
    ("feed", "collection"),
    [
        ("ml/wheels", "ML"),
        ("contoso/ml/wheels", "fabrikam"),
        ("https://pkgs.dev.azure.com/ml/_packaging/wheels/pypi/simple/", "fabrikam"),
        ("https://pypi.acme.example/simple/", "fabrikam"),
        ("", "fabrikam"),
    ],
)
def test_what_leaves_no_doubt(feed: str, collection: str) -> None:
    error = TokenRefused("401.")
    doubt.tell(error, parse_feed(feed) if feed else None, collection)
    assert (error.what, error.fix) == ("401.", TokenRefused.fix)
