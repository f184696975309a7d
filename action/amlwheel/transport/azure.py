"""The network failures that all libraries of Azure have in common."""

import contextlib
from collections.abc import Iterator

from azure.core import exceptions

from ..errors.base import NoNetwork, TooSlow


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
