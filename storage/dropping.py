"""Following deletions: shorts that a site no longer shows go out of the corpus, too (D17)."""

from collections import Counter
from collections.abc import Sequence

from storage.corpus import Corpus, utc_now
from storage.forget import forget_rows, wipe
from storage.forgetting import Pair
from storage.pseudonyms import Pseudonyms
from storage.removals import FILE, Tombstones, add_removals
from storage.traces import Names, remove_traces, remove_vectors


def drop(corpus: Corpus, pairs: Sequence[Pair]) -> Counter[str]:
    """Take shorts out of a corpus as `storage.forget` does, all at once; they stay in its removals.

    Args:
        corpus: open with the collecting lock.

    Returns:
        Rows that went by table, and lines and folders beside the corpus.

    Raises:
        CorpusInUse: everything is removed, but a reader keeps old pages in the write-ahead log.
        StorageFull: see `storage.errors`.
    """
    path, now = corpus.database.path, utc_now()
    makes = Tombstones(Pseudonyms.of_user())
    new = [makes.of_short(*pair, now) for pair in pairs]
    gone = remove_traces(path, Names(ids=[pair[1] for pair in pairs]))
    add_removals(path.with_name(FILE), new)
    remove_vectors(path)
    with corpus.database.write() as session:
        gone += forget_rows(session, pairs, [], new)
    wipe(path)
    return gone
