"""A doubt about `feed`: `ml/wheels` was read as ORG/FEED, and may have been meant as PROJECT/FEED."""

from ..errors.base import Several, StepError
from ..errors.feed import FeedNotFound, NotAMember, Redirected, SignInPage, TokenRefused
from ..model.feed import Feed

_REFUSALS = (FeedNotFound, NotAMember, Redirected, SignInPage, TokenRefused)


def tell(error: StepError, feed: Feed | None, collection: str) -> None:
    """Let `error` say that an organisation may be missing in `feed`, if it may.

    `collection` is the organisation of the pipeline, where one is known: then the fix can name it.
    """
    if not feed or not feed.short or not feed.organisation or feed.organisation.lower() == collection.lower():
        return
    for each in error.errors if isinstance(error, Several) else (error,):
        if isinstance(each, _REFUSALS):
            _say(each, feed, collection)


def _say(error: StepError, feed: Feed, collection: str) -> None:
    name = feed.organisation
    error.what += f" `{name}` was read as the organisation."
    meant = f"Write `feed` as {collection or 'ORG'}/{feed.label}"
    if collection:
        error.cause = f"{name} is a project of organisation {collection}, in which this pipeline runs."
        error.fix = f"{meant}."
    elif isinstance(error, FeedNotFound):
        error.cause = f"There is no organisation {name}, or it has no such feed: perhaps {name} is a project."
        error.fix = f"{meant}, with the organisation's name in front."
    else:
        error.fix = f"{meant}, if {name} is a project. Otherwise: {error.fix}"
