"""Names of variables that hold secrets."""

import pytest
from amlwheel.model import variable


@pytest.mark.parametrize(
    "name",
    "FEED_TOKEN github_token DB_PASSWORD PASSWD MY_PWD AWS_SECRET_ACCESS_KEY DEPLOY_KEY BUILD_PAT PAT BLOB_SAS "
    "HTTP_AUTH STORAGE_CONNECTION_STRING AZURE_CLIENT_ID ACTIONS_CACHE_URL ENDPOINT_URL_X GITHUB_ENV "
    "SYSTEM_ACCESSTOKEN".split(),
)
def test_a_secrets_name_is_known(name: str) -> None:
    assert variable.secretive(name)


@pytest.mark.parametrize(
    "name",
    "PATH PATTERN BUILD_AUTHOR CI GITHUB_SHA PACKAGE_VERSION KEYBOARD SASS_PATH BUILD_SOURCEVERSIONAUTHOR".split(),
)
def test_another_name_is_none(name: str) -> None:
    assert not variable.secretive(name)
