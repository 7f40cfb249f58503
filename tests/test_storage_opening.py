"""What may be given as a corpus and what is refused in one sentence, and who may open one at a time (D1-D3)."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.corpus import Corpus
from storage.database import APPLICATION_ID, corpus_path, open_database
from storage.errors import CorpusInUse, CorpusUnusable, UsageError
from storage.summary import summarise
from tests.storage_tools import PROJECT, finished, kill, open_corpus, python, rows, scene, show, start

NOBODY = 65534
HOLDER = """
import sys
from storage.database import open_database
held = open_database(sys.argv[1], write=True, lock=True)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.sqlite"
    with open_corpus(path) as corpus:
        show(corpus, start(corpus)[1][0], "a", scene(1))
    return path


def test_a_corpus_is_given_as_path_or_sqlite_address(path: Path) -> None:
    for location in (path, str(path), f"sqlite:///{path}"):
        with open_database(location, write=False) as database:
            assert summarise(database).shorts == 1
    assert corpus_path("sqlite:///data/corpus.sqlite") == Path("data/corpus.sqlite").resolve()


def test_odd_names_are_names(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "100% of it? yes #1 ü.sqlite"
    open_corpus(path).close()
    assert path.is_file()
    with open_database(path, write=False) as database:
        assert summarise(database).shorts == 0


def text_file(folder: Path) -> Path:
    (folder / "notes.txt").write_text("buy milk\n" * 500)
    return folder / "notes.txt"


def other_database(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "other.sqlite")
    connection.executescript("CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('x')")
    connection.close()
    return folder / "other.sqlite"


def damaged(folder: Path) -> Path:
    (folder / "damaged.sqlite").write_bytes(b"SQLite format 3\0" + b"\x07" * 5000)
    return folder / "damaged.sqlite"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


BAD_LOCATIONS = [
    (lambda folder: "postgresql://localhost/corpus", "postgresql://... is not supported"),
    (lambda folder: "sqlite://", "is not supported"),
    (lambda folder: folder, "is a folder"),
    (lambda folder: Path("/dev/null"), "no plain file"),
    (pipe, "no plain file"),
    (text_file, "no SQLite file"),
    (other_database, "but no corpus"),
    (damaged, "cannot be used"),
]


@pytest.mark.parametrize(("make", "says"), BAD_LOCATIONS)
@pytest.mark.parametrize("lock", [False, True])
def test_what_is_no_corpus_is_refused_in_one_sentence_and_left_as_it_was(
    tmp_path: Path, make: Callable[[Path], Path | str], says: str, lock: bool
) -> None:
    location = make(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    with pytest.raises(CorpusUnusable) as refused:
        open_database(location, write=lock, lock=lock)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2
    assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("empty", [False, True])
def test_who_does_not_collect_needs_a_corpus(tmp_path: Path, write: bool, empty: bool) -> None:
    path = tmp_path / "corpus.sqlite"
    if empty:
        path.touch()
    with pytest.raises(CorpusUnusable, match=r"there is no corpus .*collect one first"):
        open_database(path, write=write)
    assert [file.name for file in tmp_path.iterdir()] == (["corpus.sqlite"] if empty else [])


def test_an_empty_file_becomes_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "corpus.sqlite"
    path.touch()
    open_corpus(path).close()
    assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert [kind for (kind,) in rows(path, "SELECT kind FROM events")] == ["created"]


def test_a_corpus_is_one_file_when_it_is_closed(path: Path) -> None:
    with open_corpus(path) as corpus:
        reader = open_database(path, write=False)
        with reader.read() as session:
            assert session.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        show(corpus, corpus.tasks.of_run(1)[0], "b", scene(2))
    copy = path.with_name("copy.sqlite")
    copy.write_bytes(path.read_bytes())  # the other's log is not copied along
    assert rows(copy, "SELECT platform_id FROM shorts ORDER BY id") == [("a",), ("b",)]
    reader.close()


def test_the_connection_has_the_promised_settings(path: Path) -> None:
    with open_database(path, write=True) as database, database.read() as session:
        asked = session.connection().exec_driver_sql
        settings = {name: asked(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
        assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}
        assert asked("PRAGMA busy_timeout").scalar() == 30_000
        assert int(asked("PRAGMA cache_size").scalar() or 0) < 0


# Who is in


def test_a_second_collecting_process_is_told_who_is_first_and_the_rest_may_go_on(path: Path) -> None:
    holder = python(HOLDER, path, stdin=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(CorpusInUse, match=rf"pid {holder.pid}\).*--corpus") as refused:
        open_corpus(path)
    assert refused.value.exit_code == 2
    with open_database(path, write=False) as reader:
        assert summarise(reader).shorts == 1
    with open_corpus(path, collecting=False) as labelling:
        labelling.add_event("relabel", {"source": "test"})
    holder.communicate("")
    open_corpus(path).close()


def test_the_lock_is_free_when_its_holder_dies_even_if_its_children_live(path: Path) -> None:
    holder = python(
        HOLDER.replace("sys.stdin.read()", "")
        + """
import subprocess, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
""",
        path,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(CorpusInUse):
            open_corpus(path)
        kill(holder)
        os.kill(child, 0)
        open_corpus(path).close()
    finally:
        os.kill(child, 9)


def test_a_refused_opening_does_not_keep_the_lock(
    path: Path, own_configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setenv("VALUE_SPECTRUM_CONFIG_DIR", str(own_configuration / "other"))
        with pytest.raises(UsageError, match="another pseudonym key"):
            open_corpus(path)
    open_corpus(path).close()


def test_a_corpus_is_opened_anew_without_another_created_event(path: Path) -> None:
    before = rows(path, "SELECT * FROM events")
    with Corpus(path, collecting=True):
        pass
    assert rows(path, "SELECT * FROM events") == before


# Rights. Root may write anywhere, so the one who tries is nobody.


AS_NOBODY = """
import os, sys
import storage.corpus, storage.summary, PIL.JpegImagePlugin, alembic.command, alembic.ddl.sqlite
from storage.database import alembic_config, open_database, _bring_up_to_date
from storage.errors import CorpusUnusable
os.environ["VALUE_SPECTRUM_CONFIG_DIR"] = sys.argv[3]
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with open_database(sys.argv[1], write=sys.argv[2] != "read", lock=sys.argv[2] == "collect") as database:
        print(storage.summary.summarise(database).shorts, "shorts")
        if sys.argv[2] != "read":
            with database.write() as session:
                session.connection().exec_driver_sql("DELETE FROM images")
except CorpusUnusable as error:
    print("refused:", error)
"""


@pytest.fixture
def public(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The corpus in a folder that everybody may enter."""
    for folder in path.parents:
        if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o055)
    return path


def as_nobody(path: Path, how: str) -> str:
    return finished(python(AS_NOBODY, path, how, path.parent / "config"))


HIDDEN = os.getuid() == 0 and not all(folder.stat().st_mode & 0o001 for folder in (PROJECT, *PROJECT.parents))
others_can_run_us = pytest.mark.skipif(HIDDEN, reason="nobody else may enter the folder of this checkout")


@others_can_run_us
@pytest.mark.parametrize(("folder", "file"), [(0o555, 0o444), (0o777, 0o444), (0o555, 0o666)])
@pytest.mark.parametrize("how", ["write", "collect"])
def test_what_may_not_be_written_is_refused_to_writers(public: Path, folder: int, file: int, how: str) -> None:
    before = public.read_bytes()
    public.with_name(public.name + ".lock").unlink()
    public.chmod(file)
    public.parent.chmod(folder)
    try:
        said = as_nobody(public, how)
    finally:
        public.parent.chmod(0o755)
    assert said.startswith("refused: ")
    assert str(public) in said
    assert said.count("\n") == 1
    assert public.read_bytes() == before


@others_can_run_us
def test_what_may_not_be_written_can_be_read(public: Path) -> None:
    public.chmod(0o444)
    public.parent.chmod(0o555)
    try:
        assert as_nobody(public, "read") == "1 shorts\n"
    finally:
        public.parent.chmod(0o755)


@others_can_run_us
def test_what_may_not_be_read_is_refused(public: Path) -> None:
    public.chmod(0o600)
    if os.getuid() != 0:
        public.chmod(0)
    assert as_nobody(public, "read").startswith(f"refused: {public} cannot be opened (permission denied)")
