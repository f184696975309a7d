"""What Azure's libraries have in common: their failures on the way, and signatures that must not be shown."""

import contextlib
import re
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
        message = f"{host} gave no answer within {answer:.0f} seconds."
        raise TooSlow(message) from None
    except (
        exceptions.ServiceRequestError,
        exceptions.ServiceResponseError,
        exceptions.IncompleteReadError,
    ) as error:
        raise NoNetwork(host, type(error.inner_exception or error).__name__) from None


# Whoever knows a signed address of Azure's storage may use it. JSON and addresses in addresses spell it in other ways;
# `pysig==1.0` is a requirement.
_SIGNATURE = re.compile(r"(sig(?:=(?!=)|%3D|\\u003d))[^&\s\"'\\<>]+", re.IGNORECASE)


def unsigned(text: str) -> str:
    """Return `text` with the signatures of signed addresses blanked out."""
    return _SIGNATURE.sub(r"\1***", text)
