"""What the feed answers before anything is made: may both tokens read it, and which packages were published to it."""

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from functools import partial

from ..errors.base import StepError
from ..errors.feed import FeedNotFound
from ..model import connection_token
from ..plan.observe import Observer
from . import artifacts, forms
from .artifacts import Facts
from .index import Index, Page

_KNOWN = "pip"  # a package that most indexes know; what is asked is whether the page may be read


@dataclass(frozen=True)
class FeedAccess:
    """Questions to a feed that are on their way: for the page of a package, and for the feed's facts.

    `names`, those of the packages that are the feed's own, are known before the other facts are.
    """

    index: Index
    page: Future[Page]
    names: Future[frozenset[str] | None]
    facts: Future[Facts]

    def settle(self) -> Facts:
        """Return the facts; raise FeedNotFound if the page turns out to mean that there is no feed."""
        facts = self.facts.result()
        self.index.through(None).settle(self.page.result(), facts.published)
        return facts


def ask(  # noqa: PLR0913  # each is a question of its own
    index: Index,
    reader: Index | None,
    package: str,
    observer: Observer,
    *,
    publish: bool,
    view: str,
    upstream: bool,
    today: date,
) -> FeedAccess:
    """Ask for the page of `package`, known or not, as the image builder will, and for the feed's facts.

    `index` is seen with the step's own token, `reader` with the token that the workspace gets, if it gets one. The
    facts are: may the token `publish`, is there a `view`, is there an `upstream`; see `artifacts.facts`.
    """
    page = observer.ask(partial(index.page, package))
    if reader:
        observer.ask(partial(_look_as_builder, reader, package, today, page))
    names: Future[frozenset[str] | None] = Future()
    facts = observer.ask(partial(_facts, index, names.set_result, publish=publish, view=view, upstream=upstream))
    facts.add_done_callback(partial(_fail, names))
    return FeedAccess(index, page, names, facts)


def _fail(names: Future[frozenset[str] | None], facts: Future[Facts]) -> None:
    """Let whoever waits for `names` know why nobody tells them."""
    if not (names.done() or facts.cancelled()):
        names.set_exception(facts.exception())


def _look_as_builder(reader: Index, package: str, today: date, page: Future[Page]) -> None:
    """Ask with the token that the workspace gets; `page` is what the step's own token gets, which was asked before."""
    try:
        forms.ask(reader, partial(Index.page, package=package))
    except StepError as error:
        if isinstance(error, FeedNotFound) and isinstance(page.exception(), FeedNotFound):
            raise  # nobody sees a feed there
        raise connection_token.explain(error, reader.token, reader.feed, today) from None


def check_reader(reader: Index, today: date) -> None:
    """Raise what is wrong with the token that the workspace gets, where no other token is at hand to compare with.

    It is asked what the image builder asks: for the page of a package, in each form (`forms`).
    """
    try:
        page = forms.ask(reader, partial(Index.page, package=_KNOWN))
        if page.doubtful:
            known = _facts(reader, lambda _: None, publish=False, view="", upstream=False)
            reader.through(None).settle(page, known.published)
    except FeedNotFound:
        raise  # most likely `feed` is wrong: nobody else has seen it
    except StepError as error:
        raise connection_token.explain(error, reader.token, reader.feed, today) from None


def _facts(index: Index, tell: artifacts.Tell, *, publish: bool, view: str, upstream: bool) -> Facts:
    if index.feed.is_artifacts:
        return artifacts.facts(index.feed, index.token, tell, publish=publish, view=view, upstream=upstream)
    names = index.names()
    tell(names)
    return Facts(names)
