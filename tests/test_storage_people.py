"""People's handles (D17): the same person is the same hash, and no handle lies in a corpus."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.errors import UsageError
from storage.pseudonyms import KEY_FILE, Pseudonyms, address_without_handle
from storage.records import Kind, Outcome
from tests.storage_tools import finished, miss, open_corpus, python, record, rows, scene, show, start

KEYED = Pseudonyms(b"k" * 32)
ANNA = KEYED.handle("anna.smith")


def test_a_handle_is_one_hash_however_it_is_written() -> None:
    assert re.fullmatch(r"h:[0-9a-f]{32}", ANNA)
    assert {KEYED.handle(written) for written in ("anna.smith", "@anna.smith", " @Anna.Smith ", "ANNA.SMITH")} == {ANNA}
    assert KEYED.handle("anna.smyth") != ANNA
    assert Pseudonyms(b"j" * 32).handle("anna.smith") != ANNA


def test_what_is_hashed_is_not_hashed_again() -> None:
    given = record("a", author="@anna.smith", caption="by @anna.smith", sound="original sound - anna.smith")
    once = KEYED.record(given)
    assert KEYED.record(once) == once
    assert KEYED.handle("h:anna") not in ("h:anna", ANNA)  # looks like one, is none


MENTION = "@" + ANNA.removeprefix("h:")


@pytest.mark.parametrize(
    ("caption", "clean"),
    [
        ("with @anna.smith", f"with {MENTION}"),
        ("@Anna.Smith, @anna.smith. (@anna.smith)!", f"{MENTION}, {MENTION}. ({MENTION})!"),
        ("thanks.@anna.smith", f"thanks.{MENTION}"),
        ("@anna.smith@anna.smith", MENTION + MENTION),
        ("cc@anna.smith…", f"cc{MENTION}…"),
        ("感谢@anna.smith", f"感谢{MENTION}"),
        ("@anna.smith's dog ❤️", f"{MENTION}'s dog ❤️"),
        ("@anna.smith❤️", f"{MENTION}❤️"),
        ("see you @ nine, 5 @", "see you @ nine, 5 @"),
        ("no one", "no one"),
    ],
)
def test_mentions_become_the_hash_of_the_author(caption: str, clean: str) -> None:
    assert KEYED.text(caption) == clean


@pytest.mark.parametrize("handle", ["まるい世界01", "นายนาย-พ7ฦ", "हिन्दी", "josé_ü", "jose\u0301", "유튜브", "a·b"])
def test_mentions_in_every_script_are_replaced_whole(handle: str) -> None:
    hashed = KEYED.handle(handle).removeprefix("h:")
    assert KEYED.text(f"mit @{handle}, heute") == f"mit @{hashed}, heute"


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("https://www.tiktok.com/@anna/video/1?lang=en#top", "https://www.tiktok.com/@_/video/1"),
        ("https://www.youtube.com/shorts/abc?feature=share", "https://www.youtube.com/shorts/abc"),
        ("https://www.youtube.com/@anna/shorts", "https://www.youtube.com/@_/shorts"),
        ("https://www.instagram.com/anna.smith/reel/X_1/", "https://www.instagram.com/@_/reel/X_1/"),
        ("https://www.instagram.com/reel/X_1/", "https://www.instagram.com/reel/X_1/"),
        ("https://www.instagram.com/p/X_1/", "https://www.instagram.com/p/X_1/"),
    ],
)
def test_addresses_lose_handle_query_and_fragment(address: str, clean: str) -> None:
    assert address_without_handle(address) == clean


def test_a_sound_named_after_its_author_is_not_named_after_a_person() -> None:
    assert KEYED.sound("original sound - Anna.Smith", "anna.smith") == f"original sound - {ANNA}"
    assert KEYED.sound("Moonlight Sonata - Beethoven", "anna.smith") == "Moonlight Sonata - Beethoven"
    assert KEYED.sound("original sound", None) == "original sound"


# The key


def test_the_key_is_made_once_and_is_its_users_alone(own_configuration: Path) -> None:
    made = Pseudonyms.of_user()
    assert own_configuration.stat().st_mode & 0o777 == 0o700
    assert (own_configuration / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in own_configuration.iterdir()] == [KEY_FILE]
    again = Pseudonyms.of_user()
    assert (again.fingerprint, again.handle("anna")) == (made.fingerprint, made.handle("anna"))
    assert made.fingerprint not in (own_configuration / KEY_FILE).read_text()


def test_processes_that_start_together_have_one_key() -> None:
    code = "from storage.pseudonyms import Pseudonyms; print(Pseudonyms.of_user().fingerprint)"
    assert len({finished(process) for process in [python(code) for _ in range(4)]}) == 1


@pytest.mark.parametrize("content", ["", "ab", "no key at all", "zz" * 32])
def test_a_key_that_is_none_is_refused_and_never_used(own_configuration: Path, content: str) -> None:
    own_configuration.mkdir(parents=True)
    (own_configuration / KEY_FILE).write_text(content)
    with pytest.raises(UsageError, match=f"{KEY_FILE} cannot be used .*VALUE_SPECTRUM_CONFIG_DIR"):
        Pseudonyms.of_user()
    assert (own_configuration / KEY_FILE).read_text() == content


@pytest.mark.parametrize("collecting", [True, False])
def test_a_corpus_of_another_key_is_refused_before_anything_is_changed(
    tmp_path: Path, own_configuration: Path, monkeypatch: pytest.MonkeyPatch, collecting: bool
) -> None:
    path = tmp_path / "c.sqlite"
    with open_corpus(path) as corpus:
        show(corpus, start(corpus)[1][0], "a", scene(1), close=False)
    monkeypatch.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(own_configuration / "other"))
    with pytest.raises(UsageError, match="another pseudonym key: copy"):
        open_corpus(path, collecting=collecting)
    assert rows(path, "SELECT outcome FROM exposures") == [("open",)]


# In a corpus


def test_no_handle_lies_anywhere_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    named: dict[str, Any] = {
        "author": "SecretAuthor",
        "caption": "duet with @SecretFriend and感谢@secretFriend",
        "subtitles": "thanks @SecretFriend",
        "url": "https://www.tiktok.com/@SecretAuthor/video/1",
        "sound": "original sound - secretauthor",
    }
    with open_corpus(path) as corpus:
        run, (task,) = start(corpus)
        items = [record("a", **named), record("ad", kind=Kind.AD, **named), record(None, kind=Kind.LIVE, **named)]
        corpus.tasks.add_listings(task, items)
        listing = corpus.tasks.next_listing(task)
        show(corpus, task, "a", scene(1), listing=listing, **named)
        while (listing := corpus.tasks.next_listing(task)) is not None:
            miss(corpus, task, listing.record, Outcome.SKIPPED, "ad", listing=listing)
        miss(corpus, task, record("u", **named), Outcome.UNAVAILABLE, "private")
        corpus.runs.finish(run, "finished")
        files = [file.read_bytes() for file in tmp_path.iterdir()]
    files += [file.read_bytes() for file in tmp_path.iterdir()]
    assert not [data for data in files if re.search(rb"secret(author|friend)", data, re.IGNORECASE)]

    # One person is one hash wherever the name stood, also in what was hashed for the list before.
    author = Pseudonyms.of_user().handle("secretauthor")
    friend = Pseudonyms.of_user().handle("secretfriend").removeprefix("h:")
    assert rows(path, "SELECT author, sound FROM shorts") == [(author, f"original sound - {author}")]
    columns: list[Callable[[str], str]] = [
        lambda field: f"SELECT json_extract(record, '$.{field}') FROM listings",
        lambda field: f"SELECT json_extract(record, '$.{field}') FROM exposures WHERE record IS NOT NULL",
    ]
    for column in columns:
        assert rows(path, column("author")) == [(author,)] * 3
        assert rows(path, column("caption")) == [(f"duet with @{friend} and感谢@{friend}",)] * 3
        assert rows(path, column("url")) == [("https://www.tiktok.com/@_/video/1",)] * 3
