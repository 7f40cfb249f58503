"""What a stored short brings along: answers that are not asked twice (D14), labels that stand (D15), no handles (D17)."""

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.answer_record import AnswerStatus
from storage.corpus import Corpus
from storage.errors import UsageError
from storage.pseudonyms import Pseudonyms
from storage.records import Kind, Label, LabelKind, Outcome, Stance
from tests.storage_tools import answer, miss, open_corpus, record, rows, scene, show, start

KEY = "k" * 64
HANDLE = "Zorba.the_Greek77"


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with open_corpus(tmp_path / "corpus.sqlite") as opened:
        yield opened


# Answers


def test_an_answer_comes_back_as_it_was_put_with_the_picture_as_sent(corpus: Corpus) -> None:
    sent = scene(1, quality=30)
    asked = answer(KEY, image_sha256=hashlib.sha256(sent).hexdigest(), status=AnswerStatus.UNREADABLE, parsed=None)
    put = corpus.answers.put(asked, sent)
    assert corpus.answers.find(KEY, None) == put
    assert {name: getattr(put, name) for name in asked.__dataclass_fields__} == vars(asked)
    assert corpus.answers.picture(put.id) == sent
    assert corpus.answers.find("x" * 64, None) is None


def test_an_answer_to_another_picture_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="not the one"):
        corpus.answers.put(answer(KEY, image_sha256="0" * 64), scene(1))
    assert rows(corpus.database.path, "SELECT count(*) FROM answers") == [(0,)]
    assert rows(corpus.database.path, "SELECT count(*) FROM image_data") == [(0,)]


def test_the_newest_answer_is_found(corpus: Corpus) -> None:
    corpus.answers.put(answer(KEY, raw="older"), None)
    corpus.answers.put(answer(KEY, raw="newer"), None)
    found = corpus.answers.find(KEY, None)
    assert found is not None
    assert found.raw == "newer"


def test_answers_are_used_again_within_a_plan_and_elsewhere_only_on_request(corpus: Corpus) -> None:
    first, _ = start(corpus)
    corpus.answers.put(answer(KEY, run_id=first.id), None)
    continued, _ = start(corpus, environment={"browser": "2", "country": None})
    assert continued.id != first.id
    corpus.runs.finish(continued, "finished")
    repeated, _ = start(corpus)
    assert repeated.plan_run_id != first.plan_run_id
    other_plan, _ = start(corpus, plan_hash="q" * 64)
    other_seed, _ = start(corpus, seed=2)
    for run in (first, continued, repeated):
        assert corpus.answers.find(KEY, run.id) is not None
    for run_id in (other_plan.id, other_seed.id, None):
        assert corpus.answers.find(KEY, run_id) is None
    with open_corpus(corpus.database.path, collecting=False, reuse_answers=True) as reusing:
        for run_id in (other_plan.id, other_seed.id, None):
            assert reusing.answers.find(KEY, run_id) is not None


def test_what_runs_have_spent_is_summed_over_priced_answers(corpus: Corpus) -> None:
    first, _ = start(corpus)
    second, _ = start(corpus, seed=2)
    for cost in (0.25, 0.5, None):
        corpus.answers.put(answer(run_id=first.id, cost=cost), None)
    assert corpus.answers.spent([first.id]) == 0.75
    assert corpus.answers.spent([second.id]) is None


# Labels


def claim(source: str, name: str = "power", stance: Stance | None = None) -> Label:
    return Label(kind=LabelKind.VALUE, name=name, source=source, stance=stance)


def test_what_a_source_has_said_stands_and_another_one_stands_beside_it(corpus: Corpus) -> None:
    _, (task,) = start(corpus)
    stored = show(corpus, task, "a", scene(1), labels=(claim("vlm@1", stance=Stance.EXPRESSES),))
    before = rows(corpus.database.path, "SELECT * FROM labels ORDER BY id")
    corpus.labels.add(stored.short_id, [claim("vlm@1", stance=Stance.OPPOSES), claim("query", stance=Stance.UNSURE)])
    assert rows(corpus.database.path, "SELECT * FROM labels ORDER BY id") == before
    corpus.labels.add(stored.short_id, [claim("vlm@2", stance=Stance.OPPOSES)])
    said = rows(corpus.database.path, "SELECT source, name, stance, score FROM labels ORDER BY source")
    assert said == [
        ("query", "power", None, None),
        ("vlm@1", "power", "expresses", None),
        ("vlm@2", "power", "opposes", None),
    ]


def test_a_feed_has_no_query_label(corpus: Corpus) -> None:
    _, (task,) = start(corpus, mode="feed")
    show(corpus, task, "a", scene(1))
    assert rows(corpus.database.path, "SELECT count(*) FROM labels") == [(0,)]


def test_the_shorts_that_a_source_has_not_labelled_are_listed_with_their_pictures(corpus: Corpus) -> None:
    run, (task,) = start(corpus)
    shown = [show(corpus, task, name, scene(number), author="anna") for number, name in enumerate("abc")]
    miss(corpus, task, record("d"), Outcome.FAILED, "capture")
    corpus.labels.add(shown[1].short_id, [claim("vlm@1")])
    ids = [short.short_id for short in shown]
    assert corpus.labels.without("vlm@1") == [ids[0], ids[2]]
    assert corpus.labels.without("vlm@1", limit=1) == [ids[0]]
    assert corpus.labels.without("vlm@2", plan_run_id=run.plan_run_id) == ids
    assert corpus.labels.without("vlm@2", plan_run_id=run.plan_run_id + 1) == []
    short = corpus.labels.short(ids[2])
    assert (short.frame.data, short.screen.role, short.run_id) == (scene(2), "screen", run.id)
    assert (short.record.platform_id, short.record.caption) == ("c", "about c")
    assert short.record.author == Pseudonyms.of_user().handle("anna")


# Handles


def test_no_handle_is_anywhere_in_the_files_of_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "corpus.sqlite"
    item = record(
        "a",
        author=f"@{HANDLE}",
        caption=f"with @{HANDLE.upper()} and (@{HANDLE})",
        subtitles=f"thanks @{HANDLE}",
        sound=f"original sound - {HANDLE}",
        url=f"https://www.tiktok.com/@{HANDLE}/video/1?from={HANDLE}",
    )
    fields = {name: getattr(item, name) for name in ("author", "caption", "subtitles", "sound", "url")}
    with open_corpus(path) as corpus:
        _, (task,) = start(corpus)
        corpus.tasks.add_listings(task, [item])
        listing = corpus.tasks.next_listing(task)
        show(corpus, task, "a", scene(1), listing=listing, **fields)
        miss(corpus, task, record("b", kind=Kind.AD, **fields), Outcome.SKIPPED, "ad")
        seen = rows(path, "SELECT author, url FROM shorts")
        files = [file.read_bytes().lower() for file in tmp_path.glob("corpus.sqlite*")]
    files += [file.read_bytes().lower() for file in tmp_path.glob("corpus.sqlite*")]
    assert seen == [(Pseudonyms.of_user().handle(HANDLE), "https://www.tiktok.com/@_/video/1")]
    assert any(b"original sound" in file for file in files), "this looks where the records are"
    assert not any(HANDLE.lower().encode() in file for file in files)
    key = next(iter(Path(path.parent).rglob("pseudonym.key")), None)
    assert key is None, "the key lies with the user, not with the corpus"


def test_one_person_is_one_hash_wherever_named() -> None:
    pseudonyms = Pseudonyms(b"k" * 32)
    person = pseudonyms.handle("Anna.B")
    assert pseudonyms.handle(" @anna.b ") == person != pseudonyms.handle("anna.c")
    assert pseudonyms.text("hi @Anna.B!") == f"hi @{person.removeprefix('h:')}!"
    assert pseudonyms.handle(person) == person
    assert pseudonyms.record(pseudonyms.record(record(author="anna", caption="@anna"))) == pseudonyms.record(
        record(author="anna", caption="@anna")
    )
    assert Pseudonyms(b"x" * 32).handle("Anna.B") != person


def test_the_key_is_the_users_alone_and_is_made_once(own_configuration: Path) -> None:
    first = Pseudonyms.of_user()
    key = own_configuration / "pseudonym.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(own_configuration.stat().st_mode) == 0o700
    assert Pseudonyms.of_user().fingerprint == first.fingerprint
    assert [file.name for file in own_configuration.iterdir()] == ["pseudonym.key"]


@pytest.mark.parametrize("text", ["", "no hex", "ab" * 31])
def test_a_key_that_is_none_is_refused_and_not_replaced(own_configuration: Path, text: str) -> None:
    own_configuration.mkdir(parents=True)
    (own_configuration / "pseudonym.key").write_text(text)
    with pytest.raises(UsageError, match=r"pseudonym key .*cannot be used"):
        Pseudonyms.of_user()
    assert (own_configuration / "pseudonym.key").read_text() == text
