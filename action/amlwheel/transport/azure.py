"""What all libraries of Azure have in common: retries, and the failures of the network."""

import contextlib
from collections.abc import Iterator
from typing import Any

from azure.core import exceptions
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest, HttpResponse

from ..errors.base import NoNetwork, TooSlow
from . import http


class Retries(policies.RetryPolicy[HttpRequest, HttpResponse]):
    """The library's retries, four of them; a server's Retry-After is obeyed up to LONGEST_PAUSE.

    The library's own are ten, in which a sign-in that is down holds a run for ten minutes, and an hour is waited for.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # the library's own
        """Take the library's options."""
        super().__init__(**{"retry_total": 4, "retry_read": 1, **options})

    def get_retry_after(self, response: Any) -> float | None:  # noqa: ANN401  # the library's own type is internal
        """Return the seconds that the server asks for; None when its value is invalid."""
        try:
            return super().get_retry_after(response)
        except ValueError:
            return None

    def increment(self, settings: dict[str, Any], response: Any = None, error: Any = None) -> bool:  # noqa: ANN401
        """Tell whether to ask again: not a server that wants more than LONGEST_PAUSE.

        With an `error` the library hands over the request in place of a response.
        """
        if response and not error and (self.get_retry_after(response) or 0) > http.LONGEST_PAUSE:
            return False
        return super().increment(settings, response, error)


ENTRA: dict[str, Any] = {
    "connection_timeout": http.CONNECT,
    "read_timeout": http.READ,
    "retry_policy_class": Retries,
}
"""For azure-identity, whose own limits are 300 seconds."""


@contextlib.contextmanager
def network(host: str, answer: float) -> Iterator[None]:
    """Turn azure-core's network failures into NoNetwork and TooSlow.

    `host` is the host that is called, `answer` the time limit in seconds for its response. The original errors aren't
    chained, because they hold the request with its token.
    """
    try:
        yield
    except exceptions.ServiceResponseTimeoutError:
        raise TooSlow(f"{host} gave no answer within {answer:.0f} seconds.") from None
    except (
        exceptions.ServiceRequestError,
        exceptions.ServiceResponseError,
        exceptions.IncompleteReadError,
    ) as error:
        raise NoNetwork(host, type(error.inner_exception or error).__name__) from None
