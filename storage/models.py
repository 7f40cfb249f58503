"""The tables of a corpus (D1). One file holds rows and picture bytes; the schema changes only through Alembic.

fires ── runs    (which runs a fire time of a schedule brought)
runs ─┬─ revisits                     shorts of a manifest, opened again by their ids
      ├─ tasks ─┬─ listings           what a result list held, opened or not
      │         └─ exposures ── shorts ─┬─ observations   caption and counts, with their time
      │                                 ├─ images ── image_data, looks
      │                                 └─ labels
      └─ answers                      every model call
embeddings, personas, events (append-only)
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base as Base  # with all tables on it: what migrations are compared with


class Fire(Base):
    """One planned fire time of a scheduled job, or one asked for by hand: written before work starts, never twice."""

    __tablename__ = "fires"
    __table_args__ = (UniqueConstraint("job", "fire_time"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[str]
    fire_time: Mapped[datetime]
    """The nominal one, without jitter."""
    requested: Mapped[bool]
    """Asked for with `run-now`: no planned time."""
    state: Mapped[str]
    """planned (waits for its turn), running; at last done, late, partial or missed."""
    cause: Mapped[str | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Run(Base):
    """One platform's share of one command, with everything needed to say under which conditions it ran (D5).

    A change of the conditions starts a new run that `continues` the old one and works on the same tasks,
    which stay with the first run of the chain (`plan_run_id`, its own id for the first).
    """

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    plan_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), index=True)
    continues_run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    platform: Mapped[str]
    mode: Mapped[str]
    plan_hash: Mapped[str] = mapped_column(String(64), index=True)
    seed: Mapped[int]
    state: Mapped[str]
    """running, stopped or blocked (the same command goes on), continued (by a later run), finished."""
    cause: Mapped[str | None]
    command: Mapped[list[str]]
    settings: Mapped[dict[str, Any]]
    environment: Mapped[dict[str, Any]]
    """code_version, browser, browser_version, viewport, locale, time_zone, user_agent, keyword_file_sha256,
    question_versions, profile, logged_in, country, language, study: a change in any starts a new run."""
    profile_id: Mapped[str | None]
    profile_exposures: Mapped[int] = mapped_column(default=0)
    """Exposures that this profile had in this corpus before the run."""
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    field_coverage: Mapped[dict[str, Any] | None]
    """Share of the run's records with each field set, per kind of item."""
    fire_id: Mapped[int | None] = mapped_column(ForeignKey("fires.id"))
    """The fire time of a schedule that it belongs to; None for a crawl started by hand."""


class Task(Base):
    """A piece of a plan: so many new shorts under one keyword (search) or from one feed (D4)."""

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("run_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int]
    """Place in the seeded order, from 0."""
    platform: Mapped[str]
    mode: Mapped[str]
    value: Mapped[str | None]
    keyword: Mapped[str | None]
    quota: Mapped[int]
    """What it is to bring now: a dry task's rest passes on to others."""
    planned: Mapped[int | None]
    """What it was to bring at first (`storage.quotas`); None in rows from before this was kept."""
    taken: Mapped[int] = mapped_column(default=0)
    """New shorts whose picture is no duplicate; of an experiment's arm, all that were judged."""
    state: Mapped[str]
    """pending, active, done, dry (the site had no more)."""
    attempts: Mapped[int] = mapped_column(default=0)
    cause: Mapped[str | None]
    profile_id: Mapped[str | None]
    updated_at: Mapped[datetime]


class Listing(Base):
    """An item of a result list with its rank, opened or not."""

    __tablename__ = "listings"
    __table_args__ = (UniqueConstraint("task_id", "rank"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    rank: Mapped[int]
    platform: Mapped[str]
    platform_id: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]
    state: Mapped[str]
    """waiting, opened, known (already in the corpus), skipped, unavailable, failed."""
    cause: Mapped[str | None]
    record: Mapped[dict[str, Any]]
    """What the list said of it, handles hashed."""
    seen_at: Mapped[datetime]


class Revisit(Base):
    """A short that is to be opened again by its id: a manifest's, or one of the corpus's own (`storage.revisits`)."""

    __tablename__ = "revisits"
    __table_args__ = (UniqueConstraint("run_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    """First run of the chain that opens it."""
    position: Mapped[int]
    platform: Mapped[str]
    platform_id: Mapped[str | None] = mapped_column(index=True)
    """None once the short was forgotten."""
    expected: Mapped[dict[str, Any]]
    """What was published of it: labels, phash, hash_recipe, frame_source, media_time, frame_sha256."""
    outcome: Mapped[str | None]
    """None while it waits; found, changed, not_comparable, gone, private, age, region, failed, forgotten."""
    cause: Mapped[str | None]
    distance: Mapped[int | None]
    """Bits between the published hash and that of the frame at the published media time."""
    at: Mapped[datetime | None]


class Short(Base):
    """One item of a platform, unique by (platform, platform_id); what changes is in observations."""

    __tablename__ = "shorts"
    __table_args__ = (UniqueConstraint("platform", "platform_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    platform_id: Mapped[str]
    kind: Mapped[str]
    url: Mapped[str | None]
    author: Mapped[str | None] = mapped_column(index=True)
    """HMAC of the handle (D17)."""
    duration: Mapped[float | None]
    published: Mapped[datetime | None]
    language: Mapped[str | None]
    sound: Mapped[str | None]
    paid_partnership: Mapped[bool | None]
    ai_generated: Mapped[bool | None]
    subtitles: Mapped[str | None]
    extra: Mapped[dict[str, Any]]
    first_run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    first_seen: Mapped[datetime]


class Observation(Base):
    """Caption and counts of a short at one moment; never overwritten (D5)."""

    __tablename__ = "observations"
    id: Mapped[int] = mapped_column(primary_key=True)
    short_id: Mapped[int] = mapped_column(ForeignKey("shorts.id"), index=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    seen_at: Mapped[datetime]
    caption: Mapped[str | None]
    hashtags: Mapped[list[str]]
    views: Mapped[int | None]
    likes: Mapped[int | None]
    comments: Mapped[int | None]
    shares: Mapped[int | None]


class ImageData(Base):
    """Picture bytes, once per content; this table is never rebuilt by a migration (D3)."""

    __tablename__ = "image_data"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str]
    data: Mapped[bytes]


class Image(Base):
    """A picture of a short and what it equals (D6, D7). Duplicates are marked, never deleted."""

    __tablename__ = "images"
    id: Mapped[int] = mapped_column(primary_key=True)
    short_id: Mapped[int] = mapped_column(ForeignKey("shorts.id"), index=True)
    role: Mapped[str]
    source: Mapped[str]
    method: Mapped[str]
    media_time: Mapped[float | None]
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str] = mapped_column(ForeignKey("image_data.sha256"), index=True)
    phash: Mapped[str | None] = mapped_column(String(16))
    """Hex of the 64-bit hash; only frames have one."""
    hash_recipe: Mapped[str | None]
    """How hash, looks and marks were made; pictures of another recipe are compared by id and bytes only."""
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("images.id"), index=True)
    duplicate_by: Mapped[str | None]
    """id (an earlier picture of the same short), bytes or look."""
    distance: Mapped[int | None]
    """Bits between the hashes of this picture and of the one it was matched with."""
    sharpness: Mapped[float | None]
    """Variance of the Laplacian; of a cluster's pictures the sharpest can be asked for."""
    evidence: Mapped[dict[str, Any] | None]
    """Why it was merged, or how near the nearest picture came that it was not merged with (`storage.dedupe`)."""
    taken_at: Mapped[datetime]


class LookRow(Base):
    """What the duplicate check needs of one view of a frame (`storage.regions`)."""

    __tablename__ = "looks"
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), primary_key=True)
    view: Mapped[int] = mapped_column(primary_key=True)
    """0 is the whole frame, 1 its content within flat bars."""
    hashes: Mapped[bytes]
    """64-bit hashes of its regions, in this order, little-endian."""
    grey: Mapped[bytes]
    """The small grey copy, row by row."""


class Exposure(Base):
    """One showing of one item to the agent: order, decision, action, time on screen (D4, D10)."""

    __tablename__ = "exposures"
    __table_args__ = (
        UniqueConstraint("task_id", "position"),
        Index("ix_exposures_profile", "profile_id"),
        Index("ix_exposures_short", "short_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), index=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    position: Mapped[int]
    """Order within the task, from 0."""
    platform_id: Mapped[str | None]
    short_id: Mapped[int | None] = mapped_column(ForeignKey("shorts.id"))
    """None for what was not captured: such an item can still become a short later."""
    record: Mapped[dict[str, Any] | None]
    """What the platform said of an item without a row in shorts, handles hashed."""
    kind: Mapped[str]
    is_new: Mapped[bool]
    """First time in this corpus, with a picture that is no duplicate: counts toward the quota."""
    outcome: Mapped[str]
    cause: Mapped[str | None]
    decision: Mapped[str | None]
    decider: Mapped[str | None]
    score: Mapped[float | None]
    reason: Mapped[str | None]
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("answers.id"))
    action: Mapped[str | None]
    late: Mapped[bool | None]
    """The decision came after the decision window."""
    decide_window: Mapped[float | None]
    planned_dwell: Mapped[float | None]
    """Seconds beyond the decision window, drawn before the action."""
    seconds_on_screen: Mapped[float | None]
    media_seconds: Mapped[float | None]
    like: Mapped[str | None]
    """asked, confirmed, refused; None where no like was tried (D12)."""
    screen_image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"))
    frame_image_id: Mapped[int | None] = mapped_column(ForeignKey("images.id"))
    profile_id: Mapped[str | None]
    profile_exposures: Mapped[int | None]
    """Exposures that this profile had before this one."""
    shown_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Answer(Base):
    """One model call and what came back; refused and unreadable answers are results and final (D14)."""

    __tablename__ = "answers"
    __table_args__ = (Index("ix_answers_lookup", "run_id", "platform", "platform_id", "question"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    platform: Mapped[str | None]
    platform_id: Mapped[str | None]
    question: Mapped[str]
    """Name and version, as `watch@1`."""
    key: Mapped[str] = mapped_column(String(64), index=True)
    """Hash of everything that can change the answer except the picture's bytes: question, model asked, host,
    persona, parameters, subject, epoch."""
    epoch: Mapped[int]
    persona: Mapped[str | None]
    model: Mapped[str]
    model_returned: Mapped[str | None]
    endpoint: Mapped[str]
    """Host only."""
    parameters: Mapped[dict[str, Any]]
    image_sha256: Mapped[str | None] = mapped_column(ForeignKey("image_data.sha256"))
    """The picture as sent."""
    raw: Mapped[str]
    parsed: Mapped[dict[str, Any] | None]
    status: Mapped[str]
    """ok, refused, unreadable."""
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    cost: Mapped[float | None]
    """US dollars; None where the price is not known."""
    milliseconds: Mapped[int]
    asked_at: Mapped[datetime]


class LabelRow(Base):
    """One statement about a short by one source (D15)."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("short_id", "kind", "name", "source"), Index("ix_labels_name", "kind", "name"))
    id: Mapped[int] = mapped_column(primary_key=True)
    short_id: Mapped[int] = mapped_column(ForeignKey("shorts.id"))
    kind: Mapped[str]
    name: Mapped[str]
    source: Mapped[str]
    stance: Mapped[str | None]
    score: Mapped[float | None]
    model: Mapped[str | None]
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("answers.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    made_at: Mapped[datetime]


class Embedding(Base):
    """A vector of a picture or text by one model; one index never mixes two models."""

    __tablename__ = "embeddings"
    __table_args__ = (UniqueConstraint("model", "part", "image_sha256", "short_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str]
    part: Mapped[str]
    """picture, caption, hashtags, screen_text."""
    image_sha256: Mapped[str | None] = mapped_column(ForeignKey("image_data.sha256"))
    short_id: Mapped[int | None] = mapped_column(ForeignKey("shorts.id"))
    vector: Mapped[bytes]
    """float16, little-endian, unit length."""
    made_at: Mapped[datetime]


class Persona(Base):
    """A role an agent plays; traits are data, never instructions."""

    __tablename__ = "personas"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    language: Mapped[str | None]
    traits: Mapped[list[str]]
    profile: Mapped[dict[str, Any] | None]


class Event(Base):
    """Append-only: created, upgrade, relabel, recompute, merge, forget, export, login, schedule (D5).

    The first event of a corpus is `created`; its detail holds the corpus id, the hash recipe and the
    fingerprint of the pseudonym key.
    """

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    at: Mapped[datetime]
