"""A fresh profile for every arm. A used one is refused: its feed would answer to what somebody else watched.

    of its own     beside the corpus, made when the arm begins, kept for when it goes on
    by name        made by hand with `agent.login`, named in the plan; fresh as far as this corpus knows

On the sandbox an arm's visitor, whose luck its feed depends on, is a function of the experiment and the arm, so that
the same experiment has the same feeds again.
"""

import json
import uuid
from pathlib import Path

from agent.experiment.arms import Design
from agent.experiment.plan import SANDBOX
from agent.experiment.records import Arm
from agent.platforms.sandbox_data import visitor_state
from agent.profiles import Profile
from agent.sandbox.feed import visitor_id
from storage.database import Database
from storage.errors import UsageError
from storage.watched import PlanRun, profile_exposures


def profile_of(design: Design, arm: Arm, database: Database, earlier: PlanRun | None) -> Profile:
    """The arm's profile: the one that it began with, else a fresh one.

    Raises:
        UsageError: there is no profile of the name in the plan, or a fresh arm's has been used.
    """
    name = design.profile_name(arm)
    if name is not None:
        profile = Profile.named(arm.platform, name)
    else:
        profile = Profile.beside(database.path, earlier.profile_id if earlier else str(uuid.uuid4()))
        if earlier is None and arm.platform == SANDBOX:
            profile.save(visitor_state(visitor(design, arm)))
    if earlier is None and (seen := profile_exposures(database, profile.id)):
        raise UsageError(
            f"the profile {name} has seen {seen} shorts in this corpus, and {arm.name} needs an unused one; make "
            f"another with `python -m agent.login --platform {arm.platform} --profile NAME`"
        )
    return profile


def visitor(design: Design, arm: Arm) -> str:
    """The id by which the sandbox knows the arm."""
    return visitor_id(design.plan.seed, f"{design.hash}/{arm.name}")


def refuse_known(design: Design, arms: list[Arm], state: Path) -> None:
    """That none of these fresh arms has been at the sandbox before; `state` is its file of watch events.

    Raises:
        UsageError: one has, as where a corpus was moved away and its sandbox's memory was not.
    """
    if not state.exists():
        return
    text = state.read_text(encoding="utf-8", errors="replace")
    for arm in arms:
        if f'"visitor":{json.dumps(visitor(design, arm))}' in text:
            raise UsageError(
                f"the sandbox has served {arm.name} before ({state}), and a fresh arm needs an unused profile; move "
                "that file away with its corpus, or give another --corpus"
            )
