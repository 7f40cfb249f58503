"""Agreement of label sources, gathered short by short, against alpha over the written-out judgements."""

from itertools import combinations

import pytest

from storage.chance import draw
from storage.concord import Concord
from storage.reliability import krippendorff_alpha
from storage.tallies import concerns

NAMES = ("power", "hedonism", "security")
Said = dict[str, dict[str, bool | None]]


def labelled(number: int, *, sources: tuple[str, ...]) -> Said:
    """What each source says of a short: labelling sources name what there is, a person is asked for some names."""
    said: Said = {}
    for source in sources:
        chances = {name: draw(1, f"{source}/{name}", str(number // 2)) for name in NAMES}
        if source == "person:a":
            said[source] = {name: chance < 0.5 for name, chance in chances.items() if chance < 0.7}
        elif draw(2, source, str(number)) < 0.9:
            said[source] = {name: None if chance < 0.1 else True for name, chance in chances.items() if chance < 0.5}
    return {source: names for source, names in said.items() if names or source != "person:a"}


def judged(said: Said, source: str, name: str) -> bool | None:
    if name in said[source]:
        return said[source][name]
    return None if source.startswith("person") else False


def test_alpha_of_pairs_and_names_is_that_of_the_judgements_written_out() -> None:
    shorts = [labelled(number, sources=("model", "similarity", "person:a")) for number in range(200)]
    concord = Concord()
    for said in shorts:
        concord.add({}, said)
    found = concord.to_json()
    for name in NAMES:
        units = [[one for source in said if (one := judged(said, source, name)) is not None] for said in shorts]
        assert found["names"][name] == pytest.approx(krippendorff_alpha(units)), name
    assert len(found["pairs"]) == 3
    for pair in found["pairs"]:
        one, other = pair["sources"]
        both = [[judged(said, source, name) for source in (one, other)]
                for said in shorts if one in said and other in said for name in NAMES]  # fmt: skip
        units = [[say for say in unit if say is not None] for unit in both]
        assert pair["alpha"] == pytest.approx(krippendorff_alpha(units)), pair["sources"]
        assert 0 < pair["same"] < 1
        assert pair["same"] <= pair["overlap"] <= 1
    assert {tuple(pair["sources"]) for pair in found["pairs"]} == set(
        combinations(["model", "person:a", "similarity"], 2)
    )


def test_sources_that_say_the_same_agree_wholly_and_the_query_is_no_source() -> None:
    concord = Concord()
    for number in range(20):
        names: dict[str, bool | None] = {NAMES[number % 3]: True}
        concord.add({"power": True}, {"one": names, "two": names})
    found = concord.to_json()
    assert [pair["alpha"] for pair in found["pairs"]] == [1.0]
    assert set(found["names"].values()) == {1.0}
    assert found["found"] == {source: {"share": 0.35, "shorts": 20} for source in ("one", "two")}


def test_one_source_alone_agrees_with_nobody() -> None:
    concord = Concord()
    concord.add({}, {"one": {"power": True}})
    assert concord.to_json() == {"pairs": [], "names": {"power": None}, "found": {}}


@pytest.mark.parametrize(
    ("stance", "score", "about"),
    [("expresses", None, True), ("opposes", None, True), (None, None, True), ("none", None, False),
     ("unsure", None, None), ("unsure", 0.97, True)],
)  # fmt: skip
def test_what_a_label_says_of_a_short(stance: str | None, score: float | None, about: bool | None) -> None:
    assert concerns(stance, score) is about
