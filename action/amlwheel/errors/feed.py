"""Errors of the feed: its answers, uploads, views and upstreams."""

from .base import StepError


class LocalVersion(StepError):
    """The version has a local part (`+…`). Azure Artifacts refuses such versions."""

    status = 25
    title = "local version"
    cause = "Version tools such as setuptools-scm add +gCOMMIT when the build isn't exactly on a tag."
    fix = "Build from a tag in a full, clean checkout (fetch-depth: 0), or give the project a plain version."


class FileTooLarge(StepError):
    """The wheel is larger than Azure Artifacts takes (500 MiB)."""

    status = 26
    title = "wheel too large"
    cause = "Data or model weights were packed into the wheel."
    fix = "Keep data out of the wheel: register it as a data asset or a model of the workspace."


class MetadataTooNew(StepError):
    """The wheel's Metadata-Version is newer than the feed or twine understands."""

    status = 27
    title = "metadata too new"
    cause = "The build backend writes a newer metadata version than the repository knows."
    fix = (
        "Let the backend write an older one; with hatchling: [tool.hatch.build.targets.wheel] "
        'core-metadata-version = "2.4"; with others: pin an older backend in build-system.requires.'
    )


class TokenRefused(StepError):
    """The feed answered 401: it doesn't accept the token."""

    status = 30
    title = "feed refused the token (401)"
    cause = "The token has expired, was revoked, is of another organisation, or lacks the Packaging scope."
    fix = "Make a new token for this organisation with scope Packaging, and store it under the same secret."


class UserNeeded(StepError):
    """The feed takes `connection-token` in one form alone, and without its user the builder may send it in another."""

    status = 168
    title = "token without its user"
    cause = (
        "The repository checks the user. Without one the workspace stores a personal access token, which Azure ML's "
        "image builder very likely writes into the address as the user, without a password."
    )
    fix = "Set `connection-user` to the user to whom `connection-token` belongs."


class SignInPage(StepError):
    """The feed answered with a sign-in page instead of data (203 or HTML): the token wasn't accepted."""

    status = 31
    title = "feed showed a sign-in page (203)"
    cause = "Azure DevOps answers 203 and a web page when it doesn't recognise the token at all."
    fix = "Check that the secret holds the token and nothing else, and that the token belongs to this organisation."


class Redirected(StepError):
    """The feed redirected to a sign-in page (302): the token wasn't accepted."""

    status = 32
    title = "feed redirected to sign-in (302)"
    cause = "The organisation redirects this kind of token to interactive sign-in, or the feed has a new address."
    fix = (
        "Check the organisation in `feed`, and that its policies allow this kind of token (PAT, or Entra for services)."
    )


class FeedForbidden(StepError):
    """The feed answered 403: it knows the token, but the identity may not do this."""

    status = 33
    title = "feed access forbidden (403)"
    cause = "The identity lacks the role. Build identities are Collaborators by default, and only Contributors publish."
    fix = (
        "In Artifacts > feed settings > Permissions make the publishing identity a Feed Publisher (Contributor), "
        "and the identity of `connection-token` at least a Feed Reader."
    )


class FeedNotFound(StepError):
    """The feed, its project or its organisation doesn't exist (404)."""

    status = 34
    title = "feed not found (404)"
    cause = "The name is misspelt, or the feed is project-scoped and the project is missing from `feed`."
    fix = "Copy the address from Artifacts > Connect to feed > pip into `feed`."


class VersionTaken(StepError):
    """The feed already holds this version with other bytes; a version can never be replaced."""

    status = 35
    title = "same version, other bytes"
    cause = (
        "The code changed but the version didn't, or the build backend has a newer version, which it writes into the "
        "wheel; feeds are immutable, even after a delete."
    )
    fix = (
        "Bump the version in the project, and release again. To release the same wheel once more, give the wheel "
        "file of the first release as `wheel`."
    )


class UploadFailed(StepError):
    """The feed didn't take the upload."""

    status = 36
    title = "upload failed"
    cause = "The feed answered with an error that isn't about the token."
    fix = "Read the feed's message; run the step again if it looks temporary: what is done is kept."


class NotVisible(StepError):
    """The upload was accepted, but the feed's index doesn't show the file."""

    status = 37
    title = "published but not visible"
    cause = "The index is late, or not the feed answered the upload (a sign-in page can look like success)."
    fix = "Wait a few minutes and run the step again; what is done is kept."


class FeedUnexpected(StepError):
    """The feed answered in a way that no Python index does."""

    status = 38
    title = "unexpected answer from the feed"
    cause = "The service is failing, or `feed` isn't the address of a Python index."
    fix = "Open the feed's address in a browser; run the step again if the failure looks temporary."


class NotInView(StepError):
    """The view doesn't show the wheel, although it was promoted."""

    status = 39
    title = "not in the view"
    cause = (
        "A view shows only promoted versions. Its index is late, or the feed accepted the promotion and didn't do it."
    )
    fix = "Wait a few minutes and run the step again; what is done is kept."


class ViewNotFound(StepError):
    """The feed has no view of this name."""

    status = 56
    title = "view not found"
    cause = "The name is misspelt, or nobody has made the view yet."
    fix = "Name one of the feed's views (Artifacts > feed settings > Views), or add it there."


class PromotionRefused(StepError):
    """The feed didn't promote the wheel to the view."""

    status = 57
    title = "promotion refused"
    cause = "The service is failing, or has reached a limit."
    fix = "Read the feed's message; run the step again if it looks temporary: what is done is kept."


class NotSaved(StepError):
    """A package couldn't be saved from the feed's upstream in the feed, so no image could be built with it."""

    status = 58
    title = "not saved from upstream"
    cause = (
        "With `index` set to only, images take public packages from the feed. A reader gets only saved "
        "versions. To save one, an identity must be a Collaborator or more; its token needs Packaging (read and write)."
    )
    fix = "Give such a token as `feed-token`, or set `index` to extra."


class WouldSave(StepError):
    """A dry run would have to save packages in the feed to learn what they require."""

    status = 194
    title = "a dry run would save packages"
    cause = (
        "The feed saves what is downloaded through it, tells no metadata beside files, and refuses unsaved files to "
        "`connection-token`, which only reads. The public index doesn't have the files, can't be reached from here, or "
        "isn't asked, since the names may be private."
    )
    fix = "Download the packages through the feed once with pip and a token that may write, and run the dry run again."


class NotAMember(StepError):
    """The feed doesn't accept an identity of Entra: it isn't a member of the feed's organisation."""

    status = 67
    title = "identity not in the organisation"
    cause = "Signing in to Entra isn't enough: Azure DevOps knows only who was added to the organisation."
    fix = "Add the identity in Organization settings > Users, and make it a Feed Publisher (Contributor) of the feed."


class NothingStored(StepError):
    """The upload was answered with success, but the repository's index doesn't show the file."""

    status = 68
    title = "upload went nowhere"
    cause = "Not the repository's upload address answered, but a proxy, a web page or another repository."
    fix = (
        "Compare the upload address with the one that the repository's manual gives to twine, and set it as "
        "`feed-upload-url`. If the repository is known to be slow, run the step again: what is done is kept."
    )
