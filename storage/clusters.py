"""Which pictures of a corpus are one picture: clusters, their members and representatives."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.models import Image

REPRESENTATIVES = ("earliest", "sharpest")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Image ids of frames that equal each other, directly or through others; nothing of it is ever deleted."""

    representative: int
    members: tuple[int, ...]
    """In the order in which they came, the representative among them."""


def clusters(session: Session, representative: str = "earliest") -> list[Cluster]:
    """All clusters of frames, singles included, by their earliest member.

    A picture that equals two clusters makes them one: it is marked as a duplicate of the earlier one, and its evidence
    names the other.

    Args:
        representative: `earliest`, or `sharpest` (the greatest variance of the Laplacian; the earliest of equals).

    Raises:
        ValueError: no such representative.
    """
    if representative not in REPRESENTATIVES:
        raise ValueError(f"representative is {representative!r}, not one of {', '.join(REPRESENTATIVES)}")
    parent: dict[int, int] = {}
    sharpness: dict[int, float] = {}

    def root(image_id: int) -> int:
        while parent[image_id] != image_id:
            parent[image_id] = parent[parent[image_id]]
            image_id = parent[image_id]
        return image_id

    rows = session.execute(
        select(Image.id, Image.duplicate_of, Image.sharpness, Image.evidence)
        .where(Image.role == "frame")
        .order_by(Image.id)
    ).all()
    for image_id, _, sharp, _ in rows:
        parent[image_id], sharpness[image_id] = image_id, sharp or 0.0
    for image_id, original, _, evidence in rows:
        for other in [*([original] if original else []), *((evidence or {}).get("also", []))]:
            one, two = sorted((root(image_id), root(other)))
            parent[two] = one
    members: dict[int, list[int]] = {}
    for image_id in parent:
        members.setdefault(root(image_id), []).append(image_id)
    return [
        Cluster(
            representative=first if representative == "earliest" else max(of, key=lambda one: (sharpness[one], -one)),
            members=tuple(of),
        )
        for first, of in members.items()
    ]
