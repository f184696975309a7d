"""With what the registry of the base image is asked."""

from amlwheel.inputs.reading import read
from amlwheel.model.secret import Secret
from amlwheel.sign_in.credential import ARM_SCOPE, Credential
from amlwheel.step.access import image_login
from azure.core.credentials import AccessToken
from unit.inputs.test_inputs import LEAST


class Source:
    """Entra, which notes what it is asked for."""

    def __init__(self) -> None:
        """Begin with no question."""
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.asked += scopes
        return AccessToken("fake-entra", 2**40)


def test_entra_is_asked_only_by_a_registry_that_takes_its_token() -> None:
    source = Source()
    given = {**LEAST, "base-image-user": "puller", "base-image-token": "fake-token"}
    login = image_login(read(given), Credential(source, "test", lambda _: None), lambda _: None)
    assert (login.given, login.given.user, source.asked) == (Secret("fake-token"), "puller", [])
    assert (login.entra().reveal(), source.asked) == ("fake-entra", [ARM_SCOPE])
