"""Precedence, ranges, and what a run's record of its settings may hold."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.settings import Dwell, load_settings
from storage.errors import UsageError


def test_the_command_line_stands_above_the_environment_and_that_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "value-spectrum.toml").write_text("limit = 3\nseed = 3\ndecide_window = 3.0\n")
    monkeypatch.setenv("VALUE_SPECTRUM_LIMIT", "2")
    monkeypatch.setenv("VALUE_SPECTRUM_SEED", "2")
    settings = load_settings(limit=1, seed=None)
    assert (settings.limit, settings.seed, settings.decide_window) == (1, 2, 3.0)


def test_commas_and_repeated_options_mean_the_same() -> None:
    assert load_settings(value=["power,security"]).value == load_settings(value=["power", "security"]).value


@pytest.mark.parametrize(
    ("option", "given"),
    [("limit", 0), ("dwell", "often"), ("dwell", "uniform:9:1"), ("decider", "oracle"), ("max_cost", -1), ("at", 99)],
)
def test_a_value_out_of_range_names_its_option_in_one_sentence(option: str, given: object) -> None:
    with pytest.raises(UsageError, match="--" + option.replace("_", "-")) as caught:
        load_settings(**{option: given})
    assert "\n" not in str(caught.value)


def test_a_settings_file_that_is_no_toml_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "value-spectrum.toml").write_text("limit = = 3")
    with pytest.raises(UsageError, match=r"value-spectrum\.toml"):
        load_settings()


def test_a_misspelt_setting_in_the_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "value-spectrum.toml").write_text("limitt = 3")
    with pytest.raises(UsageError, match="limitt"):
        load_settings()


def test_keys_never_reach_the_recorded_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = load_settings(base_url="https://user:hunter2@models.example/v1?token=abc")
    assert settings.api_key is not None
    assert "sk-very-secret" not in repr(settings)
    recorded = str(settings.recorded())
    assert not any(secret in recorded for secret in ("sk-very-secret", "hunter2", "abc"))


def test_the_place_of_a_corpus_or_a_budget_does_not_make_another_plan_but_a_seed_does() -> None:
    plain = load_settings().identity()
    assert load_settings(corpus="elsewhere.sqlite", max_cost=1.0).identity() == plain
    assert load_settings(seed=2).identity() != plain


def test_dwell_is_a_function_of_seed_and_short_within_its_range_and_cap() -> None:
    dwell = Dwell("uniform:2:12")
    drawn = [dwell.of(7, f"id{n}", cap=10) for n in range(500)]
    assert drawn == [dwell.of(7, f"id{n}", cap=10) for n in range(500)]
    assert min(drawn) >= 2
    assert max(drawn) == 10
    assert 6 < sum(drawn) / len(drawn) < 8
    assert Dwell("fixed:3").of(1, "x", cap=30) == 3


def test_published_names_the_oldest_moment() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert load_settings(published="week").oldest(now) == datetime(2026, 2, 22, tzinfo=UTC)
    assert load_settings().oldest(now) is None
    with pytest.raises(UsageError, match="--published"):
        load_settings(published="decade")


def test_the_study_stands_in_the_settings_file_or_in_a_file_of_its_own_and_is_no_part_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = load_settings()
    (tmp_path / "value-spectrum.toml").write_text('limit = 3\n[study]\ntitle = "Feeds"\nethics = "17/2026"\n')
    (tmp_path / "other.toml").write_text('[study]\ntitle = "Other"\n')
    given = load_settings()
    assert (given.study and given.study.title, given.limit) == ("Feeds", 3)
    assert given.identity() == plain.identity() | {"limit": 3}
    assert (other := load_settings(study=Path("other.toml")).study)
    assert (other.title, other.ethics) == ("Other", None)
    (tmp_path / "value-spectrum.toml").write_text('[study]\ntitel = "Feeds"\n')
    with pytest.raises(UsageError, match=r"\[study\] has no titel"):
        load_settings()
    monkeypatch.setenv("VALUE_SPECTRUM_STUDY", "none.toml")
    with pytest.raises(UsageError, match=r"none\.toml"):
        load_settings()


def test_a_recommender_can_be_chosen_for_the_sandbox_alone(tmp_path: Path) -> None:
    assert load_settings(recommender="popular").recommender == "popular"
    assert load_settings(platform=["youtube"]).recommender == "engagement"
    for given in ({"platform": ["youtube"]}, {"media": tmp_path}):
        with pytest.raises(UsageError, match="--recommender"):
            load_settings(recommender="popular", **given)
    with pytest.raises(UsageError, match="--recommender"):
        load_settings(recommender="viral")
