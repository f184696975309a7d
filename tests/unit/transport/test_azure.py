"""Retries of the libraries of Azure."""

from types import SimpleNamespace

import pytest
from amlwheel.transport.azure import Retries
from azure.core import exceptions


def test_who_hangs_is_asked_a_second_time_and_no_third() -> None:
    request = SimpleNamespace(http_request=SimpleNamespace(method="PUT", body=None, files=None))
    retries = Retries()
    settings = retries.configure_retries({})
    hung = exceptions.ServiceResponseTimeoutError("no answer")
    assert [retries.increment(settings, request, hung) for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("asked", "seconds", "again"), [("7", 7.0, True), ("3600", 3600.0, False), (None, None, True), ("soon", None, True)]
)
def test_azure_may_ask_for_a_pause_but_not_for_an_hour(asked: str | None, seconds: float | None, again: object) -> None:
    headers = {"Retry-After": asked} if asked else {}
    given = SimpleNamespace(headers=headers, status_code=429)
    answer = SimpleNamespace(http_request=SimpleNamespace(body=None, files=None), http_response=given)
    retries = Retries()
    settings = {**retries.configure_retries({}), "read": 4, "status": 4}
    assert retries.get_retry_after(answer) == seconds
    assert retries.increment(settings, answer) is again
    assert settings["total"] == (3 if again else 4)
