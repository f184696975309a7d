"""What Azure's libraries have in common: their failures on the way."""

import contextlib
from collections.abc import Iterator

from azure.core import exceptions

from ..errors.base import NoNetwork, TooSlow


@contextlib.contextmanager
def network(host: str, answer: float) -> Iterator[None]:
    """Turn azure-core's failures on the way to `host` into NoNetwork and TooSlow; `answer` is its limit in seconds.

    The originals aren't chained: they carry the request with its token.
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
