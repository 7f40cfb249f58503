"""What `python -m agent.benchmark` says when it cannot go on: one sentence, an exit code; the answers are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from retrieval.valueset import ValueSet, Verdict
from storage.database import open_database
from storage.models import ImageData
from tests.benchmark_tools import PER_MODEL, Ground, collected, of, opinion, stored, value_set
from tests.fake_openai import Asked, FakeOpenAI
from tests.in_process import Ended

pytest_plugins = ("tests.benchmark_fixtures",)


def test_an_endpoint_that_ends_in_the_middle_keeps_the_answers_so_far(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    def until(asked: Asked) -> dict[str, Any]:
        if len(server.requests) >= 20:
            server.mode = "down"
        return opinion(asked)

    server.script = until
    ended = benchmark(*of(server, "--retries", 0), code=1)
    assert "gave no answer" in ended.err
    assert len(ended.err.strip().splitlines()[-1]) < 300
    some = len(stored(made.corpus))
    assert 0 < some < PER_MODEL
    server.reset("ok", script=opinion)
    assert benchmark(*of(server)).figures["calls"] == PER_MODEL - some


def test_one_model_that_fails_does_not_stop_the_others(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    Path("plan.toml").write_text(
        f'[[model]]\nname = "no-such-model"\nbase_url = "{server.base_url}"\nkey = "OPENAI_API_KEY"\n'
        f'[[model]]\nname = "gpt-4o"\nbase_url = "{server.base_url}"\nkey = "OPENAI_API_KEY"\n',
        encoding="utf-8",
    )
    ended = benchmark("plan.toml", code=2)
    assert "has no model no-such-model" in ended.err
    assert ended.figures["models"]["gpt-4o"]["answered"] == PER_MODEL
    assert ended.figures["models"]["no-such-model"]["answered"] == 0


@pytest.mark.parametrize(
    ("mode", "says"),
    [("no_pictures", "takes no pictures"), ("echo_key", "refuses the API key"), ("redirect", "another address")],
)
def test_an_endpoint_that_refuses_for_good_is_named_in_one_sentence(
    server: FakeOpenAI, benchmark: Callable[..., Ended], mode: str, says: str
) -> None:
    server.mode = mode
    ended = benchmark(*of(server), code=2)
    assert says in ended.err
    assert "sk-test" not in ended.err + ended.out


def test_a_manifest_of_another_corpus_and_missing_pictures_are_refused_before_any_call(
    made: Ground, server: FakeOpenAI, benchmark: Callable[..., Ended]
) -> None:
    other = made.corpus.with_name("other.sqlite")
    collected(other, 16)
    value_set(other, keywords=1, k=1).save(other.with_suffix(".json"))
    assert "was made from corpus" in benchmark("--manifest", other.with_suffix(".json"), *of(server), code=2).err
    assert "has the same keywords" in benchmark("--parallel", made.manifest, *of(server), code=2).err
    shown = ValueSet.load(made.manifest).filled[0].shown
    assert shown is not None
    with open_database(made.corpus, write=True) as database, database.write() as session:
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        taken = session.get_one(ImageData, shown.screen_sha256)
        session.execute(delete(ImageData).where(ImageData.sha256 == taken.sha256))
        session.add(ImageData(sha256="0" * 64, media_type=taken.media_type, data=taken.data))
        session.connection().exec_driver_sql(
            "UPDATE images SET sha256 = ? WHERE sha256 = ?", ("0" * 64, shown.screen_sha256)
        )
    assert "are no longer in" in benchmark(*of(server), code=2).err
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "no model is named"),
        (("--model", "scripted:adores-cats"), "no scripted model"),
        (("--model", "scripted:likes-beauty"), "no value of the set"),
        (("--model", "scripted:noisy:7"), "no share"),
        (("--model", "scripted:noisy", "--modality", "caption"), "captioner is missing"),
        (("--model", "scripted:noisy", "--captioner", "scripted:noisy"), "modality caption is not"),
        (("--model", "scripted:noisy", "--picture", "video"), "picture"),
        (("--model", "scripted:noisy", "--epochs", 0), "epochs"),
        (("--model", "scripted:noisy", "--model", "scripted:noisy"), "stands twice"),
        (("--model", "scripted:noisy", "--compare", "horoscope"), "choose paper"),
        (("--model", "scripted:noisy", "--manifest", "nowhere.json"), "cannot be read"),
        (("--model", "scripted:noisy", "--no-calls"), "no answer of this plan"),
        (("--model", "gpt-4o", "--key", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
        (("nowhere.toml",), "cannot be read"),
    ],
)
def test_wrong_options_are_told_in_one_sentence(
    made: Ground, benchmark: Callable[..., Ended], options: tuple[str | int, ...], says: str
) -> None:
    ended = benchmark(*options, code=5 if "--no-calls" in options else 2)
    assert says in ended.err
    assert stored(made.corpus) == []


def test_a_model_that_checked_the_set_is_not_measured_by_it(made: Ground, benchmark: Callable[..., Ended]) -> None:
    found = ValueSet.load(made.manifest)
    value, keyword, place = found.filled[0].key
    verdict = Verdict(value=value, keyword=keyword, place=place, by="check:gpt-4o", model="gpt-4o")
    found.with_verdicts([verdict]).save(made.manifest)
    assert "has checked this value set" in benchmark("--model", "openai/gpt-4o", code=2).err
