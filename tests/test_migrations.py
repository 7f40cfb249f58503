"""Upgrades (D3): blank, and a filled old corpus that keeps every row and every byte."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import storage.database
from storage.database import PROJECT, alembic_config, open_database, upgrade
from storage.errors import CorpusUnusable
from storage.fires import Fires
from storage.labels import insert_labels
from storage.manifest import Published
from storage.models import Base
from storage.quotas import task_counts
from storage.records import Label, LabelKind, Outcome, Stance
from tests.storage_tools import (
    MOMENT,
    answer,
    everything,
    finished,
    kill,
    miss,
    open_corpus,
    python,
    record,
    rows,
    scene,
    show,
    start,
)

REBUILDING = "0004_revisits"
BEFORE_REBUILDING = ScriptDirectory.from_config(alembic_config()).get_revision(REBUILDING).down_revision

LATER = '''"""A later release"""

import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''

REBUILD = """with op.batch_alter_table("shorts", recreate="always") as batch:
        batch.add_column(sa.Column("rating", sa.Integer(), nullable=True))
    with op.batch_alter_table("runs", recreate="always") as batch:
        batch.alter_column("mode", new_column_name="way")"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus with a row in every table that has children."""
    path = tmp_path / "corpus.sqlite"
    with open_corpus(path) as filled:
        run, (task, other) = start(filled, 5, 5)
        filled.tasks.add_listings(task, [record("a", author="anna"), record("b")])
        label = Label(kind=LabelKind.VALUE, name="power", source="vlm", stance=Stance.EXPRESSES)
        first = show(filled, task, "a", scene(1), labels=(label,), author="anna")
        show(filled, other, "b", scene(1, quality=60))
        miss(filled, other, record("c"), Outcome.FAILED, "capture")
        kept = filled.answers.put(answer(run_id=run.id), None)
        with filled.database.write() as session:
            linked = Label(kind=LabelKind.TOPIC, name="family", source="vlm", answer_id=kept.id)
            insert_labels(session, first.short_id, [linked], run.id, MOMENT)
        filled.revisits.begin(run.plan_run_id, [Published(platform="sandbox", platform_id="a")])
        filled.runs.finish(run, "finished")
        Fires(filled.database, lambda: MOMENT).plan("job", MOMENT)
    return path


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration of a later release, whose newest revision rebuilds two parent tables."""
    return next_release(tmp_path, monkeypatch, REBUILD)


def next_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Config:
    folder = tmp_path / "migrations"
    shutil.copytree(PROJECT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    (folder / "versions" / "9999_later.py").write_text(LATER.format(head=head, body=body))

    def config() -> Config:
        made = Config(toml_file=str(PROJECT / "pyproject.toml"))
        made.set_main_option("script_location", str(folder))
        return made

    monkeypatch.setattr(storage.database, "alembic_config", config)
    return config()


def test_there_is_one_head_and_a_blank_file_becomes_what_the_models_say(tmp_path: Path) -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1
    upgrade(tmp_path / "new.sqlite", alembic_config())
    with create_engine(f"sqlite:///{tmp_path}/new.sqlite").connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_make_the_same_tables_as_the_models_down_to_keys_and_indexes(tmp_path: Path) -> None:
    upgrade(tmp_path / "upgraded.sqlite", alembic_config())
    engine = create_engine(f"sqlite:///{tmp_path}/made.sqlite")
    Base.metadata.create_all(engine)
    engine.dispose()

    def shape(path: Path) -> dict[str, object]:
        names = [name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')")]
        pragmas = ("table_info", "foreign_key_list", "index_info")
        return {
            name: [sorted(row[1:] for row in rows(path, f"PRAGMA {pragma}({name})")) for pragma in pragmas]
            for name in names
            if not name.startswith(("alembic", "sqlite"))
        }

    assert shape(tmp_path / "upgraded.sqlite") == shape(tmp_path / "made.sqlite")


def test_an_old_corpus_keeps_every_row_and_byte_when_parents_are_rebuilt(corpus: Path, later: Config) -> None:
    before = everything(corpus)
    pictures = rows(corpus, "SELECT rootpage FROM sqlite_master WHERE name = 'image_data'")
    with open_corpus(corpus):
        pass
    after = everything(corpus)
    assert rows(corpus, "SELECT version_num FROM alembic_version") == [("later",)]
    assert rows(corpus, "SELECT rootpage FROM sqlite_master WHERE name = 'image_data'") == pictures
    assert {*after} == {*before}
    for table in {*before} - {"shorts", "runs"}:
        assert after[table] == before[table]
        assert table in ("embeddings", "personas") or len(before[table]) > 1, f"{table} holds nothing to lose"
    assert after["runs"][0] == tuple(sorted({*before["runs"][0], "way"} - {"mode"}))
    assert len(after["runs"]) == len(before["runs"])
    place = after["shorts"][0].index("rating")
    assert [row[:place] + row[place + 1 :] for row in after["shorts"]] == before["shorts"]
    assert rows(corpus, "PRAGMA foreign_key_check") == []
    assert rows(corpus, "PRAGMA integrity_check") == [("ok",)]


def test_an_upgrade_that_would_orphan_a_row_changes_nothing(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release(tmp_path, monkeypatch, """op.execute("DELETE FROM tasks WHERE position = 0")""")
    before = everything(corpus)
    with pytest.raises(CorpusUnusable, match="without their parent"):
        open_corpus(corpus)
    assert everything(corpus) == before
    assert rows(corpus, "SELECT version_num FROM alembic_version") != [("later",)]


def test_an_upgrade_that_breaks_off_changes_nothing_and_can_be_tried_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = next_release(tmp_path, monkeypatch, REBUILD + '\n    raise RuntimeError("power cut")')
    before = everything(corpus)
    with pytest.raises(RuntimeError, match="power cut"):
        open_corpus(corpus)
    assert everything(corpus) == before
    step = Path(config.get_main_option("script_location") or "") / "versions" / "9999_later.py"
    step.write_text(step.read_text().replace('raise RuntimeError("power cut")', "pass  # mended and longer"))
    open_corpus(corpus).close()
    assert rows(corpus, "SELECT version_num FROM alembic_version") == [("later",)]


def test_a_corpus_from_before_rebuilding_keeps_its_tasks_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with open_corpus(path) as corpus:
        run, (task,) = start(corpus, 3)
        show(corpus, task, "a", scene(1))
    # As the release before left it: without the column, the table and the mark of this one.
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE tasks DROP COLUMN planned")
        old.execute("DROP TABLE revisits")
        old.execute("UPDATE alembic_version SET version_num = (?)", (BEFORE_REBUILDING,))
    before = everything(path)
    with open_corpus(path) as corpus:
        (there,) = corpus.tasks.of_run(run.plan_run_id)
        assert (there.quota, there.taken) == (3, 1)
        with corpus.database.read() as session:
            (count,) = task_counts(session, [run.plan_run_id])
        assert (count.planned, count.achieved) == (3, 1)  # nobody knows what it began with: what it is to bring now
        assert corpus.revisits.table([run.plan_run_id]) == {}
    after = everything(path)
    assert {*after} - {*before} == {"revisits"}
    assert after["shorts"] == before["shorts"]
    assert rows(path, "SELECT planned FROM tasks") == [(None,)]


@pytest.mark.parametrize("write", [False, True])
def test_only_the_holder_of_the_lock_upgrades(corpus: Path, later: Config, write: bool) -> None:
    with pytest.raises(CorpusUnusable, match=r"older version .* collecting command"):
        open_database(corpus, write=write)
    assert rows(corpus, "SELECT version_num FROM alembic_version") != [("later",)]


def test_a_corpus_of_a_later_release_is_refused(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        next_release(tmp_path, patched, REBUILD)
        open_corpus(corpus).close()
    for options in ({"write": False}, {"write": True}, {"write": True, "lock": True}):
        with pytest.raises(CorpusUnusable, match=r"newer version .*schema later.* update"):
            open_database(corpus, **options)


def test_a_corpus_whose_making_was_killed_is_made_by_the_next_command(tmp_path: Path) -> None:
    path = tmp_path / "corpus.sqlite"
    maker = python(
        """
import sys, time
import storage.database as database
database.command.upgrade = lambda *_: (print("half made", flush=True), time.sleep(60))
database.open_database(sys.argv[1], write=True, lock=True)
""",
        path,
    )
    assert maker.stdout is not None
    assert maker.stdout.readline() == "half made\n"
    kill(maker)
    assert path.stat().st_size > 0
    with pytest.raises(CorpusUnusable, match="there is no corpus"):
        open_database(path, write=False)
    with open_corpus(path) as corpus:
        show(corpus, start(corpus)[1][0], "a", scene(1))
    assert rows(path, "SELECT platform_id FROM shorts") == [("a",)]


def test_the_alembic_command_line_finds_everything_in_pyproject() -> None:
    said = finished(python("from alembic.config import main; main(['heads'])", cwd=PROJECT))
    assert "(head)" in said
