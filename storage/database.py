"""Opening a corpus: one SQLite file, one writer rule, upgrades, and errors in one sentence (D1-D3).

Every writing transaction begins with BEGIN IMMEDIATE: with the driver's default a read-check-insert is not atomic,
and a deferred transaction that reads first fails at once when somebody else writes.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, QueuePool

from storage.errors import CorpusInUse, CorpusUnusable, StorageFull

APPLICATION_ID = 0x56535043
"""PRAGMA application_id of a corpus: `VSPC`."""
PROJECT = Path(__file__).resolve().parent.parent
BUSY_TIMEOUT = 30_000
"""Milliseconds to wait for another writer."""
CLOSING_TIMEOUT = 2_000
"""Milliseconds to wait for readers when the write-ahead log is folded in; what is left, the next writer folds in."""
CACHE_KIB = 64 * 1024


def corpus_path(location: str | Path) -> Path:
    """The file of a corpus given as path or as `sqlite:///PATH`; links are followed, so that one file has one lock.

    Raises:
        CorpusUnusable: any other kind of URL.
    """
    text = str(location)
    if "://" not in text:
        return Path(text).resolve()
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return Path(text.removeprefix("sqlite:///")).resolve()
    raise CorpusUnusable(
        f"--corpus {text.split('://')[0]}://... is not supported: a corpus is one SQLite file, so give a path or "
        "sqlite:///PATH"
    )


class CorpusLock:
    """The collecting process's lock on `<corpus>.lock`. The system frees it when the process dies (D2)."""

    def __init__(self, corpus: Path) -> None:
        self._path = corpus.with_name(corpus.name + ".lock")
        self._file = None
        try:
            self._file = self._path.open("a+")  # not inherited by child processes
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            assert self._file is not None
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise CorpusInUse(
                f"another process (pid {holder}) is collecting into {corpus}; wait for it, stop it, or use another "
                "--corpus"
            ) from None
        except OSError as error:
            raise _unusable(corpus, error) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def is_collecting(corpus: Path) -> bool:
    """True while some process holds the collecting lock of this corpus; the lock itself is the proof, not its text."""
    try:
        with corpus.with_name(corpus.name + ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class Database:
    """An open corpus file. `read()` and `write()` give sessions; a write commits when its block ends."""

    def __init__(self, path: Path, *, read_only: bool, lock: CorpusLock | None = None) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = lock
        self._engine = create_engine("sqlite://", creator=lambda: _connect(path, read_only), poolclass=QueuePool)
        event.listen(self._engine, "begin", _begin)

    @property
    def holds_lock(self) -> bool:
        return self._lock is not None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent state of the corpus; nothing can be written through it."""
        with self._transaction(read=True) as connection, Session(connection) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end of the block, rolled back on any error.

        Raises:
            StorageFull: the disk is full or the corpus has reached its size limit.
            CorpusUnusable: the file cannot be written.
        """
        with self._transaction(read=False) as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()
            connection.commit()

    @contextmanager
    def _transaction(self, *, read: bool) -> Iterator[Connection]:
        """A transaction that the caller commits; anything else rolls it back."""
        with translated(self.path), self._engine.connect().execution_options(corpus_read=read) as connection:
            connection.begin()
            try:
                yield connection
            except BaseException:
                connection.invalidate()  # after a failed COMMIT it can still be in the transaction, unknown to its pool
                raise

    def close(self, *, fold: bool = True) -> None:
        """Fold the write-ahead log into the file, so that the corpus is one file to copy, and free the lock.

        Args:
            fold: False where this process still reads the corpus, for whose end the folding would wait in vain.
        """
        self._engine.dispose()
        if fold and not self.read_only:
            with suppress(sqlite3.Error):  # everything is committed: folding in can wait for the next writer
                connection = _connect(self.path, read_only=False)
                connection.execute(f"PRAGMA busy_timeout={CLOSING_TIMEOUT}")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    mode = "mode=ro" if read_only else "mode=rwc"
    if read_only and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists():
        mode = "mode=ro&immutable=1"  # a read-only folder has no place for the shared-memory file of a reader
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,  # the pool hands a connection to one user at a time, of whatever thread
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _begin(connection: Connection) -> None:
    read = connection.get_execution_options().get("corpus_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        text = str(getattr(error, "orig", error))
        if "full" in text or "disk I/O" in text:
            raise StorageFull(
                f"no space left for {path} ({text}); what was committed is safe: make space and run the same command"
            ) from error
        if any(sign in text for sign in ("readonly", "not a database", "malformed", "unable to open", "locked")):
            raise CorpusUnusable(f"{path} cannot be used ({text}); give another --corpus, or mend this one") from error
        raise


def _unusable(path: Path, error: OSError) -> CorpusUnusable:
    reason = (error.strerror or type(error).__name__).lower()
    return CorpusUnusable(f"{path} cannot be opened ({reason}); check the folder's rights or give another --corpus")


def open_database(location: str | Path, *, write: bool, lock: bool = False) -> Database:
    """Open a corpus.

    Args:
        location: path, or `sqlite:///PATH`.
        write: open for writing.
        lock: take the collecting lock; only its holder creates and upgrades a corpus (D3).

    Raises:
        CorpusInUse: another process holds the lock.
        CorpusUnusable: no corpus, from a newer version, older than this version (a reader says so and stops),
            unreadable or read-only.
    """
    path = corpus_path(location)
    held: CorpusLock | None = None
    try:
        with translated(path):
            _check_kind(path)
            if _revision(path) is None and not lock:
                raise CorpusUnusable(f"there is no corpus {path}; collect one first, or give its path with --corpus")
            if write and not all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists()):
                raise CorpusUnusable(f"{path} or its folder is read-only; give another --corpus or change the rights")
            if lock:  # only now: it leaves a file beside the corpus
                path.parent.mkdir(parents=True, exist_ok=True)
                held = CorpusLock(path)
            _bring_up_to_date(path, may_upgrade=lock)
    except OSError as error:
        if held:
            held.release()
        raise _unusable(path, error) from error
    except BaseException:
        if held:
            held.release()
        raise
    return Database(path, read_only=not write, lock=held)


def _check_kind(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no plain file"
        raise CorpusUnusable(f"{path} is {kind}; a corpus is one SQLite file: give its path as --corpus")
    with path.open("rb") as file:
        if file.read(16) not in (b"", b"SQLite format 3\0"):
            raise CorpusUnusable(f"{path} is no SQLite file; give the path of a corpus, or of a file to create")


def _revision(path: Path) -> str | None:
    """The schema revision of a file, which must be one of ours; None where there is nothing yet."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = _connect(path, read_only=True)
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0:  # an empty database, or one whose maker was killed
            return None
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise CorpusUnusable(f"{path} is an SQLite file but no corpus; give another --corpus")
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def alembic_config() -> Config:
    """Alembic's configuration from pyproject.toml, the only place it stands."""
    config = Config(toml_file=str(PROJECT / "pyproject.toml"))
    config.set_main_option("script_location", str(PROJECT / "migrations"))
    return config


def _bring_up_to_date(path: Path, *, may_upgrade: bool) -> None:
    revision = _revision(path)
    script = ScriptDirectory.from_config(alembic_config())
    head = script.get_current_head()
    if revision == head:
        return
    known = {step.revision for step in script.walk_revisions()}
    if revision is not None and revision not in known:
        raise CorpusUnusable(f"{path} was made by a newer version of this tool (schema {revision}); update the tool")
    if not may_upgrade:
        raise CorpusUnusable(
            f"{path} was made by an older version of this tool (schema {revision}); run `python -m agent.collect` or "
            "another collecting command on it once, which upgrades it"
        )
    upgrade(path, alembic_config())


def upgrade(path: Path, config: Config, target: str = "head") -> None:
    """Create or upgrade a corpus in one transaction, keys off before BEGIN and checked after (D3).

    A batch rebuild of a parent table with keys on would empty its children.

    Raises:
        CorpusUnusable: a row would point at nothing afterwards; nothing is changed then.
    """
    engine = create_engine("sqlite://", creator=lambda: _connect(path, read_only=False), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
            config.attributes["connection"] = connection
            command.upgrade(config, target)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise CorpusUnusable(
                    f"upgrading {path} would leave {len(broken)} rows of {broken[0][0]} without their parent; the "
                    "corpus is unchanged: please report it"
                )
