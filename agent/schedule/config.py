"""The schedule file: which jobs there are, when they fire, what each of them crawls, and who is told of trouble.

corpus = "data/corpus.sqlite"
time_zone = "Europe/Berlin"            # also grace, jitter: of every job that does not say otherwise
notify = ["mail-lab", "--urgent"]      # a program and its arguments, no shell
[study]                                # who collects and on what ground; kept with each run
[crawl]                                # settings of every job's crawl, as agent.collect has them

[[job]]
id = "tiktok-morning"
cron = "0 8 * * mon-fri"               # or every = "6h"
platform = "tiktok"                    # and any other setting of a crawl
"""

import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agent.complaint import complaint
from agent.judges import strategy_of
from agent.plan import plan_tasks
from agent.profiles import ANONYMOUS, Profile
from agent.schedule.timing import Duration, Timing
from agent.session import shares
from agent.settings import CrawlSettings, load_settings
from retrieval.vocabulary import Vocabulary, load_vocabulary
from storage.chance import draw
from storage.errors import UsageError
from storage.study import Study, study_of

JOB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
NOT_A_JOBS = ("corpus", "log_file", "api_key", "retry_failed", "cause", "study")
"""Crawl settings that belong to the schedule as a whole, to the environment, or to a person at work."""
SEEDS = 1 << 31
INHERITED = ("time_zone", "grace", "jitter")


def _command(given: Any) -> Any:
    return shlex.split(given) if isinstance(given, str) else given


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    corpus: str | None = None
    time_zone: str = "UTC"
    grace: Any = "1h"
    jitter: Any = 0
    notify: Annotated[list[str], BeforeValidator(_command)] = []
    notify_every: Duration = 3600.0
    study: dict[str, Any] | None = None
    crawl: dict[str, Any] = {}
    job: list[dict[str, Any]] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One entry of a schedule, ready to run."""

    id: str
    timing: Timing
    settings: CrawlSettings
    vocabulary: Vocabulary

    @property
    def platforms(self) -> list[str]:
        """Where it browses, each once, in alphabetic order."""
        return sorted(set(self.settings.platform))

    def fired(self, fire_time: Any) -> CrawlSettings:
        """The crawl of one fire time: its seed is a function of the job's seed, the job and the time, so that every
        fire is a run of its own and a killed one goes on."""
        seed = int(SEEDS * draw(self.settings.seed, "fire", f"{self.id} {fire_time.isoformat()}"))
        return self.settings.model_copy(update={"seed": seed})


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A schedule file that was read and found right."""

    path: Path
    corpus: str
    jobs: list[Job]
    notify: list[str]
    notify_every: float
    """Seconds between two notifications of one kind, at least."""

    def job(self, job_id: str) -> Job:
        """The job of this id.

        Raises:
            UsageError: there is none.
        """
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise UsageError(f"{self.path} has no job {job_id}; it has {', '.join(job.id for job in self.jobs)}")


def load_schedule(path: Path) -> Schedule:
    """Read a schedule and check everything that can be checked before a crawl.

    Raises:
        UsageError: names the file, the job and the setting, and says what is wrong with it.
    """
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the schedule {path} cannot be read ({error}); give a TOML file with --config") from None
    except ValidationError as error:
        raise UsageError(f"{path}: {complaint(error)}") from None
    corpus = load_settings(corpus=file.corpus).corpus
    study = None if file.study is None else study_of(file.study, str(path))
    jobs = [_job(path, file, given, corpus, study) for given in file.job]
    doubled = sorted({job.id for job in jobs if [other.id for other in jobs].count(job.id) > 1})
    if doubled:
        raise UsageError(f"{path}: two jobs have the id {doubled[0]}; give each its own, the history is kept under it")
    return Schedule(path=path, corpus=corpus, jobs=jobs, notify=file.notify, notify_every=file.notify_every)


def _job(path: Path, file: _File, given: dict[str, Any], corpus: str, study: Study | None) -> Job:
    job_id = given.get("id")
    if not isinstance(job_id, str) or not JOB_ID.fullmatch(job_id):
        raise UsageError(f"{path}: a job's id {job_id!r} is none; use letters, digits, '.', '-' and '_'")
    where = f"{path}: job {job_id}"
    timing = {name: getattr(file, name) for name in INHERITED}
    timing |= {name: said for name, said in given.items() if name in Timing.model_fields}
    crawl = file.crawl | {
        name: said for name, said in given.items() if name not in Timing.model_fields and name != "id"
    }
    if wrong := [name for name in NOT_A_JOBS if name in crawl]:
        raise UsageError(
            f"{where}: {wrong[0]} cannot stand in a job; corpus and [study] stand at the top of the file, "
            "a key in the environment"
        )
    try:
        settings = load_settings(**crawl, corpus=corpus, study=study)
        vocabulary = load_vocabulary(settings.vocabulary)
        for name, limit in shares(settings).items():
            plan_tasks(settings, vocabulary, limit)
            if settings.profile != ANONYMOUS:
                Profile.named(name, settings.profile)
        strategy_of(settings)
        return Job(id=job_id, timing=Timing(**timing), settings=settings, vocabulary=vocabulary)
    except ValidationError as error:
        raise UsageError(f"{where}: {complaint(error)}") from None
    except UsageError as error:
        raise type(error)(f"{where}: {error}") from None
