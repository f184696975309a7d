"""The forms in which the image builder may send the token that a workspace stores; each of them has to be accepted."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..errors.base import StepError
from ..errors.feed import FeedForbidden, FeedNotFound, Redirected, SignInPage, TokenRefused, UserNeeded
from ..plan import observe
from .index import Index

Answer = TypeVar("Answer")

_REFUSALS = (TokenRefused, FeedForbidden, FeedNotFound, Redirected, SignInPage)
_AS_USER, _AS_PASSWORD = "as the user, without a password", "as the password of a user"
_EARLIER = (
    "Without a user the workspace stores a personal access token, which Azure ML's image builder wrote into "
    "the address behind a user's name before. This step reads with it so, too."
)
_ANY_NAME = (
    "Set `connection-user` to any name: the workspace stores it beside the token, and images are built with both."
)


def of(reader: Index) -> tuple[Index, ...]:
    """Return the index as the builder may ask it; the likelier form first.

    A user name is stored with the token, and sent with it. Without one the workspace stores a personal access token. A
    build log of 2022 shows it as the user, without a password (azure-docs#87920); before, it was some user's password.
    """
    return (reader,) if reader.token.user else (replace(reader, token=reader.token.as_user()), reader)


def ask(reader: Index, question: Callable[[Index], Answer]) -> Answer:
    """Put a question in each form, at the same time; return the answer if all get one.

    Raises the question's error, and UserNeeded if one form alone is refused.
    """
    with observe.observing() as observer:
        asked = [observer.ask(partial(_outcome, question, form)) for form in of(reader)]
    outcomes = observe.results(asked)
    errors = [each for each in outcomes if isinstance(each, StepError)]
    if len(errors) == len(outcomes):
        raise _all_refused(reader, errors[-1])
    if errors:
        raise _one_refused(reader, errors[0], as_user=errors[0] is outcomes[0])
    answer: Answer = outcomes[-1]
    return answer


def _outcome(question: Callable[[Index], Answer], index: Index) -> Answer | StepError:
    try:
        return question(index)
    except StepError as error:
        return error


def _all_refused(reader: Index, error: StepError) -> StepError:
    """Return the usual form's error. Azure Artifacts takes either form (pip#11495): nothing is said of them there."""
    if not (reader.token.user or reader.feed.is_artifacts) and isinstance(error, _REFUSALS):
        error.what += f" So it did with the token {_AS_USER}."
    return error


def _one_refused(reader: Index, error: StepError, *, as_user: bool) -> StepError:
    """Return the error for a token that one form alone gets nowhere; `error` is what this form got."""
    refused, taken = (_AS_USER, _AS_PASSWORD) if as_user else (_AS_PASSWORD, _AS_USER)
    if not isinstance(error, _REFUSALS):
        error.what += f" That was the answer to the token {refused}."
        return error
    return UserNeeded(
        f"{reader.feed.host} refuses `{reader.token_input}` {refused}, and takes it {taken}.",
        cause="" if as_user else _EARLIER,
        fix=_ANY_NAME if reader.feed.is_artifacts else "",
        details=error.details,
    )
