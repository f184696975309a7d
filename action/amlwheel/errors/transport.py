"""Errors of talking to servers, whoever they are."""

from .base import StepError


class BeyondBounds(StepError):
    """A server's answer is larger, or nested deeper, than any answer to what was asked."""

    status = 188
    title = "answer beyond all bounds"
    cause = "Another server answers in its place, such as a proxy, or it is broken."
    fix = (
        "Ask whoever runs the named host, or the proxy on the way to it; then run the step again: what is done is kept."
    )


class CredentialElsewhere(StepError):
    """A server's answer leads to another scheme, host or port, where the credential would have to be sent."""

    status = 189
    title = "credential wanted elsewhere"
    cause = "A proxy changes the addresses in answers, or something else answers in the server's place."
    fix = (
        "Let the runner reach the first of the two hosts without a proxy that changes answers, and run the step again."
    )
