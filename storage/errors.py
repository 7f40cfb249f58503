"""Every error a user can meet, in one tree. A class says what happens next and carries the exit code.

    ValueSpectrumError                      1  the command stops
    ├── UsageError                          2  the command stops before it did anything
    │   ├── CorpusUnusable                  2  not a corpus, from a newer version, not writable
    │   │   └── CorpusInUse                 2  another process collects into it
    │   ├── NotSetUp                        2  something is missing; `python -m agent.doctor --fix` mends it
    │   └── EndpointRefused                 2  wrong key, unknown model: asking again cannot help
    ├── StorageFull                         1  disk full: what was committed stays, run the command again
    ├── EndpointDown                        1  no answer after all retries: the short stays open, run it again
    ├── SiteUnreachable                     1  no connection to the site for an hour: its queue is kept
    ├── Blocked                             3  the site put up a wall: its queue is kept, the others go on
    ├── LayoutChanged                       3  pages without items again and again: evidence is kept
    ├── BudgetSpent                         4  --max-cost reached: stops between two shorts
    ├── NothingFound                        5  everything was asked and nothing came
    └── ShortFailed                         -  costs one short, recorded with its cause; the crawl goes on
        ├── Unavailable                        age, private, removed, region
        ├── CaptureFailed                      no usable frame within its time limit
        └── PageHung                           the page is closed and opened again

Exit code 130 (interrupted) belongs to Ctrl-C and has no class here.
Messages are one sentence each: what happened, where, and what to do.
"""

from typing import ClassVar


class ValueSpectrumError(Exception):
    """Base of all errors that are shown as one sentence and never as a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(ValueSpectrumError):
    """The command line or a file the user brought is wrong; nothing was done."""

    exit_code = 2


class CorpusUnusable(UsageError):
    """The path or URL given as corpus cannot be opened as one."""


class CorpusInUse(CorpusUnusable):
    """Another process holds the collecting lock of this corpus."""


class NotSetUp(UsageError):
    """A browser, a model or a package is missing on this machine."""


class EndpointRefused(UsageError):
    """The model endpoint refuses for good: wrong key, unknown model, not allowed by --local-only."""


class StorageFull(ValueSpectrumError):
    """The disk is full or the corpus has reached its size limit; committed rows are safe."""


class EndpointDown(ValueSpectrumError):
    """The model endpoint gave no answer after all retries; nothing is stored for this question."""


class SiteUnreachable(ValueSpectrumError):
    """The browser gets no connection to the site (no network, no such name, refused); the platform's queue is kept."""


class Blocked(ValueSpectrumError):
    """The site put up a wall that a person must deal with; the platform's queue is kept.

    `wall` is one of the kinds of `agent.platforms.base.Wall`.
    """

    exit_code = 3

    def __init__(self, message: str, wall: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.wall = wall
        self.retry_after = retry_after
        """Seconds the site asked us to wait, if it said so."""


class LayoutChanged(ValueSpectrumError):
    """Pages came back without items several times in a row: the site has probably changed."""

    exit_code = 3


class BudgetSpent(ValueSpectrumError):
    """The money set with --max-cost is used up."""

    exit_code = 4


class NothingFound(ValueSpectrumError):
    """The whole plan was worked through and not one short was found."""

    exit_code = 5


class ShortFailed(ValueSpectrumError):
    """One short could not be handled; it is recorded with `cause` and the crawl goes on."""

    cause: str = "failed"

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(message)
        if cause is not None:
            self.cause = cause


class Unavailable(ShortFailed):
    """The short is age-restricted, private, removed or not shown in this region (`cause` says which)."""


class CaptureFailed(ShortFailed):
    """No usable picture of the short came within the time limit."""

    cause = "capture"


class PageHung(ShortFailed):
    """The page did not answer; it is closed and a new one is opened."""

    cause = "page_hung"
