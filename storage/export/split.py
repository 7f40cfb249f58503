"""Train and test: authors and near copies stay together, so that nothing in test was seen in training (D7, D17).

Shorts that share an author or a cluster of equal pictures, directly or through others, are one component; a component
goes to one side as a whole. Components are those of the whole corpus, so that two exports with other filters agree.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.chance import draw
from storage.clusters import clusters
from storage.models import Image, Short

TRAIN, TEST = "train", "test"
PURPOSE = "split"


class Components:
    """Which shorts belong together."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def root(self, short_id: int) -> int:
        """The smallest id of a short's component."""
        self._parent.setdefault(short_id, short_id)
        while (above := self._parent[short_id]) != short_id:
            self._parent[short_id] = self._parent[above]
            short_id = above
        return short_id

    def join(self, one: int, other: int) -> None:
        """Two shorts belong together."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parent[second] = first


def picture_clusters(session: Session) -> dict[int, int]:
    """Id of the earliest short with the same picture, by short; its own where the picture is the only one."""
    owner = {row[0]: row[1] for row in session.execute(select(Image.id, Image.short_id).where(Image.role == "frame"))}
    same = Components()
    for cluster in clusters(session):
        for member in cluster.members:
            same.join(owner[cluster.members[0]], owner[member])
    return {short_id: same.root(short_id) for short_id in owner.values()}


def splits(session: Session, clustered: dict[int, int], *, seed: int, test_share: float) -> dict[int, str]:
    """`train` or `test` for every short of a corpus, drawn by component (D4: a function of seed and id)."""
    together = Components()
    first_of_author: dict[str, int] = {}
    names: dict[int, str] = {}
    for short_id, platform, platform_id, author in session.execute(
        select(Short.id, Short.platform, Short.platform_id, Short.author).order_by(Short.id)
    ):
        names[short_id] = f"{platform}:{platform_id}"
        together.join(short_id, clustered.get(short_id, short_id))
        if author is not None:
            together.join(short_id, first_of_author.setdefault(author, short_id))
    # Named by its least name: ids of rows differ between two corpora that hold the same.
    key: dict[int, str] = {}
    for short_id, name in names.items():
        root = together.root(short_id)
        key[root] = min(key.get(root, name), name)
    return {
        short_id: TEST if draw(seed, PURPOSE, key[together.root(short_id)]) < test_share else TRAIN
        for short_id in names
    }
